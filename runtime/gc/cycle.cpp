// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See cycle.h.
#include "gc/cycle.h"

#include "arch/arch.h"
#include "fatal.h"
#include "gc/counters.h"
#include "gc/death.h"
#include "gc/mark.h"
#include "gc/pacing.h"
#include "gc/pages.h"
#include "gc/roots.h"
#include "map/registry.h"
#include "scan/scan.h"
#include "sched/world.h"

#include <algorithm>
#include <utility>

namespace stillpoint::rt::gc {
namespace {

// An allocating task marks no more than this at a time: some tens of microseconds.
constexpr std::size_t most_of_a_share = std::size_t{64} << 10;
constexpr std::size_t helpers_share = std::size_t{64} << 10;
// Tasks in foreign calls are waited for so long; then the collection is put off.
constexpr std::uint64_t patience_ns = 10'000'000;
constexpr std::uint64_t urgent_patience_ns = 100'000'000;
constexpr std::uint64_t put_off_bytes = std::uint64_t{512} << 10;
// If marking is not complete after this time with the world stopped, it goes on first, up to so many times.
constexpr std::uint64_t bearable_pause_ns = 300'000;
constexpr std::uint32_t most_attempts = 4;
constexpr std::uint64_t part_ns = 100'000;
// Memory that nobody has wanted for so long goes back to the system, so much at a time. Sooner, a heap that grows and shrinks would fetch it again.
constexpr std::uint64_t idle_before_return_ns = 500'000'000;
constexpr std::size_t most_pages_returned = 4096;

struct cycle_state {
  std::atomic<bool> driving{false};
  std::atomic<std::uint64_t> begun{0};
  std::atomic<std::uint64_t> ended{0};
  // Of heap_now.allocated_bytes: when the next step may be taken, and what it was when marking began.
  std::atomic<std::uint64_t> next_step_at{least_growth - shortest_way};
  std::atomic<std::uint64_t> marking_from{0};
  std::atomic<std::uint64_t> scanned{0};
  // Written with the world stopped.
  plan aims;
  std::uint64_t live = 0;
  std::uint64_t began_ns = 0;
  std::uint64_t returned_ns = 0; // when memory was last given back. Whoever drives
  cycle_record record;
};
constinit cycle_state now;

std::uint64_t allocated() noexcept { return heap_now.allocated_bytes.load(std::memory_order_relaxed); }

void mark_root(void *mine, std::uintptr_t *root) { mark(*static_cast<cache *>(mine), __atomic_load_n(root, __ATOMIC_RELAXED)); }

struct stack_marking {
  cache &mine;
  scan::frame_counts frames;
};

void mark_stack(void *context, task &t) {
  auto &m = *static_cast<stack_marking *>(context);
  scan::roots(t, mark_root, &m.mine, m.frames);
}

void mark_roots(scheduler &s, cache &mine) noexcept {
  stack_marking m{mine, {}};
  world::each_task(s, mark_stack, &m);
  now.record.frames += m.frames.managed + m.frames.foreign;
  map::each_global_root(mark_root, &mine);
  mark_registered_roots(mine);
  mark_dying(mine);
}

// Nobody may go on without write barriers.
void leave_unchecked_copy(void *, task &t) {
  if (!t.async_stopped || t.interrupted == 0)
    return;
  const map::reader_scope reading(this_worker());
  if (const std::uint64_t place = map::checked_place(arch::interrupted_places(t.interrupted).pc))
    arch::continue_at(t.interrupted, place);
}

// The world is stopped, or there is but this thread.
void begin_marking(bool shared) noexcept {
  now.record = {};
  now.record.heap_before = now.live + allocated() - heap_now.allocated_at_latest.load(std::memory_order_relaxed);
  now.marking_from.store(allocated(), std::memory_order_relaxed);
  now.scanned.store(0, std::memory_order_relaxed);
  for (cache *c = all_caches(); c; c = c->next_all)
    c->marked_bytes = c->marked_objects = 0;
  set_shared_marking(shared);
  mark_caches();
  heap_now.marking.store(true, std::memory_order_release); // pairs with marking(): a helper counts in the caches that were cleared above
  map::set_marking(true);
  world::each_stack(leave_unchecked_copy, nullptr);
  now.record.number = now.begun.fetch_add(1, std::memory_order_relaxed) + 1;
}

void publish_all() noexcept {
  for (cache *c = all_caches(); c; c = c->next_all)
    publish_local(*c);
}

// With the world stopped, other workers helping. False: not done at `deadline`. `s` is null where there are no others.
bool mark_the_rest(scheduler *s, cache &mine, std::uint64_t deadline) noexcept {
  for (bool called = s == nullptr || s->count == 1;;) {
    allow_draining();
    for (drain(mine, helpers_share); !seems_marked() && monotonic_now() < deadline; drain(mine, helpers_share))
      if (!std::exchange(called, true))
        world::call_helpers(*s);
    hold_draining();
    if (nothing_waits())
      return true;
    if (monotonic_now() > deadline)
      return false;
  }
}

// Marking is complete, draining held; it stays so.
void end_marking(scheduler *s, cache &mine, const settings &set) noexcept {
  clear_weak_cells();
  find_dead(mine);
  publish_local(mine);
  mark_the_rest(s, mine, never);
  flush_caches();
  now.live = 0;
  for (cache *c = all_caches(); c; c = c->next_all) {
    now.live += c->marked_bytes;
    now.record.marked_objects += c->marked_objects;
  }
  heap_now.marking.store(false, std::memory_order_relaxed);
  map::set_marking(false);
  begin_sweeping();
  if (heap_now.poison.load(std::memory_order_relaxed))
    finish_sweeping();
  now.aims = make_plan(now.live, set.gc_percent, set.memory_limit);
  heap_now.allocated_at_latest.store(allocated(), std::memory_order_relaxed);
  now.next_step_at.store(now.aims.trigger == no_goal ? no_goal : allocated() + now.aims.trigger, std::memory_order_relaxed);
  now.record.live = now.live;
  now.record.goal = now.aims.goal;
  now.record.dying = dying();
  count_cycle(now.record);
  now.ended.fetch_add(1, std::memory_order_release); // pairs with collected
}

// The stopped world as a scope: measures it.
class stopped_world {
public:
  stopped_world(processor &self, bool urgent) noexcept : self_(self) {
    const std::uint64_t wished = monotonic_now();
    reached_ = world::stop(self, urgent ? urgent_patience_ns : patience_ns);
    since_ = monotonic_now();
    times_.to_stop = since_ - wished;
  }
  stopped_world(const stopped_world &) = delete;
  stopped_world &operator=(const stopped_world &) = delete;
  [[nodiscard]] bool reached() const noexcept { return reached_; }
  [[nodiscard]] std::uint64_t since() const noexcept { return since_; }
  stop_times start() noexcept {
    world::start(self_);
    times_.pause = monotonic_now() - since_;
    count_stop(times_);
    return times_;
  }

private:
  processor &self_;
  bool reached_;
  std::uint64_t since_;
  stop_times times_;
};

// Not now: a task is in foreign code, or the run() is ending.
bool put_off() noexcept {
  count_failed_stop();
  now.next_step_at.store(allocated() + put_off_bytes, std::memory_order_relaxed);
  return false;
}

cache &cache_here(processor &self) { return own_cache(*self.self); }

bool several_workers(const scheduler &s) noexcept { return s.count > 1 || (all_caches() && all_caches()->next_all); }

bool begin(processor &self, bool urgent) noexcept {
  if (map::hides_references())
    fatal("nothing can be collected: the tables of a module are refused (see above), and with them its references");
  cache &mine = cache_here(self);
  finish_sweeping();
  if (const std::uint64_t time = monotonic_now(); time - now.returned_ns >= idle_before_return_ns) {
    return_idle_pages(most_pages_returned);
    now.returned_ns = time;
  }
  stopped_world stopped(self, urgent);
  if (!stopped.reached())
    return put_off();
  begin_marking(several_workers(*self.owner));
  mark_roots(*self.owner, mine);
  publish_local(mine);
  now.next_step_at.store(0, std::memory_order_relaxed);
  now.began_ns = monotonic_now();
  now.record.begin = stopped.start();
  world::call_helpers(*self.owner);
  return true;
}

bool finish(processor &self, bool urgent) noexcept {
  scheduler &s = *self.owner;
  cache &mine = cache_here(self);
  stopped_world stopped(self, urgent);
  if (!stopped.reached())
    return put_off();
  now.record.marking_ns = stopped.since() - now.began_ns;
  hold_draining();
  publish_all();
  mark_roots(s, mine);
  publish_local(mine);
  if (!mark_the_rest(&s, mine, ++now.record.finish_attempts < most_attempts ? stopped.since() + bearable_pause_ns : never)) {
    allow_draining();
    stopped.start();
    return true;
  }
  end_marking(&s, mine, s.set);
  allow_draining();
  cycle_record shown = now.record; // once the world runs, the next collection may begin
  shown.finish = stopped.start();
  if (s.set.gctrace)
    print_cycle(shown);
  start_destroying(s);
  world::call_helpers(s); // to sweep
  return true;
}

// A whole collection in one stop: an object whose root is missed just here does not survive. Now and then marking goes on behind it, so
// that what the program does until the next one has to pass the write barrier.
bool stress(processor &self) noexcept {
  scheduler &s = *self.owner;
  cache &mine = cache_here(self);
  stopped_world stopped(self, true);
  if (!stopped.reached())
    return put_off();
  hold_draining(); // to the end, but for mark_the_rest: publish_all takes from under the hands of who drains
  const auto mark_all = [&] {
    mark_roots(s, mine);
    publish_all();
    mark_the_rest(&s, mine, never);
  };
  if (heap_now.marking.load(std::memory_order_relaxed)) {
    mark_all();
    end_marking(&s, mine, s.set);
  }
  begin_marking(several_workers(s));
  mark_all();
  end_marking(&s, mine, s.set);
  const cycle_record whole = now.record;
  if (whole.number % 4 == 0) {
    begin_marking(several_workers(s));
    mark_all();
  }
  allow_draining();
  const stop_times times = stopped.start();
  if (s.set.gctrace) {
    cycle_record shown = whole;
    shown.finish = times;
    print_cycle(shown);
  }
  start_destroying(s);
  return true;
}

// One at a time.
template <class Work>
bool drive(Work work) noexcept {
  if (now.driving.exchange(true, std::memory_order_acquire)) // pairs with the release below
    return false;
  const bool did = work();
  now.driving.store(false, std::memory_order_release);
  return did;
}

std::size_t drain_and_count(cache &mine, std::size_t budget) noexcept {
  const std::size_t done = drain(mine, budget);
  now.scanned.fetch_add(done, std::memory_order_relaxed);
  return done;
}

// Pairs with begin_marking.
bool marking() noexcept { return heap_now.marking.load(std::memory_order_acquire); }

// What a worker without a task does.
bool help(processor &p, bool stopped) noexcept {
  if (!marking())
    return !stopped && sweep_some(64);
  cache &mine = cache_here(p);
  if (drain_and_count(mine, helpers_share) != 0)
    return true;
  if (!stopped && seems_marked() && allocated() >= now.next_step_at.load(std::memory_order_relaxed))
    return take_step(p, step::finish, false);
  for (int i = 0; i < 32; ++i)
    __builtin_ia32_pause();
  return !seems_marked(); // others are at it: there will be more
}

void preempted(processor &p) noexcept {
  if (p.owner->set.gcstress_preempt)
    drive([&] { return stress(p); });
}

constinit lock preparing;

// By each worker that comes here for the first time. Does no harm twice. One after the other, because the first plan is several words: a worker
// reads it only after it has been here, and the second one of a run finds nothing to write.
void prepare(const settings &set) noexcept {
  const lock_guard held(preparing);
  world::set_helper(help);
  world::set_preempted_hook(preempted);
  heap_now.poison.store(set.gcpoison || set.gcstress_alloc || set.gcstress_preempt, std::memory_order_relaxed);
  heap_now.single_cells.store(set.gcstress_alloc, std::memory_order_relaxed);
  set_page_limit(set.memory_limit >> page_shift);
  const plan first = make_plan(0, set.gc_percent, set.memory_limit);
  if (now.begun.load(std::memory_order_relaxed) == 0 && now.aims != first) {
    now.aims = first;
    now.next_step_at.store(first.trigger, std::memory_order_relaxed);
  }
}

} // namespace

cache &own_cache(worker &w) {
  if (cache *const mine = this_cache())
    return *mine;
  prepare(w.held->owner->set);
  if (all_caches())
    set_shared_marking(true); // another worker is here, or was left behind by an earlier run()
  return attach_cache(&w);
}

step share_of_work(cache &mine) noexcept {
  const std::uint64_t so_far = allocated();
  if (!marking())
    return so_far >= now.next_step_at.load(std::memory_order_relaxed) ? step::begin : step::none;
  // As if all of the heap were live: marking is rather done too early than too late.
  const std::uint64_t owed = scan_owed(now.aims, now.record.heap_before, so_far - now.marking_from.load(std::memory_order_relaxed));
  const std::uint64_t done = now.scanned.load(std::memory_order_relaxed);
  if (done < owed)
    drain_and_count(mine, std::min<std::uint64_t>(owed - done, most_of_a_share));
  return seems_marked() && so_far >= now.next_step_at.load(std::memory_order_relaxed) ? step::finish : step::none;
}

bool take_step(processor &self, step s, bool urgent) noexcept {
  return drive([&] {
    if (s == step::none || marking() != (s == step::finish))
      return false;
    return s == step::begin ? begin(self, urgent) : finish(self, urgent);
  });
}

bool commit_step(task &, void *argument) noexcept {
  take_step(*this_worker()->held, *static_cast<const step *>(argument), false);
  return false;
}

std::uint64_t collections_needed() noexcept { return now.begun.load(std::memory_order_acquire) + 1; }

bool collected(std::uint64_t needed) noexcept { return now.ended.load(std::memory_order_acquire) >= needed; }

bool commit_part(task &, void *) noexcept {
  processor &self = *this_worker()->held;
  if (!marking()) {
    take_step(self, step::begin, true);
    return false;
  }
  const std::uint64_t deadline = monotonic_now() + part_ns;
  while (drain_and_count(cache_here(self), helpers_share) != 0 && monotonic_now() < deadline)
    ;
  if (seems_marked())
    take_step(self, step::finish, true);
  return false;
}

bool commit_stress(task &, void *) noexcept {
  processor &self = *this_worker()->held;
  drive([&] { return stress(self); });
  return false;
}

void begin_alone(cache &mine, void (*more_roots)(cache &, void *), void *context) noexcept {
  finish_sweeping();
  begin_marking(false);
  more_roots(mine, context);
  mark_registered_roots(mine);
  publish_all();
}

void finish_alone(cache &mine, void (*more_roots)(cache &, void *), void *context) noexcept {
  more_roots(mine, context);
  mark_registered_roots(mine);
  mark_dying(mine);
  publish_all();
  mark_the_rest(nullptr, mine, never);
  end_marking(nullptr, mine, config());
  allow_draining();
}

void collect_alone(cache &mine, void (*more_roots)(cache &, void *), void *context) noexcept {
  begin_alone(mine, more_roots, context);
  finish_alone(mine, more_roots, context);
}

} // namespace stillpoint::rt::gc
