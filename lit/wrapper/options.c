// The wrappers are Clang, with whatever a build system asks of it.
// REQUIRES: runtime
// RUN: rm -rf %t && mkdir %t && cd %t
// RUN: %stillpoint-clang --version | FileCheck %s --check-prefix=VERSION
// RUN: %stillpoint-clang -Werror -E %s | FileCheck %s --check-prefix=PREPROCESSED
// RUN: %stillpoint-clang -Werror -S %s -o - | FileCheck %s --check-prefix=ASSEMBLY
// RUN: %stillpoint-clang -Werror -MMD -MF deps -c %s -o one.o && llvm-readelf -S one.o | FileCheck %s --check-prefix=TABLES
// RUN: %stillpoint-clang -Werror -fsyntax-only %s && %stillpoint-clang -v 2>&1 | FileCheck %s --check-prefix=VERSION
// RUN: %stillpoint-clang -Werror one.o -o program && ./program && llvm-readelf -d program | FileCheck %s --check-prefix=LINKED
// RUN: %stillpoint-clangxx -Werror -x c++ %s -o program && ./program
// RUN: %stillpoint-clang -Werror -shared -fPIC %s -o shared.so && llvm-readelf -d shared.so | FileCheck %s --check-prefix=LINKED
// RUN: %stillpoint-clang -r one.o -o both.o && llvm-readelf -S both.o | FileCheck %s --check-prefix=TABLES
// RUN: %stillpoint-clang -Werror -nostdlib -Wl,-e,main one.o -o bare && llvm-readelf -d bare | not grep stillpoint
// RUN: %stillpoint-clang -Werror -fplugin-arg-stillpoint-liveness=full -c %s -o one.o
//
// The settings of the environment, and what cannot be.
// RUN: env STILLPOINT_MAIN=task %stillpoint-clang -c %s -o one.o && llvm-nm one.o | grep main.task
// RUN: env STILLPOINT_MAIN=thread %stillpoint-clang -c %s -o one.o && llvm-nm one.o | not grep main.task
// RUN: env STILLPOINT_MAIN=task %stillpoint-clang -fplugin-arg-stillpoint-main=thread -c %s -o one.o && llvm-nm one.o | not grep main.task
// RUN: not env STILLPOINT_MAIN=tusk %stillpoint-clang -c %s -o one.o 2>&1 | FileCheck %s --check-prefix=MAIN
// RUN: not %stillpoint-clang -flto -fuse-ld=bfd %s -o program 2>&1 | FileCheck %s --check-prefix=BFD
// RUN: env STILLPOINT_CLANG=%clang %stillpoint-clang -c %s -o one.o
//
// By a link to it, from another folder, with a space in the name of the output.
// RUN: ln -s %stillpoint-clang link && ./link %s -o "a program" && "./a program"

// VERSION: clang version 22.1
// PREPROCESSED: int here = 1
// ASSEMBLY: stillpoint_records
// TABLES: stillpoint_records
// LINKED-DAG: NEEDED{{.*}}libstillpoint.so
// LINKED-DAG: RUNPATH
// MAIN: stillpoint-clang: STILLPOINT_MAIN=tusk: want task or thread
// BFD: stillpoint-clang: -flto with -fuse-ld=bfd: only lld
#ifdef __STILLPOINT__
int here = 1;
#endif
int main() { return 0; }
