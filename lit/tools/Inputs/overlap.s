# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Two records for the same two bytes.
  .include "table.inc"
  .text
.Lfirst:
.Lsecond:
  nop
  retq
.Lend:
  record .Lfirst, .text
  .byte 0, 1
  run .Lfirst, .Lend, safe
  end_map
  record .Lsecond, .text
  .byte 0, 1
  run .Lsecond, .Lend, safe
  end_map
