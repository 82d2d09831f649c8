// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A task that spins on a thread of its own until it is told to end, for tests that ask it to stop.
#ifndef STILLPOINT_TEST_PREEMPT_SPINNING_H
#define STILLPOINT_TEST_PREEMPT_SPINNING_H

#include "test/preempt/fake/fake_scheduler.h"
#include "test/preempt/fake/kernels.h"

#include <chrono>
#include <csignal>
#include <functional>
#include <semaphore>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace stillpoint::test {

// Whether `condition` comes true; gives up after ten seconds.
template <class Condition>
bool eventually(Condition condition) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition())
    if (std::chrono::steady_clock::now() > until)
      return false;
    else
      std::this_thread::yield();
  return true;
}

class spinning {
public:
  using preparation = std::function<void(rt::worker &, rt::task &)>;

  explicit spinning(
      void (*entry)(void *), const preparation &prepare = [](rt::worker &, rt::task &) {}, void (*function)(void *) = nullptr) {
    flag.function = function;
    thread_ = std::thread([this, entry, prepare] { run(entry, prepare); });
    started_.acquire();
    eventually([this] { return flag.turns.load() != 0; });
  }
  ~spinning() {
    flag.stop = 1;
    thread_.join();
  }
  spinning(const spinning &) = delete;
  spinning &operator=(const spinning &) = delete;

  // Sends one signal as if a request had just been made, but marks no task.
  void deliver_unasked() {
    worker->signal_in_flight = true;
    ::syscall(SYS_tgkill, getpid(), worker->thread_id.load(), SIGURG);
  }
  bool request() { return rt::preempt::request(*worker, *task); }
  std::uint64_t refusals(refusal why) const { return worker->counters.refusals[static_cast<std::size_t>(why)].load(); }
  bool refuses_with(refusal why) {
    return eventually([&] {
      request();
      return refusals(why) != 0;
    });
  }
  bool stops(std::uint64_t times) {
    return eventually([&] {
      request();
      return worker->counters.preemptions.load() >= times;
    });
  }

  spin_flag flag;
  rt::worker *worker = nullptr;
  rt::task *task = nullptr;
  std::atomic<std::uint64_t> pinned_stops{0};
  std::atomic<bool> always_pinned_to_me{true}; // whenever it was off by a pinned stop

private:
  void run(void (*entry)(void *), const preparation &prepare) {
    fake_worker w;
    fake_task t(entry, &flag);
    prepare(w.control, t.control);
    worker = &w.control;
    task = &t.control;
    started_.release();
    w.run_to_end(t, [&] {
      if (std::exchange(w.last_stop_was_pinned, false)) {
        ++pinned_stops;
        if (t.control.pinned_to != &w.control)
          always_pinned_to_me = false;
      }
    });
  }

  std::thread thread_;
  std::binary_semaphore started_{0};
};

} // namespace stillpoint::test

#endif
