// Threads of the program's own: they are the system's, with thread-local variables, locks and conditions shared with main, while main is preempted.
// REQUIRES: runtime
// RUN: %stillpoint-clangxx -fplugin-arg-stillpoint-main=task -std=c++20 -O2 %s -o %t
// RUN: env STILLPOINT_PROCS=1 STILLPOINT_SLICE=100us %t | FileCheck %s
#include <stillpoint/stillpoint.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

static thread_local int mine = 0;
static std::mutex lock;
static std::condition_variable changed;
static int shared = 0, turn = 0;

static void count(int id) {
  for (int i = 0; i != 2000; ++i) {
    ++mine;
    const std::lock_guard held(lock);
    ++shared;
  }
  std::unique_lock held(lock);
  changed.wait(held, [&] { return turn == id; });
  ++turn;
  changed.notify_all();
}

static std::atomic<bool> stop = false;

int main() {
  stillpoint::go([] { // so that main is preempted meanwhile
    while (!stop)
      stillpoint::yield();
  });
  const auto self = std::this_thread::get_id();
  std::vector<std::thread> threads;
  for (int id = 1; id <= 4; ++id)
    threads.emplace_back(count, id);
  count(0);
  for (std::thread &t : threads)
    t.join();
  std::printf("shared %d, of main %d\n", shared, mine);
  auto later = std::async(std::launch::async, [] { return mine; });
  std::printf("of a new thread %d, the same thread %d\n", later.get(), self == std::this_thread::get_id());
  std::thread([] {
    try {
      stillpoint::go([] {});
    } catch (const std::logic_error &e) {
      std::puts(e.what());
    }
  }).join();
  stop = true;
}
// CHECK: shared 10000, of main 2000
// CHECK: of a new thread 0, the same thread 1
// CHECK: go() called outside a task
