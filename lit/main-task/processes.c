// Child processes: those that go on as main does, return from it, exit, and execute another program.
// REQUIRES: runtime
// RUN: %stillpoint-clang -fplugin-arg-stillpoint-main=task -O2 %s -o %t
// RUN: %t %t | FileCheck %s
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static int status_of(pid_t child) {
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
static void bye(void) { printf("bye from %s\n", getenv("WHO")); }

int main(int count, char **words) {
  if (count == 3)
    return atoi(words[2]);
  setenv("WHO", "parent", 1);
  atexit(bye);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    setenv("WHO", "child", 1);
    pid_t grandchild = fork();
    if (grandchild == 0)
      return 3; // from main
    printf("grandchild: %d\n", status_of(grandchild));
    return 5;
  }
  printf("returned: %d\n", status_of(child));
  fflush(stdout);
  if (!(child = fork()))
    exit(6);
  printf("exit: %d\n", status_of(child));
  fflush(stdout);
  if (!(child = vfork())) {
    execl(words[1], words[1], "x", "11", (char *)0);
    _exit(1);
  }
  printf("executed: %d\n", status_of(child));
  char *arguments[] = {words[1], "x", "12", 0};
  posix_spawn(&child, words[1], 0, 0, arguments, environ);
  printf("spawned: %d\n", status_of(child));
  printf("system: %d\n", WEXITSTATUS(system("exit 13")));
  return 0;
}
// CHECK: bye from child
// CHECK: grandchild: 3
// CHECK: bye from child
// CHECK: returned: 5
// CHECK: bye from parent
// CHECK: exit: 6
// CHECK: executed: 11
// CHECK: spawned: 12
// CHECK: system: 13
// CHECK: bye from parent
