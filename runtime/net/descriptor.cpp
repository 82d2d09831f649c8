// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See descriptor.h.
#include "net/descriptor.h"

#include "fatal.h"
#include "net/poller.h"
#include "sched/direct.h"

#include <algorithm>
#include <cerrno>
#include <unistd.h>
#include <utility>

namespace stillpoint::net::detail {
namespace {

using rt::lock_guard;
using rt::task;

struct descriptor_pool {
  rt::lock mutex;
  descriptor *free STILLPOINT_GUARDED_BY(mutex) = nullptr;
};
constinit descriptor_pool pool;

// Each worker counts for itself who comes to a gate and who leaves it: one count for all would go to and fro between the CPUs with each request.
alignas(64) constinit std::atomic<std::uint64_t> ended_elsewhere{0};

void count_begun() noexcept {
  std::atomic<std::uint64_t> &begun = rt::current_worker->file_waits_begun;
  begun.store(begun.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

// Release: pairs with waiting(): who sees it sees that wait's beginning.
void count_ended() noexcept {
  if (rt::worker *const w = rt::current_worker)
    w->file_waits_ended.store(w->file_waits_ended.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  else
    ended_elsewhere.fetch_add(1, std::memory_order_release);
}

descriptor &allocate() {
  {
    const lock_guard held(pool.mutex);
    if (descriptor *const d = pool.free) {
      pool.free = d->next_free;
      return *d;
    }
  }
  return *new descriptor; // lives as long as the process
}

void recycle(descriptor &d) noexcept {
  const lock_guard held(pool.mutex);
  d.next_free = pool.free;
  pool.free = &d;
}

// Nobody holds the side any more.
void silence(alarm &a) noexcept {
  if (a.set_for.load(std::memory_order_relaxed) == rt::never)
    return;
  const rt::sched::visit here;
  if (rt::scheduler *const s = here.run()) // else nobody is there to ring it
    rt::sched::cancel_timer(*s, a);
  a.set_for.store(rt::never, std::memory_order_relaxed);
}

// The last operation after close() is over.
void destroy(descriptor &d) noexcept {
  for (side &s : d.sides)
    silence(s.at_deadline);
  {
    const lock_guard held(d.mutex);
    dismiss(d);
  }
  ::close(d.file);
  d.file = -1;
  // Acquire and release: pairs with release(). Whoever comes second gives the object back.
  if (!(d.use.fetch_or(descriptor::gone, std::memory_order_acq_rel) & descriptor::held))
    recycle(d);
}

// Gives back one operation that holds no side.
void drop(descriptor &d) noexcept {
  // Acquire and release: the last one out has seen what all others did.
  const std::uint64_t before = d.use.fetch_sub(descriptor::one, std::memory_order_acq_rel);
  if (before / descriptor::one == 1)
    destroy(d);
}

// The side's next holder, or null if nobody waits; then nothing has changed. Under the lock.
turn *next_turn(descriptor &d, direction which) noexcept {
  side &s = d[which];
  turn *const t = s.first;
  if (!t)
    return nullptr;
  s.first = t->next;
  if (!s.first) {
    s.last = nullptr;
    d.use.fetch_and(~descriptor::queued(which), std::memory_order_relaxed); // only under the lock is it set or cleared
  }
  return t;
}

// Hands the side and the operation's count to the one who waits longest. False if nobody does.
bool hand_over(descriptor &d, direction which) noexcept {
  task *heir = nullptr;
  {
    const lock_guard held(d.mutex);
    turn *const t = next_turn(d, which);
    if (!t)
      return false;
    t->granted = true;
    heir = t->waiter;
  }
  rt::sched::ready(*heir);
  return true;
}

void leave(descriptor &d, direction which) noexcept {
  for (std::uint64_t seen = d.use.load(std::memory_order_relaxed);;) {
    if (seen & descriptor::queued(which)) {
      if (hand_over(d, which))
        return;
      seen = d.use.load(std::memory_order_relaxed);
    } else if (d.use.compare_exchange_weak(seen, (seen & ~descriptor::busy(which)) - descriptor::one, std::memory_order_acq_rel,
                                           std::memory_order_relaxed)) { // as in drop(), and pairs with the next holder's acquire
      if (seen / descriptor::one == 1)
        destroy(d);
      return;
    }
  }
}

// True: taken. False: closed, or busy if `busy` says so.
bool try_take(descriptor &d, std::uint64_t bits, bool &is_busy) noexcept {
  for (std::uint64_t seen = d.use.load(std::memory_order_relaxed);;) {
    is_busy = (seen & bits) != 0;
    if (is_busy || (seen & descriptor::closed))
      return false;
    // Acquire: pairs with leave()'s release.
    if (d.use.compare_exchange_weak(seen, (seen | bits) + descriptor::one, std::memory_order_acquire, std::memory_order_relaxed))
      return true;
  }
}

bool commit_turn(task &, void *mutex) noexcept STILLPOINT_UNCHECKED_LOCKING {
  static_cast<rt::lock *>(mutex)->release();
  return true;
}

// Its alarm goes off by the deadline. If it already has when the task comes to the gate, that is open.
void set_alarm(side &s, rt::scheduler &here) noexcept {
  const std::uint64_t deadline = std::min(s.deadline.load(std::memory_order_relaxed), std::exchange(s.look_again_at, rt::never));
  if (deadline >= s.at_deadline.set_for.load(std::memory_order_relaxed))
    return;
  s.at_deadline.set_for.store(deadline, std::memory_order_relaxed); // before the timer is set: ring() comes later, under the heap's lock
  rt::sched::set_timer(here, s.at_deadline, deadline);
}

bool commit_wait(task &t, void *waited_at) noexcept {
  side &s = *static_cast<side *>(waited_at);
  count_begun(); // before the task is at the gate, where somebody may find it
  std::uintptr_t seen = side::empty;
  // Release: who opens the gate makes the task ready. Acquire: what opened it meanwhile is seen.
  if (s.gate.compare_exchange_strong(seen, reinterpret_cast<std::uintptr_t>(&t), std::memory_order_acq_rel, std::memory_order_acquire))
    return true;
  count_ended();
  s.gate.store(side::empty, std::memory_order_relaxed);
  return false;
}

void open_and_wake(side &s) noexcept {
  if (task *const t = open_gate(s))
    rt::sched::ready(*t);
}

void wake_evicted(turn *t) noexcept {
  while (t) {
    turn *const next = t->next; // on the stack of the task that is about to go on
    rt::sched::ready(*t->waiter);
    t = next;
  }
}

} // namespace

descriptor &adopt(int file, kind is) try {
  descriptor &d = allocate();
  for (side &s : d.sides) {
    s.gate.store(side::empty, std::memory_order_relaxed); // a late event or timer may open it again: harmless
    s.deadline.store(rt::never, std::memory_order_relaxed);
  }
  d.file = file;
  d.is = is;
  d.hung_up.store(false, std::memory_order_relaxed);
  d.drained = false;
  d.registered = 0;
  d.generation.store(static_cast<std::uint16_t>(d.generation.load(std::memory_order_relaxed) + 1), std::memory_order_relaxed);
  d.use.store(descriptor::held | descriptor::one, std::memory_order_release); // pairs with try_take
  return d;
} catch (...) {
  ::close(file);
  throw;
}

void close(descriptor &d) noexcept {
  turn *evicted[2];
  {
    const lock_guard held(d.mutex);
    // Sequentially consistent: who then finds a gate empty sees it when it looks again (operation::wait).
    if (d.use.fetch_or(descriptor::closed, std::memory_order_seq_cst) & descriptor::closed)
      return;
    for (const direction which : {direction::read, direction::write}) {
      side &s = d[which];
      evicted[static_cast<unsigned>(which)] = s.first;
      s.first = s.last = nullptr;
      d.use.fetch_and(~descriptor::queued(which), std::memory_order_relaxed);
    }
  }
  for (side &s : d.sides)
    open_and_wake(s);
  for (turn *const t : evicted)
    wake_evicted(t);
  drop(d);
}

void release(descriptor &d) noexcept {
  close(d);
  if (d.use.fetch_and(~descriptor::held, std::memory_order_acq_rel) & descriptor::gone) // pairs with destroy()
    recycle(d);
}

task *open_gate(side &s) noexcept {
  for (std::uintptr_t seen = s.gate.load(std::memory_order_relaxed);;) {
    const bool someone = seen != side::empty && seen != side::open;
    // Release: what made us open it is seen by who comes through. Acquire: the task's state, from commit_wait.
    if (!s.gate.compare_exchange_weak(seen, someone ? side::empty : side::open, std::memory_order_acq_rel, std::memory_order_relaxed))
      continue;
    if (!someone)
      return nullptr;
    count_ended();
    return reinterpret_cast<task *>(seen);
  }
}

void lock_pool_for_fork() noexcept STILLPOINT_UNCHECKED_LOCKING { pool.mutex.acquire(); }
void unlock_pool_after_fork() noexcept STILLPOINT_UNCHECKED_LOCKING { pool.mutex.release(); }

// Ends first, so that none is counted whose beginning is not.
bool anyone_waits() noexcept {
  std::uint64_t ended = ended_elsewhere.load(std::memory_order_acquire), begun = 0; // pairs with count_ended()
  for (const rt::worker *w = rt::all_workers(); w != nullptr; w = w->next_all)
    ended += w->file_waits_ended.load(std::memory_order_acquire);
  for (const rt::worker *w = rt::all_workers(); w != nullptr; w = w->next_all)
    begun += w->file_waits_begun.load(std::memory_order_relaxed);
  return begun != ended;
}

void alarm::ring(timer &self, rt::task_list &wake) noexcept {
  auto &a = static_cast<alarm &>(self);
  a.set_for.store(rt::never, std::memory_order_relaxed); // before the gate opens: who comes through sets it anew
  if (task *const t = open_gate(a.rings))
    wake.push_back(*t);
}

operation::operation(descriptor &d, direction which, rt::worker &w, const rt::managed_caller &caller) noexcept
    : descriptor_(d), which_(which), exclusive_(true) {
  bool is_busy = false;
  granted_ = try_take(d, descriptor::busy(which), is_busy) || (is_busy && take_turn(w, caller));
}

operation::operation(descriptor &d) noexcept : descriptor_(d), which_(direction::read), exclusive_(false) {
  bool is_busy = false;
  granted_ = try_take(d, 0, is_busy);
}

operation::~operation() {
  if (!granted_)
    return;
  if (exclusive_)
    leave(descriptor_, which_);
  else
    drop(descriptor_);
}

bool operation::take_turn(rt::worker &w, const rt::managed_caller &caller) noexcept STILLPOINT_UNCHECKED_LOCKING {
  descriptor &d = descriptor_;
  d.mutex.acquire();
  for (std::uint64_t seen = d.use.load(std::memory_order_relaxed);;) {
    if (seen & descriptor::closed) {
      d.mutex.release();
      return false;
    }
    const bool is_free = !(seen & descriptor::busy(which_));
    const std::uint64_t next = is_free ? (seen | descriptor::busy(which_)) + descriptor::one : seen | descriptor::queued(which_);
    if (!d.use.compare_exchange_weak(seen, next, std::memory_order_acquire, std::memory_order_relaxed)) // pairs with leave()
      continue;
    if (!is_free)
      break;
    d.mutex.release();
    return true;
  }
  turn mine{.waiter = w.current};
  side &s = d[which_];
  (s.last ? s.last->next : s.first) = &mine;
  s.last = &mine;
  rt::sched::park(w, caller, commit_turn, &d.mutex, "its turn at a file");
  return mine.granted;
}

int operation::obstacle() const noexcept {
  if (descriptor_.use.load(std::memory_order_seq_cst) & descriptor::closed) // pairs with close()
    return EBADF;
  const std::uint64_t deadline = descriptor_[which_].deadline.load(std::memory_order_acquire); // pairs with set_deadline()
  return deadline != rt::never && deadline <= rt::monotonic_now() ? ETIMEDOUT : 0;
}

int operation::begin() noexcept {
  if (const int error = obstacle())
    return error;
  // What opened it is over: it happened before the system call that follows, and a close or a new deadline is found by wait(). But after a short
  // read it tells that more has come.
  std::atomic<std::uintptr_t> &gate = descriptor_[which_].gate;
  const bool tells = which_ == direction::read && descriptor_.drained;
  if (!tells && gate.load(std::memory_order_acquire) == side::open) // pairs with open_gate
    gate.store(side::empty, std::memory_order_relaxed);
  return 0;
}

int operation::wait(const rt::managed_caller &caller) noexcept {
  descriptor &d = descriptor_;
  side &s = d[which_];
  if (const int error = obstacle())
    return error;
  if (const int error = enroll(d))
    return error;
  if (s.gate.load(std::memory_order_acquire) == side::open) { // pairs with open_gate
    s.gate.store(side::empty, std::memory_order_relaxed);
    return obstacle();
  }
  rt::worker &w = *rt::this_worker();
  set_alarm(s, *w.current->owner);
  rt::sched::park_lightly(w, caller, commit_wait, &s, which_ == direction::read ? "file to read from" : "file to write to");
  return obstacle();
}

void set_deadline(descriptor &d, direction which, std::uint64_t when) noexcept {
  side &s = d[which];
  s.deadline.store(when, std::memory_order_release); // pairs with obstacle()
  open_and_wake(s);
}

} // namespace stillpoint::net::detail
