// How a program ends, and what runs before and after main: as ever, on the thread that the process began with.
// REQUIRES: runtime
// RUN: %stillpoint-clangxx -fplugin-arg-stillpoint-main=task -std=c++20 -O2 -Wno-exceptions %s -o %t
// RUN: %clangxx -std=c++20 -O2 -Wno-exceptions %s -o %t.plain
// RUN: sh -c 'for how in return exit quick underscore deep; do %t $how; echo "$how: $?"; done' > %t.out
// RUN: sh -c 'for how in return exit quick underscore deep; do %t.plain $how; echo "$how: $?"; done' > %t.plain.out
// RUN: diff %t.out %t.plain.out
// RUN: not %t return | FileCheck %s
// RUN: not %t exit | FileCheck %s --check-prefix=EXIT
// RUN: not --crash %t abort
// RUN: not --crash %t throw 2>&1 | FileCheck %s --check-prefix=THROW
// RUN: not --crash %t handler 2>&1 | FileCheck %s --check-prefix=HANDLER
// RUN: not --crash %t noexcept 2>&1 | FileCheck %s --check-prefix=NOEXCEPT
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <sys/syscall.h>
#include <unistd.h>

static bool first_thread() { return syscall(SYS_gettid) == getpid(); }
static void say(const char *what) { printf("%s%s\n", what, first_thread() ? "" : " on another thread"); }

struct speaker {
  explicit speaker(const char *name) : name(name) { say(name); }
  ~speaker() { printf("~%s%s\n", name, first_thread() ? "" : " on another thread"); }
  const char *name;
};
static thread_local int counter = 0;
static int set_by_constructor = counter = 41;
static speaker global("global");

static int leave(const char *how) {
  if (!strcmp(how, "exit"))
    exit(4);
  if (!strcmp(how, "quick"))
    quick_exit(5);
  if (!strcmp(how, "underscore"))
    _exit(6);
  if (!strcmp(how, "abort"))
    abort();
  if (!strcmp(how, "throw"))
    throw std::runtime_error("nobody catches this");
  if (!strcmp(how, "handler")) {
    std::set_terminate([] {
      fputs("the program's own handler\n", stderr);
      abort();
    });
    throw 1;
  }
  if (!strcmp(how, "noexcept"))
    []() noexcept { throw std::runtime_error("cannot leave"); }();
  if (!strcmp(how, "deep")) {
    try {
      throw std::runtime_error("caught");
    } catch (const std::exception &e) {
      puts(e.what());
      return 8;
    }
  }
  return 7;
}

int main(int, char **words) {
  static speaker local("local static");
  thread_local speaker of_thread("thread_local");
  const speaker automatic("automatic");
  printf("%d\n", ++counter);
  atexit([] { say("atexit"); });
  at_quick_exit([] {
    say("at_quick_exit");
    fflush(stdout);
  });
  return leave(words[1]);
}

// CHECK: {{^}}global{{$}}
// CHECK: {{^}}local static{{$}}
// CHECK: {{^}}thread_local{{$}}
// CHECK: {{^}}42{{$}}
// CHECK: {{^}}~automatic{{$}}
// CHECK: {{^}}~thread_local{{$}}
// CHECK: {{^}}atexit{{$}}
// CHECK: {{^}}~local static{{$}}
// CHECK: {{^}}~global{{$}}
// EXIT-NOT: ~automatic
// EXIT: {{^}}~thread_local{{$}}
// EXIT: {{^}}~global{{$}}
// THROW: stillpoint: task 'main' (#1) ended by an uncaught exception of type std::runtime_error: nobody catches this
// HANDLER: stillpoint: task 'main' (#1) ended by an uncaught exception of type int
// HANDLER: the program's own handler
// NOEXCEPT: terminate called after throwing{{.*}}runtime_error
