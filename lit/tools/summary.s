# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Sums, their JSON form, and the filter by function.
#
# RUN: llvm-mc -triple=x86_64-linux-gnu -filetype=obj -I %S/Inputs %s -o %t.o
# RUN: %sp-objdump --summary %t.o | FileCheck %s --check-prefix=SUM
# RUN: %sp-objdump --summary --json %t.o | FileCheck %s --check-prefix=JSON
# RUN: %sp-objdump --json %t.o | %python -c "import json,sys; [json.loads(line) for line in sys.stdin]"
# RUN: %sp-objdump --json --function=cold_path %t.o | FileCheck %s --check-prefix=INSTRUCTION
# RUN: %sp-objdump --runs --function=ns::hot %t.o | FileCheck %s --check-prefix=HOT
# RUN: %sp-objdump --runs --function="ns::hot(int)" %t.o | FileCheck %s --check-prefix=HOT
# RUN: %sp-objdump --runs --function=hot %t.o | FileCheck %s --check-prefix=HOT
# RUN: %sp-objdump --runs --function=_ZN2ns3hotEi %t.o | FileCheck %s --check-prefix=HOT
# RUN: %sp-objdump --runs --function="^ns::h.t.*int.$" %t.o | FileCheck %s --check-prefix=HOT
# RUN: %sp-objdump --summary --function=hot %t.o | FileCheck %s --check-prefix=ONE
# RUN: %sp-objdump --all %t.o | FileCheck %s --check-prefix=ALL
# RUN: not %sp-objdump --function=nobody %t.o 2>&1 | FileCheck %s --check-prefix=NOBODY
# RUN: not %sp-objdump --function=stranger %t.o 2>&1 | FileCheck %s --check-prefix=STRANGER
# RUN: not %sp-objdump "--function=(" %t.o 2>&1 | FileCheck %s --check-prefix=REGEX

# SUM: functions 2 3 fragments, 7 runs
# SUM-NEXT: bytes of managed code 15 93.75% of executable sections
# SUM-NEXT: safe points 5 62.50% of points, 73.33% of bytes
# SUM-NEXT: pinned points 1 12.50% of points, 6.67% of bytes
# SUM-NEXT: unsafe points 2 25.00% of points, 20.00% of bytes
# SUM-NEXT: bytes of tables 43 24 records, 19 maps
# SUM-NEXT: executable sections 16 tables 268.75%
# SUM-NEXT: .eh_frame 0 0.00% of executable sections
# SUM-NEXT: per fragment: 5.0 bytes of code, 2.7 points, 2.3 runs, 14.3 bytes of tables

# JSON: {"file":"{{.*}}","stripped":false,"functions":2,"fragments":3,"runs":7,"managed":15,"points":{"safe":5,"pinned":1,"unsafe":2},"bytes":{"safe":11,"pinned":1,"unsafe":3},"reference_points":0,"tables":{"records":24,"maps":19,"copies":0},"text":16,"eh_frame":0}

# INSTRUCTION: "functions":[{"name":"cold_path","mangled":"cold_path","section":".text","address":9,"size":2,"record":1,"map_bytes":4,"runs":1,"nosplit":false,"instructions":[{"address":9,"size":2,"text":"ud2","kind":"unsafe","changed":true,"vector":true,"frame":null}]}]

# HOT-NOT: <
# HOT: <ns::hot(int)>:
# HOT-NOT: <
# HOT: safe cfa=rsp+16 safe length 5
# HOT-NEXT: pinned cfa=rsp+8 own 0 length 1
# HOT-NOT: <
# ONE: functions 1 1 fragments
# ALL: <stranger>: foreign
# ALL-NEXT: foreign retq
# NOBODY: no managed function is named or matches 'nobody'
# STRANGER: stranger is foreign code: it has no table
# REGEX: --function=(: parentheses not balanced

  .include "table.inc"
  .text
  .type _ZN2ns3hotEi,@function
_ZN2ns3hotEi:
  pushq %rax
.Lhot_unsafe:
  nop
.Lhot_body:
  movl $1, %eax
.Lhot_pinned:
  nop
.Lhot_return:
  retq
.Lhot_end:
  .size _ZN2ns3hotEi, . - _ZN2ns3hotEi
  .type cold_path,@function
cold_path:
  ud2
.Lcold_end:
  .size cold_path, . - cold_path
  .type _ZN2ns3hotEi.cold,@function
_ZN2ns3hotEi.cold:
  movl %eax, %eax
.Lpart_body:
  movl %eax, %eax
.Lpart_end:
  .size _ZN2ns3hotEi.cold, . - _ZN2ns3hotEi.cold
  .type stranger,@function
stranger:
  retq
  .size stranger, . - stranger

  record _ZN2ns3hotEi, .text
  .byte 0x80, 2, 2, 1
  .byte 2 | 8 # pinned, entry frame
  run _ZN2ns3hotEi, .Lhot_unsafe, prologue
  run .Lhot_unsafe, .Lhot_body, unsafe
  run .Lhot_body, .Lhot_pinned, safe
  run .Lhot_pinned, .Lhot_return, own_0
  run .Lhot_return, .Lhot_end, entry
  end_map
  record cold_path, .text
  .byte 0, 1
  run cold_path, .Lcold_end, unsafe
  end_map
  record _ZN2ns3hotEi.cold, .text
  .byte 0, 1
  run _ZN2ns3hotEi.cold, .Lpart_end, safe
  end_map
