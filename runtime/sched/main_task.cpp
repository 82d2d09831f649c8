// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The main task on the calling thread: run_on_this_thread(), and main=task, the program's main as the first task, on the thread that the process
// began with.
//
// Problem: an unchanged program takes it for granted that main runs on one thread, the process's first, from the constructors in front of it to the
// destructors behind it: thread_local variables, the thread's id, mutexes taken by a constructor, libraries that want that thread.
// Mechanism: the thread that calls becomes a worker that the main task is locked to, for good. It begins with a processor, so that no other
// thread but the monitor is started for a program that never calls go(). When main returns, so does the call, and the C library does what it always does.
// Invariants: the thread runs nothing but main and what was locked to its thread by lock_to_recv_os_thread, so it is never kept by others when main has
// ended (docs/decisions/0007 is about those that would be). In a child of fork() there is no scheduler to go back to: when main returns there, the
// child ends like any program whose main returns.
// Rejected: an ordinary worker for main and the first thread waiting (thread_local variables of constructors and of main would differ); the
// process's own stack for the task (the scheduler's loop would need another for this one worker, and a frame of the C library lies at its base).
#include "fatal.h"
#include "sched/processors.h"
#include "sched/run.h"
#include "sched/tasks.h"
#include "stack/stack.h"
#include "stillpoint/export.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <sys/resource.h>

namespace stillpoint::rt::sched {
namespace {

// More than any program undoes by unlock_os_thread().
constexpr std::uint32_t for_good = std::uint32_t{1} << 31;

void join_run(scheduler &s, os_thread &w) noexcept {
  task &t = *s.main_task;
  w.owner = &s;
  w.thread_state.store(os_thread::running, std::memory_order_relaxed);
  w.locked.store(1, std::memory_order_relaxed);
  t.locked_to = &w;
  t.lock_depth = for_good;
  change_state(t, task_state::parked, task_state::runnable);
  const lock_guard held(s.mutex);
  processor *const p = pop_idle(s); // nobody has taken one yet
  w.first = &t;
  p->self.store(&w, std::memory_order_relaxed);
  w.given.store(p, std::memory_order_relaxed);
  w.next_of_run = s.threads;
  s.threads = &w;
}

void leave_list(scheduler &s, const os_thread &w) noexcept {
  const lock_guard held(s.mutex);
  os_thread **link = &s.threads;
  while (*link != &w)
    link = &(*link)->next_of_run;
  *link = w.next_of_run;
}

} // namespace

std::size_t program_stack_size() noexcept {
  rlimit limit{};
  if (getrlimit(RLIMIT_STACK, &limit) != 0)
    return stack::main_size;
  return static_cast<std::size_t>(
      std::clamp<rlim_t>(limit.rlim_cur, stack::default_size, stack::max_size)); // unlimited is the largest number
}

void run_main_here(scheduler &s) noexcept {
  os_thread &w = new_worker();
  join_run(s, w);
  be_worker(w);
  leave_list(s, w);
  retire_worker(w);
}

void end_forked_main(const scheduler &s, const task &t) noexcept {
  if (&t != s.main_task || !s.forked.load(std::memory_order_relaxed))
    return;
  if (s.program != nullptr)
    std::exit(s.program->result);
  if (t.lock_depth >= for_good) // else its thread ends, and the child with it
    fatal("the main task returned in a child of fork(): only exec and _exit may follow a fork() in a task");
}

namespace {

void run_program(void (*entry)(abi::main_call *), abi::main_call *call) {
  // main called by itself or by a thread of the program, in another object file: a function like others.
  if (active() != nullptr)
    return entry(call);
  try {
    run_main(reinterpret_cast<void (*)(void *)>(entry), call, main_place::this_thread, call);
  } catch (const std::bad_alloc &) {
    fatal(message() << "no memory for main as a task, with a stack of " << program_stack_size() / 1024 << " KiB (ulimit -s)");
  }
}

} // namespace
} // namespace stillpoint::rt::sched

extern "C" STILLPOINT_API void __stillpoint_run_main_task_v1(void (*entry)(stillpoint::abi::main_call *),
                                                             stillpoint::abi::main_call *call) {
  stillpoint::rt::sched::run_program(entry, call);
}
