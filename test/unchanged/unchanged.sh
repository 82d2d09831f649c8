#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# unchanged.sh BUILD [FOLDER] [PROGRAM…]: real programs from Debian's source packages, built twice by their own makefiles: plain, and by the
# wrappers with STILLPOINT_MAIN=task. The second is run in storms (a request to stop every 20 us) and has to print and to write what the
# first does. By hand: it downloads sources (into FOLDER, by default a temporary one) and takes some minutes. Wants make and dpkg-dev.
#
#   lua    the interpreter (C): closures, coroutines, errors by longjmp, its own collector
#   zstd   the compressor (C), with threads of its own
#   lzip   another compressor (C++), by its own configure script and makefile
set -euo pipefail
build=$(realpath "$1")
folder=${2:-}
shift $(($# < 2 ? $# : 2))
programs=("$@")
[ ${#programs[@]} -gt 0 ] || programs=(lua zstd lzip)
inputs=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ -z "$folder" ]; then
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
fi
mkdir -p "$folder"
cd "$folder"
unset "${!STILLPOINT_@}"
storm=(env STILLPOINT_DEBUG=storm=20us,preemptstats=1 STILLPOINT_SLICE=20us)
fail() { echo "unchanged.sh: $*" >&2; exit 1; }

# Where apt finds packages, for sources as well; the system's settings stay as they are.
prepare_apt() {
  [ ! -d apt ] || return 0
  mkdir -p apt/parts apt/lists/partial
  for file in /etc/apt/sources.list.d/*.sources; do
    [ ! -f "$file" ] || sed 's/^Types:.*/Types: deb-src/' "$file" >"apt/parts/$(basename "$file")"
  done
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ ! -f "$file" ] || sed -n 's/^deb /deb-src /p' "$file" >"apt/parts/$(basename "$file")"
  done
  printf 'Dir::Etc::sourcelist "/dev/null";\nDir::Etc::sourceparts "%s";\nDir::State::lists "%s";\n' "$folder/apt/parts" "$folder/apt/lists" >apt/conf
  APT_CONFIG=$folder/apt/conf apt-get update -qq
}

# sources PACKAGE: unpacked into plain/PACKAGE and task/PACKAGE.
sources() {
  local how
  prepare_apt
  [ -d "plain/$1" ] || for how in plain task; do
    mkdir -p "$how/get-$1"
    (cd "$how/get-$1" && APT_CONFIG=$folder/apt/conf apt-get source -qq "$1" >/dev/null 2>&1) || fail "no sources of $1"
    mv "$how/get-$1"/*/ "$how/$1"
    rm -r "$how/get-$1"
  done
}

# both FOLDER COMMAND: runs the command in plain/FOLDER and task/FOLDER, with CC and CXX as they should be.
both() {
  local where=$1
  shift
  (cd "plain/$where" && CC=clang-22 CXX=clang++-22 bash -c "$1") >"plain/$(basename "$where").log" 2>&1 || fail "plain/$where does not build: see plain/$(basename "$where").log in $folder"
  (cd "task/$where" && STILLPOINT_MAIN=task CC=$build/bin/stillpoint-clang CXX=$build/bin/stillpoint-clang++ bash -c "$1") \
    >"task/$(basename "$where").log" 2>&1 || fail "task/$where does not build: see task/$(basename "$where").log in $folder"
}

# same NAME PROGRAM ARGUMENT…: plain and as a task in a storm, with one processor and with two; output and status are the same.
same() {
  local name=$1 program=$2 want=0 processors
  shift 2
  timeout 300 "plain/$program" "$@" >want 2>want.err || want=$?
  for processors in 1 2; do
    local got=0
    STILLPOINT_PROCS=$processors timeout 600 "${storm[@]}" "task/$program" "$@" >got 2>got.err || got=$?
    grep -v '^stillpoint: preemptstats' got.err >got.rest || true
    cmp -s want got && cmp -s want.err got.rest && [ $want -eq $got ] ||
      fail "$name, $processors processors: status $got instead of $want; $folder/want, got, want.err and got.err"
    grep -q ' [1-9][0-9]* preemptions' got.err || fail "$name was never stopped: $(cat got.err)"
    echo "$name, $processors processors: the same, $(grep -o '[0-9]* preemptions' got.err | head -1), $(wc -c <got) bytes of output"
  done
}

# Debian's makefile wants libtool for a library that nothing here needs, and makes a header with the folders of modules.
build_lua() {
  sources lua5.4
  [ -x task/lua5.4/src/lua ] || both lua5.4/src 'rm -f luac.c && echo "#define DEB_HOST_MULTIARCH \"none\"" >lua5.4-deb-multiarch.h && $CC -I. -O2 -DLUA_USE_LINUX *.c -o lua -Wl,-E -lm -ldl'
}

lua() {
  build_lua
  same "lua" lua5.4/src/lua "$inputs/work.lua" 8
}

zstd() {
  sources libzstd
  both libzstd/programs 'make -j2 zstd CC=$CC HAVE_ZLIB=0 HAVE_LZMA=0 HAVE_LZ4=0'
  build_lua
  plain/lua5.4/src/lua "$inputs/work.lua" 100 >input
  for level in 1 9 19; do
    same "zstd -$level" libzstd/programs/zstd -q -c "-$level" input
    cp got packed
    same "zstd -d, of -$level" libzstd/programs/zstd -q -d -c packed
    cmp -s got input || fail "zstd -d gives something else"
  done
  same "zstd -T4" libzstd/programs/zstd -q -c -5 -T4 -B100000 input
}

lzip() {
  sources lzip
  both lzip './configure CXX=$CXX CXXFLAGS="-O2 -fexceptions" && make -j2'
  build_lua
  plain/lua5.4/src/lua "$inputs/work.lua" 20 >input
  local level
  for level in 0 6; do
    same "lzip -$level" lzip/lzip -q -c "-$level" input
    cp got packed
    same "lzip -t, of -$level" lzip/lzip -v -t packed
    same "lzip -d, of -$level" lzip/lzip -q -d -c packed
    cmp -s got input || fail "lzip -d gives something else"
  done
}

for program in "${programs[@]}"; do
  "$program"
done
