// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See capture.h.
#include "trace/capture.h"

#include "sched/lock.h"

#include <memory>

namespace stillpoint::rt::trace {
namespace {

constexpr std::uint64_t look_again_ns = 200'000;

// Another thread's `current`: only whether it is worth asking.
bool runs_a_task(const worker &w) noexcept {
  return __atomic_load_n(&w.current, __ATOMIC_RELAXED) != nullptr && w.thread_id.load(std::memory_order_relaxed) != 0 &&
         !w.announced.load(std::memory_order_relaxed); // no signal there: the snapshot knows where it called
}

// False: somebody else has asked this thread.
bool ask(worker &w, capture &c) noexcept {
  capture *nobody = nullptr;
  c.asked = &w;
  return w.wanted_trace.compare_exchange_strong(nobody, &c, std::memory_order_acq_rel); // pairs with answer()
}

// Whether it is settled what becomes of `c`. A signal may be on its way for another reason: then that one brings the answer, or the next.
bool settled(capture &c, bool patient) noexcept {
  if (c.done.load(std::memory_order_acquire)) // pairs with answer()
    return true;
  if (patient && runs_a_task(*c.asked)) {
    preempt::signal(*c.asked);
    return false;
  }
  if (capture *own = &c; c.asked->wanted_trace.compare_exchange_strong(own, nullptr, std::memory_order_acq_rel))
    return true; // ours again: the thread has left its task, or does not answer
  c.given_up = !patient;
  return !patient;
}

// In the handler of the signal that preempts.
void answer(worker &w, void *context) {
  capture *const c = w.wanted_trace.exchange(nullptr, std::memory_order_acq_rel); // pairs with ask() and settled()
  if (c == nullptr)
    return;
  if (const task *const t = w.current; t != nullptr) {
    c->who = t;
    c->id = t->id;
    follow({t->stack_low, t->stack_high}, arch::context_places(*static_cast<ucontext_t *>(context)), true, true, c->where);
  }
  c->done.store(true, std::memory_order_release);
}

} // namespace

captures::captures(std::uint64_t patience_ns) {
  preempt::trace_answer.store(answer, std::memory_order_relaxed); // before ask()'s release
  for (worker *w = all_workers(); w != nullptr; w = w->next_all) {
    if (!runs_a_task(*w))
      continue;
    auto c = std::make_unique<capture>();
    all_.reserve(all_.size() + 1);
    if (ask(*w, *c))
      all_.push_back(c.release());
  }
  const std::uint64_t begin = monotonic_now();
  for (;;) {
    const std::uint64_t now = monotonic_now();
    const bool patient = now - begin < patience_ns;
    bool all = true;
    for (capture *const c : all_)
      all &= settled(*c, patient);
    if (all)
      return;
    std::atomic<std::uint32_t> nobody{0};
    futex_wait(nobody, 0, now + look_again_ns);
  }
}

captures::~captures() {
  for (capture *const c : all_)
    if (!c->given_up)
      delete c;
}

const trail *captures::find(const task &t) const noexcept {
  for (const capture *const c : all_)
    if (c->done.load(std::memory_order_acquire) && c->who == &t && c->id == t.id)
      return &c->where;
  return nullptr;
}

} // namespace stillpoint::rt::trace
