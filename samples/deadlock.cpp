// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two tasks that wait for each other: the program ends with "all tasks are asleep: deadlock", and says where each of them waits.
//
// Run in a child process, so that the sample itself ends well.
#include <stillpoint/stillpoint.hpp>

#include <csignal>
#include <cstdio>
#include <sys/wait.h>
#include <unistd.h>

namespace {

void philosophers() {
  stillpoint::mutex left, right;
  stillpoint::wait_group both_have_one;
  both_have_one.add(2);
  stillpoint::go({.name = "Aristotle"}, [&] {
    left.lock();
    both_have_one.done();
    both_have_one.wait();
    right.lock();
  });
  stillpoint::go({.name = "Plato"}, [&] {
    right.lock();
    both_have_one.done();
    both_have_one.wait();
    left.lock();
  });
  stillpoint::wait_group never;
  never.add();
  never.wait();
}

} // namespace

int main() {
  const pid_t child = fork();
  if (child == 0) {
    stillpoint::run(philosophers);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  const bool found = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
  std::puts(found ? "the deadlock was found" : "the deadlock was NOT found");
  return found ? 0 : 1;
}
