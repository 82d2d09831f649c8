// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See observer.h.
//
// Requests are on a list under a lock. The monitor takes snapshots, whoever asked makes text of them, so that a full pipe never keeps the
// monitor from its work; only SIGQUIT's are printed by the monitor itself, because the program ends then anyway. A request that a task left stays on
// the list if its run ends first; it names its run, and is dropped.
//
// SIGQUIT is taken only from a program that leaves it to the system, and afterwards the system's default action happens as ever (status and core
// file): the program ends as it would have, with more on stderr. A second SIGQUIT does so at once.
// Rejected: Go's exit status 2 (who sends SIGQUIT to a C++ program wants the core file).
#include "trace/observer.h"

#include "sched/park.h"
#include "stillpoint/tasks.hpp"
#include "trace/text.h"

#include <algorithm>
#include <csignal>
#include <unistd.h>

namespace stillpoint::rt::trace {
namespace {

struct request {
  snapshot *into = nullptr;
  scheduler *of = nullptr;
  std::uint64_t run = 0;
  task *waiter = nullptr; // null: a thread, which waits for `done`
  std::atomic<std::uint32_t> done{0};
  request *next = nullptr;
};

struct request_list {
  lock mutex;
  request *first STILLPOINT_GUARDED_BY(mutex) = nullptr;
  std::atomic<bool> any{false};
};
constinit request_list requests;
constinit std::atomic<bool> quit_wanted{false};

void leave_request(request &r) noexcept {
  {
    const lock_guard held(requests.mutex);
    r.next = requests.first;
    requests.first = &r;
    requests.any.store(true, std::memory_order_seq_cst); // before the alarm: pairs with the monitor's fence
  }
  const sched::visit here;
  if (here.run() == r.of)
    sched::alarm_monitor(*r.of, 1);
}

bool commit_request(task &, void *r) noexcept {
  leave_request(*static_cast<request *>(r));
  return true;
}

// True: the monitor will not see it any more.
bool take_back(const request &r) noexcept {
  const lock_guard held(requests.mutex);
  for (request **link = &requests.first; *link != nullptr; link = &(*link)->next)
    if (*link == &r) {
      *link = r.next;
      return true;
    }
  return false;
}

void wait_as_thread(request &r) noexcept {
  constexpr std::uint64_t look_ns = 50'000'000;
  while (r.done.load(std::memory_order_acquire) == 0) { // pairs with serve()
    futex_wait(r.done, 0, monotonic_now() + look_ns);
    if (sched::active() != r.of && take_back(r)) // nobody is there to serve it
      return;
  }
}

void serve(scheduler &s) noexcept {
  request *all = nullptr;
  {
    const lock_guard held(requests.mutex);
    all = requests.first;
    requests.first = nullptr;
    requests.any.store(false, std::memory_order_relaxed);
  }
  while (all != nullptr) {
    request &r = *all;
    all = r.next;
    if (r.waiter != nullptr && (r.of != &s || r.run != s.run))
      continue; // its run is over. A thread's stays good: it gets the tasks of this one
    take(s, *r.into);
    if (task *const waiter = r.waiter) {
      sched::ready(*waiter);
    } else {
      r.done.store(1, std::memory_order_release); // it may be gone from here on
      futex_wake(r.done, 1);
    }
  }
}

// The snapshot's memory is on the caller's stack, so it waits whatever happens. False: no run() is in progress.
bool ask_the_monitor(snapshot &into, const managed_caller &caller) {
  request r;
  r.into = &into;
  if (const sched::visit here; (r.of = here.run()) != nullptr)
    r.run = r.of->run;
  else
    return false;
  if (worker *const w = this_worker(); w != nullptr && w->current != nullptr) {
    sched::require_task("print_tasks()");
    r.waiter = w->current;
    sched::park(*w, caller, commit_request, &r, "list of all tasks");
  } else {
    leave_request(r);
    wait_as_thread(r);
  }
  return into.taken_at != 0;
}

void print_all(const managed_caller &caller, sink out, void *context) {
  snapshot all;
  if (ask_the_monitor(all, caller))
    print(all, out, context);
  else
    out(context, "stillpoint: no run() is in progress\n");
}

void let_default_happen() noexcept {
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  sigaction(SIGQUIT, &standard, nullptr);
  sigset_t quit;
  sigemptyset(&quit);
  sigaddset(&quit, SIGQUIT);
  kill(getpid(), SIGQUIT);
  pthread_sigmask(SIG_UNBLOCK, &quit, nullptr);
}

void on_quit(int) {
  const int saved = errno;
  const sched::visit here;
  scheduler *const s = here.run();
  if (s == nullptr || s->forked.load(std::memory_order_relaxed) || config().sigquit == settings::quit::off ||
      (quit_wanted.exchange(true, std::memory_order_seq_cst) && config().sigquit == settings::quit::end))
    let_default_happen();
  else
    sched::alarm_monitor(*s, 1);
  errno = saved;
}

void quit(scheduler &s) noexcept {
  if (s.set.sigquit == settings::quit::go_on)
    quit_wanted.store(false, std::memory_order_seq_cst); // one that comes now is another
  print_to_stderr(s, "stillpoint: SIGQUIT\n");
  if (s.set.sigquit != settings::quit::go_on)
    let_default_happen();
}

void install_quit_handler() noexcept {
  struct sigaction before = {};
  if (sigaction(SIGQUIT, nullptr, &before) != 0 || (before.sa_flags & SA_SIGINFO) != 0 || before.sa_handler != SIG_DFL)
    return; // the program's own
  struct sigaction ours = {};
  ours.sa_handler = on_quit;
  ours.sa_flags = SA_ONSTACK | SA_RESTART;
  sigaction(SIGQUIT, &ours, nullptr);
}

} // namespace

void begin_run(scheduler &s) noexcept {
  s.observed.began = monotonic_now();
  s.observed.caller = gettid();
  if (s.set.sigquit != settings::quit::off)
    install_quit_handler();
}

std::uint64_t due(const scheduler &s) noexcept {
  if (requests.any.load(std::memory_order_relaxed) || quit_wanted.load(std::memory_order_relaxed)) [[unlikely]]
    return 0;
  const std::uint64_t line = s.set.schedtrace_ns != 0 ? s.observed.next_line : never;
  return std::min(line, s.observed.check_at.load(std::memory_order_relaxed));
}

void observe(scheduler &s, std::uint64_t now) noexcept {
  if (quit_wanted.load(std::memory_order_acquire)) [[unlikely]]
    quit(s);
  if (requests.any.load(std::memory_order_acquire)) [[unlikely]]
    serve(s);
  if (s.set.schedtrace_ns != 0 && now >= s.observed.next_line) {
    if (s.observed.next_line != 0)
      print_line(s, now);
    s.observed.next_line = now + s.set.schedtrace_ns;
  }
  if (now >= s.observed.check_at.load(std::memory_order_relaxed)) {
    s.observed.check_at.store(never, std::memory_order_seq_cst); // before the look: pairs with all_idle()
    if (const std::uint64_t again = look_for_deadlock(s, now); again != never)
      s.observed.check_at.store(again, std::memory_order_seq_cst);
  }
}

} // namespace stillpoint::rt::trace

namespace stillpoint {

using namespace rt::trace;

void print_tasks(int file_descriptor) { print_all(STILLPOINT_MANAGED_CALLER(), write_to_descriptor, &file_descriptor); }

void detail::describe_tasks(void (*put)(void *context, const char *text, std::size_t size), void *context) {
  struct receiver {
    void (*put)(void *, const char *, std::size_t);
    void *context;
  } to{put, context};
  const sink pass_on = [](void *r, std::string_view text) {
    static_cast<receiver *>(r)->put(static_cast<receiver *>(r)->context, text.data(), text.size());
  };
  print_all(STILLPOINT_MANAGED_CALLER(), pass_on, &to);
}

} // namespace stillpoint
