#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# readme.sh SOURCE BUILD: the program in README.md, compiled by the two commands that stand beside it, runs and says what it should.
set -euo pipefail
source=$1 build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
ln -s "$build" build
ln -s "$source/include" include
awk '/^```cpp$/ { inside = 1; next } /^```$/ && inside { exit } inside' "$source/README.md" >loop.cpp
long=$(grep -m 1 -E '^ +clang\+\+-22 .*loop\.cpp' "$source/README.md")
short=$(grep -m 1 -o 'clang++-22 --config[^`]*' "$source/README.md")
for command in "$long" "$short"; do
  rm -f a.out
  echo "$command"
  eval "$command"
  STILLPOINT_PROCS=1 "$source/samples/expect.sh" ./a.out '^here all the same, after [1-9][0-9]* rounds$'
done
