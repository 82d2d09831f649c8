#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# expect.sh PROGRAM REGEX...: runs PROGRAM, shows its output, and succeeds only if it exits with 0 and every REGEX matches one of its lines.
set -euo pipefail
program=$1
shift
status=0
output=$("$program" 2>&1) || status=$?
printf '%s\n' "$output"
if [ "$status" -ne 0 ]; then
  echo "expect.sh: $program ended with status $status" >&2
  exit 1
fi
for regex in "$@"; do
  if ! grep -Eq -- "$regex" <<<"$output"; then
    echo "expect.sh: no line of $program matches: $regex" >&2
    exit 1
  fi
done
