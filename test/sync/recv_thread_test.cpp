// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lock_to_recv_os_thread, line by line of the proposal for Go that it comes from; and how tasks share a thread.
#include "chan_support.h"

#include <stillpoint/recv_thread.hpp>
#include <stillpoint/thread.hpp>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <unistd.h>
#include <utility>

namespace stillpoint::test {
namespace {

class recv_thread_test : public on_processors {};
STILLPOINT_ON_PROCESSORS(recv_thread_test);

// The proposal's "syscall server": runs what it is sent on one thread.
class server {
public:
  server() {
    go([calls = calls_, thread = thread_] {
      lock_os_thread();
      thread.send(gettid());
      for (const auto &f : calls)
        f();
      unlock_os_thread();
    });
    id_ = *thread_.receive();
  }
  ~server() { calls_.close(); }
  server(const server &) = delete;
  server &operator=(const server &) = delete;

  [[nodiscard]] const chan<std::function<void()>> &calls() const { return calls_; }
  [[nodiscard]] int thread() const { return id_; }

private:
  chan<std::function<void()>> calls_{0};
  chan<int> thread_{0};
  int id_ = 0;
};

// "the calling goroutine will be locked to the same thread as the goroutine receiving on ch"
STILLPOINT_ON_EACH(recv_thread_test, the_caller_runs_on_the_receivers_thread) {
  const server s;
  wait_group group;
  for (int i = 0; i < 10; ++i)
    go_in(group, [&] {
      lock_to_recv_os_thread(s.calls());
      EXPECT_TRUE(this_task::is_locked_to_os_thread());
      for (int round = 0; round < 10; ++round) {
        EXPECT_EQ(gettid(), s.thread());
        if (round % 3 == 0)
          sleep_for(100us);
        else
          yield();
      }
      unlock_os_thread();
    });
  group.wait();
  const chan<int> answer(0);
  s.calls().send([=] { answer.send(gettid()); }); // the server goes on serving
  EXPECT_EQ(answer.receive(), s.thread());
}

// "if ch is nil or closed LockToRecvOSThread will panic"
STILLPOINT_ON_EACH(recv_thread_test, null_or_closed) {
  EXPECT_THROW(lock_to_recv_os_thread(chan<int>()), std::logic_error);
  const chan<int> c(0);
  c.close();
  EXPECT_THROW(lock_to_recv_os_thread(c), closed_channel);
  EXPECT_FALSE(this_task::is_locked_to_os_thread());

  const chan<int> later(0), ended(0);
  go([=] {
    EXPECT_THROW(lock_to_recv_os_thread(later), closed_channel);
    ended.send(1);
  });
  let_others_wait();
  later.close();
  ended.receive();
}

// "if no goroutine is receiving from ch LockToRecvOSThread will wait until one appears"
STILLPOINT_ON_EACH(recv_thread_test, waits_for_a_receiver) {
  const chan<int> c(1), joined(0), thread(0);
  go([=] {
    lock_to_recv_os_thread(c);
    joined.send(gettid());
    unlock_os_thread();
  });
  let_others_wait();
  c.send(1); // what is in the buffer is received at once: nobody waits
  EXPECT_EQ(joined.try_receive(), std::nullopt);
  go([=] {
    lock_os_thread();
    thread.send(gettid());
    c.receive();
    c.receive();
    unlock_os_thread();
  });
  const int expected = *thread.receive();
  EXPECT_EQ(joined.receive(), expected);
  c.send(2);
}

// "if the goroutine calling LockToRecvOSThread is already locked to a thread LockToRecvOSThread will panic"
STILLPOINT_ON_EACH(recv_thread_test, the_caller_is_locked_already) {
  const server s;
  const chan<int> ended(0);
  go([&] {
    lock_os_thread();
    EXPECT_THROW(lock_to_recv_os_thread(s.calls()), std::logic_error);
    unlock_os_thread();
    lock_to_recv_os_thread(s.calls());
    EXPECT_THROW(lock_to_recv_os_thread(s.calls()), std::logic_error); // also by itself
    unlock_os_thread();
    EXPECT_FALSE(this_task::is_locked_to_os_thread());
    ended.send(1);
  });
  ended.receive();
}

// "if the goroutine receiving from ch did not call LockOSThread, LockToRecvOSThread will panic"
STILLPOINT_ON_EACH(recv_thread_test, the_receiver_is_not_locked) {
  const chan<int> c(0);
  go([=] { c.receive(); });
  let_others_wait();
  EXPECT_THROW(lock_to_recv_os_thread(c), std::logic_error);
  c.send(1);

  const chan<int> ended(0);
  go([=] {
    EXPECT_THROW(lock_to_recv_os_thread(c), std::logic_error);
    ended.send(1);
  });
  let_others_wait();
  go([=] { c.receive(); });
  ended.receive();
  c.send(1);
}

// "The thread lock acquired by LockToRecvOSThread can be released by calling UnlockOSThread", and nests like any other.
STILLPOINT_ON_EACH(recv_thread_test, undone_by_unlock) {
  const server s;
  const chan<int> ended(0);
  go([&] {
    lock_to_recv_os_thread(s.calls());
    lock_os_thread();
    unlock_os_thread();
    EXPECT_TRUE(this_task::is_locked_to_os_thread());
    EXPECT_EQ(gettid(), s.thread());
    unlock_os_thread();
    EXPECT_FALSE(this_task::is_locked_to_os_thread());
    lock_to_recv_os_thread(s.calls());
    unlock_os_thread();
    ended.send(1);
  });
  ended.receive();
}

// A receiver may wait in a select.
STILLPOINT_ON_EACH(recv_thread_test, a_receiver_in_a_select) {
  const chan<int> c(0), stop(0), thread(0);
  go([=] {
    lock_os_thread();
    thread.send(gettid());
    select(on_receive(stop), on_receive(c));
    unlock_os_thread();
  });
  const int expected = *thread.receive();
  const chan<int> joined(0);
  for (int i = 0; i < 5; ++i)
    go([=] {
      lock_to_recv_os_thread(c);
      joined.send(gettid());
      unlock_os_thread();
    });
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(joined.receive(), expected);
  stop.send(1);
}

// Many join and leave while the server is busy.
STILLPOINT_ON_EACH(recv_thread_test, stress) {
  const server s;
  wait_group group;
  std::atomic<int> on_thread = 0;
  for (int i = 0; i < 8; ++i)
    go_in(group, [&, i] {
      for (int round = 0; round < 50; ++round) {
        if ((i + round) % 2) {
          const chan<int> answer(0);
          s.calls().send([=] { answer.send(gettid()); });
          EXPECT_EQ(answer.receive(), s.thread());
        } else {
          lock_to_recv_os_thread(s.calls());
          EXPECT_EQ(gettid(), s.thread());
          EXPECT_EQ(++on_thread, 1); // one at a time, as it is one thread
          --on_thread;
          unlock_os_thread();
        }
      }
    });
  group.wait();
}

// Tasks that share a thread do so fairly, and are preempted: each of these loops would keep it.
STILLPOINT_ON_EACH(recv_thread_test, loops_on_one_thread_take_turns) {
  const server s;
  std::atomic<bool> stop = false;
  std::array<std::atomic<long>, 3> rounds{};
  wait_group group, locked;
  locked.add(3);
  for (auto &mine : rounds)
    go_in(group, [&] {
      lock_to_recv_os_thread(s.calls());
      locked.done();
      for (long n = 0; !stop.load(std::memory_order_relaxed);)
        mine.store(++n, std::memory_order_relaxed);
      EXPECT_EQ(gettid(), s.thread());
      unlock_os_thread();
    });
  locked.wait();
  std::array<long, 3> before{};
  EXPECT_TRUE(eventually([&] { // each goes on several times
    for (std::size_t i = 0; i < 3; ++i)
      if (rounds[i] == 0)
        return false;
    return true;
  }));
  for (std::size_t i = 0; i < 3; ++i)
    before[i] = rounds[i];
  EXPECT_TRUE(eventually([&] {
    for (std::size_t i = 0; i < 3; ++i)
      if (rounds[i] == before[i])
        return false;
    return true;
  }));
  stop = true;
  group.wait();
}

TEST(recv_thread, outside_of_tasks) { EXPECT_THROW(lock_to_recv_os_thread(chan<int>(0)), std::logic_error); }

} // namespace
} // namespace stillpoint::test
