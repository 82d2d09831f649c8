// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The monitor: a thread without a processor that asks busy processors to give way, and wakes sleepers when no idle worker is there to do
// it.
//
// Mechanism: it looks at all processors, computes the earliest moment at which it will have to ask for something, announces that moment in
// `monitor_deadline`, looks once more, and sleeps until then; without such a moment, until alarm_monitor(). So it costs nothing while every
// processor is idle or has just one task. A slice ends at the time that the worker wrote down when the task began, not when the monitor
// first saw
// it. A refused request is repeated after 20 us, doubling to 1 ms, until the processor takes up another task. The first repetition waits longer where
// the worker obeyed last time: it will this time, and getting up for nothing takes a CPU from a task, often while that is just being stopped.
// Its thread asks the kernel for short slices and no timer slack, so that it is on time when all CPUs are busy.
// Rejected: a ticking monitor (costs an idle process wake-ups, and is late by half a tick on average).
#include "sched/call.h"
#include "sched/pace.h"
#include "sched/processors.h"

#include <algorithm>
#include <cstring>
#include <sys/prctl.h>

namespace stillpoint::rt::sched {
namespace {

// How often a thread that was blocked is looked at.
constexpr std::uint64_t early_look_ns = 1'000'000;
constexpr std::uint64_t first_away_ns = 200'000;
constexpr std::uint64_t last_away_ns = 5'000'000;
// A look that is so near need not see what was queued just now.
constexpr std::uint64_t soon_ns = 100'000;
// After so many looks for slow calls in vain it stops looking.
constexpr unsigned quiet_looks = 50;

// The kernel's sched_attr, as linux/sched/types.h has it (which older headers clash with <sched.h>).
struct scheduling {
  std::uint32_t size, policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime, deadline, period;
};

// From when on the task that runs on p has to give way, and never if to nobody. `started` is when it began.
std::uint64_t wanted_off_at(processor &p, std::uint64_t turn, std::uint64_t started, bool gives_way_to_woken, std::uint64_t now) noexcept {
  const bool next_waits = (p.next.load(std::memory_order_relaxed) || p.local.marked()) && nobody_helps(p);
  if (gives_way_to_woken || next_waits || thread_of(*p.self.load(std::memory_order_relaxed)).bound_woken.load(std::memory_order_relaxed))
    return std::min(std::max(started + wake_grace_ns, p.owed_until.load(std::memory_order_relaxed)),
                    p.slice_end.load(std::memory_order_relaxed));
  // If nobody else could run, look once more at the end of the slice: a queue that is empty now and then must not alarm us each time it is not.
  const std::uint64_t end = p.slice_end.load(std::memory_order_relaxed);
  if (end > now || others_could_run(p) || p.owner->surplus.load(std::memory_order_relaxed) != 0)
    return end;
  // Nor may one that was empty while a task gave way to another, which tells nobody when it queues (direct.h): not before the same task has run for
  // a whole slice has what came before it been seen for sure.
  if (p.alone_turn != turn) {
    p.alone_turn = turn;
    p.alone_until = now + p.owner->set.slice_ns;
  }
  return p.alone_until > now ? p.alone_until : never;
}

// Of the busy processors, the `count` that have run longest give way to the tasks on the woken list: those that began at this time or
// before.
std::uint64_t youngest_to_give_way(scheduler &s, std::uint32_t count) noexcept {
  if (count == 0)
    return 0;
  if (count >= s.count)
    return never;
  std::uint64_t starts[max_slots];
  std::uint32_t busy = 0;
  for (unsigned i = 0; i < s.slots; ++i)
    if (const processor &p = s.processors[i]; p.running.load(std::memory_order_relaxed) && !p.away.load(std::memory_order_relaxed))
      starts[busy++] = s.processors[i].started.load(std::memory_order_relaxed);
  if (busy <= count)
    return never;
  std::nth_element(starts, starts + count - 1, starts + busy);
  return starts[count - 1];
}

void begin_away(processor &p, std::uint64_t turn, const worker &w, std::uint64_t now) noexcept {
  p.away_turn = turn;
  p.away_used = cpu_time(w.thread_id.load(std::memory_order_relaxed));
  p.away_seen_at = now;
  p.away_look_at = now + first_away_ns;
}

// p's thread is blocked: another runs what waits, if anything does and nobody is about to. Whose processor is idle has been told; but who looked while a
// task that yields was between two (direct.h) has seen an empty queue, and is told again.
bool lend_if_wanted(processor &p, std::uint64_t turn, const worker &w, std::uint64_t now) noexcept {
  if (!wanted_by_others(p) || p.turns.load(std::memory_order_relaxed) != turn)
    return false;
  if (!crowded(*p.owner)) {
    wake_one(*p.owner);
    return false;
  }
  begin_away(p, turn, w, now);
  return lend_for(p);
}

// Asks p's task to give way, unless it is blocked, or says when to ask again.
std::uint64_t ask(processor &p, task &t, std::uint64_t turn, std::uint64_t now) noexcept {
  if (p.asked_turn != turn) {
    p.asked_turn = turn;
    p.repeated.begin();
    p.ask_again_at = 0;
  }
  if (now < p.ask_again_at)
    return p.ask_again_at;
  worker &w = *p.self.load(std::memory_order_relaxed);
  const bool off = p.owner->set.asyncpreemptoff;
  bool obeyed = false;
  if (!blocked_in_kernel(w.thread_id.load(std::memory_order_relaxed))) { // a signal would interrupt its call
    obeyed = w.last_refusal.load(std::memory_order_relaxed) == refusal::none;
    if (!off)
      preempt::request(w, t);
  } else if (lend_if_wanted(p, turn, w, now)) {
    return p.away_look_at;
  }
  return p.ask_again_at = now + p.repeated.next(obeyed, off);
}

// Once in each turn, long before the slice is over: others would wait for the rest of it behind a task that is blocked. `when`: the next look
// otherwise.
std::uint64_t look_early(processor &p, std::uint64_t turn, std::uint64_t when, std::uint64_t now, bool act) noexcept {
  const std::uint64_t early = p.started.load(std::memory_order_relaxed) + early_look_ns;
  if (p.looked_turn == turn || when == never || when <= early)
    return when;
  if (now < early)
    return early;
  if (!act)
    return when; // a new turn, when we are about to sleep: not worth another look
  p.looked_turn = turn;
  worker &w = *p.self.load(std::memory_order_relaxed);
  return blocked_in_kernel(w.thread_id.load(std::memory_order_relaxed)) && lend_if_wanted(p, turn, w, now) ? p.away_look_at : when;
}

// p's thread was blocked: when to look next whether it still is.
std::uint64_t look_at_away(processor &p, std::uint64_t now, bool act) noexcept {
  if (act)
    serve_for(p);
  if (!act || now < p.away_look_at)
    return p.away_look_at;
  task *const t = p.running.load(std::memory_order_acquire); // pairs with the worker's release
  worker &w = *p.self.load(std::memory_order_relaxed);
  const bool same = t && p.turns.load(std::memory_order_relaxed) == p.away_turn;
  const std::uint64_t passed = now - p.away_seen_at;
  const std::uint64_t used = same ? cpu_time(w.thread_id.load(std::memory_order_relaxed)) : 0;
  const std::uint64_t ran = used - std::min(used, p.away_used);
  if (same && ran < passed / 4) { // who runs for a moment between two calls takes hardly anything from the others
    p.away_used = used;
    p.away_seen_at = now;
    p.away_look_at = now + (ran != 0 ? first_away_ns : std::min(2 * passed, last_away_ns));
    return p.away_look_at;
  }
  end_lending(p);
  return same ? ask(p, *t, p.away_turn, now) : now;
}

// When the processor of a task in an announced call is to be taken away; takes it if `act`. Sets `wanted` if somebody waits for it.
std::uint64_t look_at_call(processor &p, std::uint64_t call, std::uint64_t now, bool act, bool &wanted) noexcept {
  if (p.call_seen != call) {
    p.call_seen = call;
    p.call_seen_at = now;
  }
  if (p.call_keeps.load(std::memory_order_relaxed))
    return now + early_look_ns;
  const bool by_others = wanted_by_others(p);
  wanted = wanted || by_others;
  const std::uint64_t when = p.call_seen_at + (by_others ? slow_call_ns : long_call_ns);
  if (when > now || !act)
    return when;
  retake(p, call);
  return never;
}

// When a processor could be taken from its task for a sleeper. Until then the workers look at the timers themselves, between two tasks.
std::uint64_t first_change(const scheduler &s) noexcept {
  std::uint64_t first = never;
  for (unsigned i = 0; i < s.slots; ++i)
    if (const processor &p = s.processors[i]; p.running.load(std::memory_order_acquire) && // pairs with the worker's release
                                              !p.away.load(std::memory_order_relaxed) && !in_call(p))
      first = std::min(first, p.started.load(std::memory_order_relaxed) + wake_grace_ns);
  return first;
}

// Fires what the workers do not. Returns from when on to look at timers again.
std::uint64_t fire_for_others(scheduler &s, std::uint64_t now) noexcept {
  if (s.watcher.load(std::memory_order_relaxed) || s.sleepers.earliest() > now)
    return 0;
  const std::uint64_t change = first_change(s);
  if (change == never || change <= now)
    while (fire_timers(s, nullptr, now) != 0)
      ;
  return s.sleepers.earliest() > now ? 0 : now + wake_grace_ns; // else somebody is at it
}

// When the monitor has to look next; asks for what is due if `act`.
std::uint64_t look(scheduler &s, std::uint64_t now, std::uint64_t timers_from, bool act, bool &calls) noexcept {
  // While many woken tasks wait, the workers fire more timers when those are served.
  const bool others_do = s.watcher.load(std::memory_order_relaxed) || s.woken_count.load(std::memory_order_relaxed) >= timers_at_once;
  const std::uint64_t timer = std::min(others_do ? never : std::max(s.sleepers.earliest(), timers_from), poll_due(s));
  // Woken tasks come and go: not each of them shall have to wake us.
  std::uint64_t next = s.woken_count.load(std::memory_order_relaxed) != 0 ? now + wake_grace_ns : never;
  const std::uint64_t youngest = youngest_to_give_way(s, crowded(s) ? s.woken_count.load(std::memory_order_relaxed) : 0);
  for (unsigned i = 0; i < s.slots; ++i) {
    processor &p = s.processors[i];
    if (const std::uint64_t call = p.call.load(std::memory_order_seq_cst); in_call(call)) {
      next = std::min(next, look_at_call(p, call, now, act, calls));
      continue;
    }
    if (p.away.load(std::memory_order_relaxed)) {
      next = std::min(next, look_at_away(p, now, act));
      continue;
    }
    const std::uint64_t turn = p.turns.load(std::memory_order_relaxed);
    task *const t = p.running.load(std::memory_order_acquire); // pairs with the worker's release: `started` belongs to it or to a later one
    if (!t)
      continue;
    const std::uint64_t started = p.started.load(std::memory_order_relaxed);
    std::uint64_t when = wanted_off_at(p, turn, started, started <= youngest && youngest != 0, now);
    if (when <= now && act)
      when = ask(p, *t, turn, now);
    else if (when <= now && p.asked_turn == turn)
      when = p.ask_again_at;
    else if (when > now && others_could_run(p))
      when = look_early(p, turn, when, now, act);
    next = std::min(next, when);
  }
  if (timer == never)
    return next;
  const std::uint64_t change = first_change(s);
  return std::min(next, change == never ? timer : std::max(timer, change));
}

} // namespace

void be_punctual() noexcept {
  prctl(PR_SET_TIMERSLACK, 1UL);
  scheduling wanted{};
  wanted.size = sizeof wanted;
  wanted.runtime = 100'000; // a short slice: EEVDF lets it in soon after it wakes (Linux 6.12; before, the value is ignored)
  ::syscall(SYS_sched_setattr, 0, &wanted, 0u);
}

void monitor_loop(scheduler &s) noexcept {
  pthread_setname_np(pthread_self(), "sp-monitor");
  be_punctual();
  pace recently;
  unsigned quiet = 0; // looks without a call whose processor others could use
  for (;;) {
    // Pairs with alarm_monitor and stop_monitor. Before the look at `monitor_stop`: else both may change in between, and we sleep for ever.
    const std::uint32_t word = s.monitor_word.load(std::memory_order_acquire);
    if (s.monitor_stop.load(std::memory_order_acquire))
      return;
    s.monitor_deadline.store(0, std::memory_order_seq_cst);
    std::uint64_t now = monotonic_now();
    const bool brisk = recently.brisk(s, now);
    const std::uint64_t timers_from = fire_for_others(s, now);
    poll_for_others(s, now);
    trace::observe(s, now);
    bool calls = false;
    std::uint64_t deadline = std::min(look(s, now, timers_from, true, calls), trace::due(s));
    if (s.watching_calls.load(std::memory_order_relaxed)) {
      quiet = calls ? 0 : quiet + 1;
      if (quiet < quiet_looks) {
        deadline = std::min(deadline, now + slow_call_ns);
      } else {
        quiet = 0;
        s.watching_calls.store(false, std::memory_order_seq_cst); // pairs with watch_calls; the look below comes after it
      }
    }
    const bool rests = brisk && !s.watching_calls.load(std::memory_order_relaxed); // nobody need tell us what the next of them will see
    s.monitor_deadline.store(rests ? std::min(deadline, now) : deadline, std::memory_order_seq_cst);
    // Pairs with the fences in arm() and the wakers: they see our time or we see their work. A processor's only user passes none; if we mean to
    // look again soon, that is when we see what it queued.
    if (!s.shared_queues.load(std::memory_order_relaxed) && deadline > now + soon_ns)
      this_process::barrier_everywhere();
    else
      std::atomic_thread_fence(std::memory_order_seq_cst);
    now = monotonic_now();
    deadline = std::min({deadline, look(s, now, timers_from, false, calls), trace::due(s)});
    if (rests) // and no longer: what comes up meanwhile alarms nobody
      deadline = now + pace::rest_ns;
    if (deadline > now)
      futex_wait(s.monitor_word, word, deadline);
  }
}

} // namespace stillpoint::rt::sched
