#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# installed.sh BUILD HOW: what is installed works outside of the source tree and the build folder, wherever it was moved to.
#   prefix   cmake --install into a folder that is then renamed     package   the Debian package, extracted
#   build    the build folder itself, in place
# Each: the example project by CMake, a program by pkg-config, programs by the wrappers.
set -euo pipefail
build=$1 how=$2
example=$(cd "$(dirname "${BASH_SOURCE[0]}")/example" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset CC CXX CFLAGS CXXFLAGS LDFLAGS PKG_CONFIG_PATH "${!STILLPOINT_@}"
export STILLPOINT_PROCS=1
fail() { echo "installed.sh: $*" >&2; exit 1; }
# says WANTED STATUS COMMAND…
says() {
  local wanted=$1 status=$2 got=0 output
  shift 2
  output=$("$@") || got=$?
  [[ $output == *"$wanted"* && $got -eq $status ]] || fail "$*: \"$output\", status $got, instead of \"$wanted\", $status"
}

case $how in
  prefix)
    cmake --install "$build" --prefix "$work/first" >/dev/null
    mv "$work/first" "$work/moved"
    root=$work/moved package=$root ;;
  package)
    (cd "$work" && cpack -G DEB --config "$build/CPackConfig.cmake" -B "$work/cpack" >cpack.log) || { cat "$work/cpack.log"; exit 1; }
    deb=$(ls "$work"/cpack/*.deb)
    dpkg-deb --field "$deb" Package Version Architecture Depends
    dpkg-deb --contents "$deb" | awk '{ print $1, $6 }' | sed -E 's/^.{3}(.).*( .*)/\1\2/' >"$work/list"
    for wanted in 'x ./usr/bin/stillpoint-clang' 'x ./usr/bin/stillpoint-clang++' 'x ./usr/bin/stillpoint-objdump' \
      '- ./usr/include/stillpoint/stillpoint.hpp' '- ./usr/include/stillpoint/abi/map_format.h' '- ./usr/lib/libstillpoint.a' \
      '- ./usr/lib/libstillpoint.so.0.1.0' '- ./usr/lib/cmake/Stillpoint/StillpointConfig.cmake' '- ./usr/lib/pkgconfig/stillpoint.pc' \
      '- ./usr/lib/stillpoint/stillpoint-plugin.so' '- ./usr/lib/stillpoint/stillpoint.cfg' '- ./usr/share/doc/stillpoint/LICENSE'; do
      grep -qxF -- "$wanted" "$work/list" || fail "the package has no \"$wanted\": $(cat "$work/list")"
    done
    ! grep -v '/$' "$work/list" | grep -vE ' \./usr/(bin/stillpoint-|include/stillpoint/|lib/(libstillpoint\.|cmake/Stillpoint/|pkgconfig/stillpoint\.pc|stillpoint/)|share/doc/stillpoint/)' ||
      fail "files that do not belong into the package"
    dpkg-deb --extract "$deb" "$work/root"
    root=$work/root/usr package=$root ;;
  build) root=$build package=$build ;;
esac
# Nothing may lead back to where it was built.
[ "$how" = build ] || ! grep -rlF "$build" "$root/bin/stillpoint-clang" "$root"/lib/stillpoint/*.cfg "$root/lib/cmake" "$root/lib/pkgconfig" || fail "a file names the build folder"

cmake -S "$example" -B "$work/example" -G Ninja -DCMAKE_C_COMPILER=clang-22 -DCMAKE_CXX_COMPILER=clang++-22 -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_PREFIX_PATH="$package" >"$work/configure.log" || { cat "$work/configure.log"; exit 1; }
grep -q "Stillpoint_DIR:PATH=$package" "$work/example/CMakeCache.txt" || fail "another Stillpoint was found: $(grep Stillpoint_DIR "$work/example/CMakeCache.txt")"
ninja -C "$work/example" >"$work/build.log" || { cat "$work/build.log"; exit 1; }
says 'stopped after some rounds: 1' 0 timeout 60 "$work/example/tasks"
says 'stopped after some rounds: 1' 0 timeout 60 "$work/example/optimized"
says 'word 676553152' 3 timeout 60 "$work/example/unchanged" word

cd "$example"
STILLPOINT_MAIN=task "$root/bin/stillpoint-clang" -O2 unchanged.c -o "$work/wrapped"
says 'word 676553152' 3 timeout 60 "$work/wrapped" word
[ "$(nm "$work/wrapped" | grep -c ' main.task$')" -eq 1 ] || fail "main is no task"
"$root/bin/stillpoint-clang" -O2 -c work.c -o "$work/work.o"
"$root/bin/stillpoint-clang++" -std=c++20 -O2 tasks.cpp "$work/work.o" -o "$work/wrapped"
says 'stopped after some rounds: 1' 0 timeout 60 "$work/wrapped"
if [ "$how" != build ]; then
  export PKG_CONFIG_PATH=$root/lib/pkgconfig
  clang++-22 -std=c++20 -O2 $(pkg-config --cflags stillpoint) tasks.cpp "$work/work.o" -o "$work/by_pkg_config" $(pkg-config --libs stillpoint)
  says 'stopped after some rounds: 1' 0 timeout 60 "$work/by_pkg_config"
fi
echo "$how: all as expected"
