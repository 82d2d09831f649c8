// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See stepper.h. The handler runs on the worker's alternate stack with SIGURG blocked; everything it needs is static.
#include "test/preempt/fake/stepper.h"

#include "runtime/config.h"
#include "runtime/map/registry.h"
#include "test/preempt/fake/fake_scheduler.h"
#include "test/stepping/machine_state.h"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <thread>
#include <ucontext.h>

namespace stillpoint::test {
namespace {

struct {
  machine_state before, after;
  const fake_task *task = nullptr;
  bool waiting = false; // a signal is pending for the recorded instruction
  bool stopped = false; // ... and has stopped the task
  bool with_vectors = false;
  std::uint64_t preemptions = 0, vector_saves = 0; // the worker's counters when it was sent
  step_report report;
  const char *difference = nullptr;
  greg_t difference_pc = 0;
} state;

bool is_managed(std::uintptr_t pc) {
  map::point p;
  const map::reader_scope reading(rt::this_worker());
  return map::lookup(pc, p) == map::status::ok;
}

void compare(const ucontext_t &context) {
  state.after.record(context);
  ++state.report.stops;
  state.report.vector_stops += state.with_vectors;
  const char *const what = difference(state.before, state.after, state.with_vectors);
  if (what == nullptr)
    return;
  ++state.report.differences;
  if (state.difference == nullptr) {
    state.difference = what;
    state.difference_pc = context.uc_mcontext.gregs[REG_RIP];
  }
}

void on_trap(int, siginfo_t *, void *raw) {
  ucontext_t &context = *static_cast<ucontext_t *>(raw);
  rt::worker &w = *rt::this_worker();
  if (state.task->finished) {
    context.uc_mcontext.gregs[REG_EFL] &= ~trap_flag;
    return;
  }
  if (state.waiting && !state.stopped && w.counters.preemptions.load() != state.preemptions) {
    // Behind the first instruction of async_preempt: at full speed from here until the saved flags come back.
    state.stopped = true;
    state.with_vectors = w.counters.vector_saves.load() != state.vector_saves;
    context.uc_mcontext.gregs[REG_EFL] &= ~trap_flag;
    return;
  }
  if (!is_managed(static_cast<std::uintptr_t>(context.uc_mcontext.gregs[REG_RIP]))) {
    state.waiting = false;
    return;
  }
  const bool came_back = state.waiting && state.stopped;
  state.waiting = state.stopped = false;
  if (came_back) {
    compare(context);
    return;
  }
  ++state.report.steps;
  state.before.record(context);
  state.waiting = true;
  state.preemptions = w.counters.preemptions.load();
  state.vector_saves = w.counters.vector_saves.load();
  request_here(w);
}

void install_trap_handler() {
  struct sigaction action = {};
  action.sa_sigaction = on_trap;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  sigaddset(&action.sa_mask, SIGURG);
  sigaction(SIGTRAP, &action, nullptr);
}

// From the next instruction on every one traps; the handler keeps quiet until managed code is reached.
void set_trap_flag() { asm volatile("subq $128, %%rsp; pushfq; orq $0x100, (%%rsp); popfq; addq $128, %%rsp" ::: "memory", "cc"); }

// There it stays for a few stops, a different number each time, and as long as they are pinned.
bool resume_on_new_thread(fake_task &t) {
  bool stopped = true;
  std::thread([&] {
    fake_worker elsewhere;
    for (std::uint64_t few = t.control.preemptions % 7; stopped && (few != 0 || t.control.pinned_to != nullptr); few -= few != 0) {
      clobber_everything();
      stopped = elsewhere.resume(t);
      state.report.pinned_stops += stopped && elsewhere.last_stop_was_pinned;
    }
  }).join();
  return stopped;
}

} // namespace

step_report run_stepped(void (*entry)(void *), void *argument, bool migrate, void (*at_stop)(const rt::task &)) {
  install_trap_handler();
  // A stop at a return from foreign code would take the trap flag along to the scheduler. return_trap_test.cpp steps through those.
  rt::settings set = rt::config();
  set.returntraps = false;
  rt::set_config(set);
  fake_worker here;
  fake_task t(entry, argument);
  state.task = &t;
  state.waiting = state.stopped = false;
  state.report = {};
  state.difference = nullptr;
  set_trap_flag();
  bool stopped = here.resume(t);
  while (stopped) {
    if (at_stop != nullptr)
      at_stop(t.control);
    state.report.pinned_stops += here.last_stop_was_pinned;
    here.last_stop_was_pinned = false;
    if (migrate && t.control.pinned_to == nullptr)
      stopped = resume_on_new_thread(t);
    if (!stopped)
      break;
    clobber_everything();
    stopped = here.resume(t);
  }
  if (state.difference != nullptr) {
    std::ostringstream text;
    text << state.difference << " at entry + 0x" << std::hex
         << static_cast<std::uintptr_t>(state.difference_pc) - reinterpret_cast<std::uintptr_t>(entry);
    state.report.first_difference = text.str();
  }
  return state.report;
}

} // namespace stillpoint::test
