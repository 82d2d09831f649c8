// Signal handlers of the program: on main's thread, with siglongjmp, on an alternate stack of its own, and the system's default.
// REQUIRES: runtime
// RUN: %stillpoint-clang -fplugin-arg-stillpoint-main=task -O2 %s -o %t
// RUN: %t | FileCheck %s
// RUN: not --crash %t term
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static sigjmp_buf back;
static volatile sig_atomic_t alarms, on_first_thread = 1, on_other_stack;
static char other_stack[1 << 16];

static void on_alarm(int number) {
  ++alarms;
  on_first_thread &= syscall(SYS_gettid) == getpid();
}
static void on_fault(int number) {
  char here;
  on_other_stack = &here > other_stack && &here < other_stack + sizeof other_stack;
  siglongjmp(back, 1);
}
static int overflow(int depth) {
  volatile char here[4096];
  here[0] = (char)depth;
  return depth < 0 ? 0 : overflow(depth + 1) + here[0];
}

int main(int count, char **words) {
  if (count > 1)
    raise(SIGTERM);
  signal(SIGALRM, on_alarm);
  struct itimerval every = {{0, 1000}, {0, 1000}};
  setitimer(ITIMER_REAL, &every, 0);
  while (alarms < 20)
    ;
  struct itimerval never = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &never, 0);
  printf("alarms, on the first thread: %d\n", on_first_thread);

  stack_t other = {.ss_sp = other_stack, .ss_size = sizeof other_stack};
  sigaltstack(&other, 0);
  struct sigaction fault;
  memset(&fault, 0, sizeof fault);
  fault.sa_handler = on_fault;
  fault.sa_flags = SA_ONSTACK;
  sigaction(SIGSEGV, &fault, 0);
  if (!sigsetjmp(back, 1))
    overflow(0);
  printf("stack overflow caught by the program, on its own stack: %d\n", on_other_stack);
  if (!sigsetjmp(back, 1))
    *(volatile int *)8 = 1;
  else
    puts("and a null pointer");
  return 0;
}
// CHECK: alarms, on the first thread: 1
// CHECK: stack overflow caught by the program, on its own stack: 1
// CHECK: and a null pointer
