// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See snapshot.h.
#include "trace/snapshot.h"

#include "scan/foreign.h"
#include "sched/task_name.h"
#include "sched/tasks.h"
#include "sched/world.h"
#include "trace/capture.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace stillpoint::rt::trace {
namespace {

constexpr std::uint64_t hold_patience_ns = 1'000'000'000;
constexpr std::uint64_t answer_patience_ns = 500'000'000;

class taking {
public:
  taking(snapshot &out, const captures &running) : out_(out), running_(running) {}

  void add(const task &t) {
    entry e;
    e.id = t.id;
    std::memcpy(e.name, task_name(t).text(), sizeof e.name);
    e.state = t.state.load(std::memory_order_acquire); // pairs with change_state
    e.in_call = e.state == task_state::running && t.call_depth.load(std::memory_order_relaxed) != 0;
    e.locked = t.locked_to != nullptr;
    e.created_by = t.created_by;
    e.created_at = t.created_at;
    if (e.state == task_state::parked) {
      e.waiting_for = t.waiting_for;
      e.since = t.waiting_since;
    } else if (e.state == task_state::runnable) {
      e.since = t.queued_at.load(std::memory_order_relaxed);
    }
    const trail &way = trail_of(t, e.state);
    e.entry_point = way.why == ending::not_started ? reinterpret_cast<std::uintptr_t>(t.entry) : 0;
    e.why = way.why;
    e.interrupted = way.interrupted;
    e.first = out_.pcs.size();
    e.count = way.count;
    out_.pcs.insert(out_.pcs.end(), way.pc, way.pc + way.count);
    out_.tasks.push_back(e);
  }

private:
  const trail &trail_of(const task &t, task_state state) noexcept {
    const preempt::stack_bounds stack{t.stack_low, t.stack_high};
    if (state == task_state::running) {
      if (t.call_depth.load(std::memory_order_relaxed) != 0) { // it may just be coming back: only what the tables describe
        follow(stack, arch::caller_places(t.caller), false, false, own_);
        return own_;
      }
      if (const trail *const found = running_.find(t))
        return *found;
      own_.count = 0;
      own_.why = ending::unanswered;
      return own_;
    }
    if (t.last_worker == nullptr) {
      own_.count = 0;
      own_.why = ending::not_started;
      return own_;
    }
    // A direct switch (sched/direct.h) that began before the world was held may still take up a runnable task.
    const bool stays = out_.held && state == task_state::parked;
    if (t.async_stopped && t.interrupted != 0)
      follow(stack, arch::interrupted_places(t.interrupted), true, stays, own_);
    else
      follow(stack, arch::caller_places(t.caller), false, stays, own_);
    return own_;
  }

  snapshot &out_;
  const captures &running_;
  trail own_;
};

void add_all(scheduler &s, snapshot &out) {
  const captures running(answer_patience_ns);
  taking collected(out, running);
  world::each_task(s, [](void *context, task &t) { static_cast<taking *>(context)->add(t); }, &collected);
}

} // namespace

void take(scheduler &s, snapshot &out) noexcept {
  scan::prepare_foreign();
  out.taken_at = monotonic_now();
  out.processors = s.count;
  out.held = world::hold(s, hold_patience_ns);
  try {
    add_all(s, out);
    out.complete = true;
  } catch (const std::bad_alloc &) {
    // What there is of it is better than nothing.
  }
  if (out.held)
    world::let_run(s);
  std::sort(out.tasks.begin(), out.tasks.end(), [](const entry &a, const entry &b) { return a.id < b.id; });
}

} // namespace stillpoint::rt::trace
