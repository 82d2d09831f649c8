// The option's values; what is no main; a link without the runtime; both plugins at once.
// REQUIRES: runtime
// RUN: not %sp-clang -fplugin-arg-stillpoint-main=tusk -c %s -o /dev/null 2>&1 | FileCheck %s --check-prefix=VALUE
// RUN: not %sp-clang -fplugin-arg-stillpoint-main -c %s -o /dev/null 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: %sp-clang -fplugin-arg-stillpoint-main=task -c %s -o %t.o && llvm-nm %t.o | FileCheck %s --check-prefix=TASK
// RUN: %sp-clang -fplugin-arg-stillpoint-main=task -fplugin-arg-stillpoint-main=thread -c %s -o %t.o && llvm-nm %t.o | FileCheck %s --check-prefix=THREAD
// RUN: %sp-clang -c %s -o %t.o && llvm-nm %t.o | FileCheck %s --check-prefix=THREAD
// RUN: %sp-clang -fplugin-arg-stillpoint-main=task -ffreestanding -c %s -o %t.o && llvm-nm %t.o | FileCheck %s --check-prefix=THREAD
// RUN: %sp-clang -fplugin-arg-stillpoint-main=task -fpass-plugin=%plugin -c %s -o %t.o && llvm-nm %t.o | FileCheck %s --check-prefix=TASK
// RUN: %sp-clang -fplugin-arg-stillpoint-main=task -DNONE -c %s -o %t.o && llvm-nm %t.o | FileCheck %s --check-prefix=THREAD --allow-empty
// RUN: %sp-clang -fplugin-arg-stillpoint-main=task -g -O2 -c %s -o %t.o && llvm-dwarfdump --name=main %t.o | FileCheck %s --check-prefix=DEBUG
// RUN: not %sp-clang -fplugin-arg-stillpoint-main=task %s -o %t 2>&1 | FileCheck %s --check-prefix=LINK

// VALUE: error: 'tusk' is no value of the option 'main' of the plugin 'stillpoint'; known: thread, task
// MISSING: error: option 'main' of the plugin 'stillpoint' needs a value: main=thread or main=task
// TASK-DAG: T main{{$}}
// TASK-DAG: T main.task{{$}}
// TASK-DAG: U __stillpoint_run_main_task_v1
// THREAD-NOT: main.task
// DEBUG: DW_AT_name ("main")
// LINK: undefined reference to `__stillpoint_run_main_task_v1'
#ifndef NONE
int main(void) { return 0; }
#else
static int main_of_this(void) { return 0; }
int (*keep)(void) = main_of_this;
#endif
