// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What each generated program is compiled with, in front of everything (-include). Its variables go into sections of their own, so that the driver
// can put back what they held before it runs the program again; its main and its output become the driver's.
#ifndef STILLPOINT_TEST_CSMITH_PROGRAM_H
#define STILLPOINT_TEST_CSMITH_PROGRAM_H

#pragma clang section bss = "csmith_bss" data = "csmith_data"
#define main csmith_main
#define printf csmith_print

#endif
