// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// run(): starts the processors, waits for the main task, stops everything.
//
// How it stops. The main task's end sets `stopping`, and no task is taken up any more. Workers that run a task are asked to give way, like at
// the end of a slice; calls into the runtime give way too. Those that have not come after `patience` (a blocking call, a loop in foreign or
// nosplit code, asyncpreemptoff) are left behind, as detached threads. Tasks that have not ended are abandoned: nothing is unwound, their stacks
// stay mapped, because others may hold pointers into them.
//
// Scheduler objects are used again, never freed. A foreign thread that is waking a task of the run just now, or reads its figures, says so
// (sched::visit), and the run's end waits for it.
// Rejected: a count in the object (who wants to count itself in must know that the object is there).
#include "sched/run.h"

#include "map/registry.h"
#include "sched/call.h"
#include "sched/park.h"

#include "sched/tasks.h"
#include "stack/stack.h"
#include "stillpoint/task.hpp"

#include <algorithm>
#include <csignal>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace stillpoint::rt {
namespace {

constexpr std::uint64_t patience_ns = 100'000'000;
constexpr std::uint64_t call_patience_ns = 2'000'000;
constexpr std::uint64_t last_backoff_ns = 1'000'000;

constinit std::atomic<scheduler *> active_scheduler{nullptr};
constinit std::atomic<bool> run_in_progress{false};
constinit std::atomic<std::uint64_t> runs{0};
constinit std::atomic<std::uint32_t> visitors{0};
// Owned by the run in progress.
constinit scheduler *retired = nullptr;     // all their workers ended: to be used again
constinit scheduler *left_behind = nullptr; // some worker is still there, perhaps for ever

void *monitor_thread(void *argument) noexcept {
  sched::monitor_loop(*static_cast<scheduler *>(argument));
  return nullptr;
}

// A retired scheduler with as many processors made new, or another one.
scheduler &obtain(const settings &set, std::uint64_t number) {
  scheduler **link = &retired;
  while (*link && (*link)->count != set.processors)
    link = &(*link)->next_retired;
  scheduler *const s = *link;
  if (!s)
    return *new scheduler(set, number);
  *link = s->next_retired;
  std::unique_ptr<processor[]> kept = std::move(s->processors);
  for (unsigned i = 0; i < s->capacity; ++i) {
    std::destroy_at(&kept[i]);
    std::construct_at(&kept[i]);
  }
  std::destroy_at(s);
  std::construct_at(s, set, number, std::move(kept));
  return *s;
}

void put_away(scheduler &s, bool all_ended) noexcept {
  scheduler *&list = all_ended ? retired : left_behind;
  s.next_retired = list;
  list = &s;
}

// The monitor must not take signals that are meant for the program.
void start_monitor(scheduler &s) {
  sigset_t all;
  sigfillset(&all);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setsigmask_np(&attributes, &all);
  const int error = pthread_create(&s.monitor_thread, &attributes, monitor_thread, &s);
  pthread_attr_destroy(&attributes);
  if (error != 0)
    throw std::system_error(error, std::generic_category(), "stillpoint: cannot start the monitor thread");
}

void stop_monitor(scheduler &s) noexcept {
  s.monitor_stop.store(true, std::memory_order_release); // pairs with monitor_loop
  s.monitor_word.fetch_add(1, std::memory_order_release);
  futex_wake(s.monitor_word, 1);
  pthread_join(s.monitor_thread, nullptr);
}

// Calls visit(worker) for all workers of the run that have not been reaped.
template <class Visit>
void each_thread(scheduler &s, Visit visit) noexcept {
  const lock_guard held(s.mutex);
  for (os_thread *w = s.threads; w; w = w->next_of_run)
    visit(*w);
}

// A worker that has not ended yet, after waking or asking each of those; not in an announced call, unless `patient`.
os_thread *urge_workers(scheduler &s, bool patient) noexcept {
  os_thread *remaining = nullptr;
  each_thread(s, [&](os_thread &w) {
    if (w.thread_state.load(std::memory_order_acquire) == os_thread::ended) // pairs with the worker's release
      return;
    if (patient || !w.announced.load(std::memory_order_relaxed)) // those in calls find the run over when they come back
      remaining = &w;
    sched::rouse(w);
  });
  for (unsigned i = 0; i < s.slots && !s.set.asyncpreemptoff; ++i) {
    processor &p = s.processors[i];
    if (sched::in_call(p))
      continue;
    if (task *const t = p.running.load(std::memory_order_acquire)) // pairs with the worker's release
      preempt::request(*p.self.load(std::memory_order_relaxed), *t);
  }
  return remaining;
}

// Returns whether every worker ended.
bool stop_workers(scheduler &s) noexcept {
  const std::uint64_t give_up = monotonic_now() + patience_ns;
  std::uint64_t backoff = 20'000;
  const std::uint64_t begin = monotonic_now();
  std::uint64_t now = begin;
  while (os_thread *const w = urge_workers(s, now - begin < call_patience_ns)) {
    now = monotonic_now();
    if (now >= give_up)
      break;
    if (const std::uint32_t seen = w->thread_state.load(std::memory_order_relaxed); seen != os_thread::ended)
      futex_wait(w->thread_state, seen, std::min(now + backoff, give_up));
    backoff = std::min(2 * backoff, last_backoff_ns);
  }
  while (s.leaving.load(std::memory_order_acquire) != 0) // a few instructions each
    std::this_thread::yield();
  bool all = true;
  each_thread(s, [&](os_thread &w) {
    std::uint32_t seen = os_thread::announced_only;
    // Acquire: pairs with the worker's releases.
    if (w.thread_state.compare_exchange_strong(seen, os_thread::unwaited, std::memory_order_acquire)) {
      all = false; // it comes to its first instruction some day
    } else if (seen == os_thread::ended) {
      pthread_join(w.thread, nullptr);
    } else {
      pthread_detach(w.thread);
      all = false;
    }
  });
  return all;
}

// Afterwards nobody but workers that were left behind touches the scheduler's object.
void end_run() noexcept {
  sched::active_number.store(0, std::memory_order_relaxed);
  active_scheduler.store(nullptr, std::memory_order_seq_cst);
  while (visitors.load(std::memory_order_seq_cst) != 0) // each is about to leave
    std::this_thread::yield();
}

void require_no_run() {
  if (const worker *const w = this_worker(); w && w->current)
    throw std::logic_error("stillpoint: run() called inside a task: use go()");
}

} // namespace

constinit std::atomic<std::uint64_t> sched::active_number{0};

scheduler::scheduler(const settings &s, std::uint64_t number, std::unique_ptr<processor[]> reused)
    : set(s), run(number), count(s.processors), capacity(s.processors + most_lent), slots(s.processors),
      processors(reused ? std::move(reused) : std::make_unique<processor[]>(capacity)) {
  idle.reserve(capacity);
  spare.reserve(capacity);
  for (unsigned i = capacity; i-- > 0;) { // the first one is taken first
    processor &p = processors[i];
    p.owner = this;
    p.index = i;
    p.random = i + 1;
    p.idle = i < count;
    (p.idle ? idle : spare).push_back(&p);
  }
  idle_count.store(count, std::memory_order_relaxed);
  pthread_sigmask(SIG_SETMASK, nullptr, &worker_signals);
}

void sched::forget_run() noexcept {
  active_scheduler.store(nullptr, std::memory_order_relaxed);
  sched::active_number.store(0, std::memory_order_relaxed);
  visitors.store(0, std::memory_order_relaxed); // threads that are not here
  run_in_progress.store(false, std::memory_order_relaxed);
}

scheduler *sched::left_behind_runs() noexcept { return left_behind; }

scheduler *sched::active() noexcept { return active_scheduler.load(std::memory_order_acquire); } // pairs with run_main

// Dekker's, with end_run(): either it sees us, or we see that the run is over.
sched::visit::visit() noexcept {
  visitors.fetch_add(1, std::memory_order_seq_cst);
  run_ = active_scheduler.load(std::memory_order_seq_cst);
}
sched::visit::~visit() { visitors.fetch_sub(1, std::memory_order_release); } // pairs with the acquire in end_run

void sched::run_main(void (*entry)(void *), void *argument, main_place place, abi::main_call *program) {
  require_no_run();
  if (run_in_progress.exchange(true, std::memory_order_acq_rel))
    throw std::logic_error("stillpoint: run() called while another run() is in progress");
  struct guard {
    ~guard() { run_in_progress.store(false, std::memory_order_release); } // pairs with the exchange
  } const only_one;

  const settings set = read_settings();
  set_config(set);
  map::report_if_nothing_is_managed();
  install_fork_handlers();
  preempt::initialize();
  scheduler &s = obtain(set, runs.fetch_add(1, std::memory_order_relaxed) + 1);
  s.program = program;
  const bool alone = s.count == 1 && prepare_barriers(); // this and the next two before there are workers
  s.shared_queues.store(!alone, std::memory_order_relaxed);
  s.sole_locks = begin_sole_locks(alone);
  s.main_task = &create_task(s, "main", program ? program_stack_size() : stack::main_size, entry, argument);
  trace::begin_run(s);
  start_monitor(s);
  sched::start_storm(s);
  sched::active_number.store(s.run, std::memory_order_release);
  active_scheduler.store(&s, std::memory_order_release); // pairs with active()
  if (place == main_place::this_thread)
    run_main_here(s);
  else
    sched::ready(*s.main_task);
  while (s.main_done.load(std::memory_order_acquire) == 0) // pairs with the release at the main task's end
    futex_wait(s.main_done, 0);
  sched::stop_storm(s);
  stop_monitor(s);
  const bool all_ended = stop_workers(s);
  end_run();
  sched::print_statistics(s);
  if (!all_ended)
    begin_sole_locks(false); // who is left behind is not alone in the next run
  put_away(s, all_ended);
}

} // namespace stillpoint::rt

void stillpoint::detail::run_main(void (*entry)(void *), void *argument) {
  rt::sched::run_main(entry, argument, rt::sched::main_place::a_worker);
}
void stillpoint::detail::run_main_here(void (*entry)(void *), void *argument) {
  rt::sched::run_main(entry, argument, rt::sched::main_place::this_thread);
}
