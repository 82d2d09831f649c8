// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Announced calls that keep their processor. This program is managed: its tasks can be stopped anywhere.
#include "park_here.h"
#include "sched/call.h"
#include "sched/world.h"
#include "support.h"

#include <atomic>
#include <chrono>
#include <thread>

namespace {

using namespace stillpoint;
using namespace stillpoint::test;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

struct state {
  std::atomic<bool> ready{false}, inside{false}, world_tried{false}, world_stopped{false}, over{false};
};

bool wait_for(const std::atomic<bool> &condition) {
  const auto limit = clock::now() + 20s;
  while (!condition && clock::now() < limit)
    std::this_thread::sleep_for(1ms);
  return condition;
}

bool stop_the_world(rt::task &, void *context) noexcept {
  auto &s = *static_cast<state *>(context);
  rt::processor &self = *rt::this_worker()->held;
  s.world_stopped = rt::world::stop(self, 10'000'000'000);
  if (s.world_stopped)
    rt::world::start(self);
  s.world_tried = true;
  return false; // go on
}

void be_inside(void *context) {
  auto &s = *static_cast<state *>(context);
  s.inside = true;
  wait_for(s.world_tried);
  std::this_thread::sleep_for(std::chrono::nanoseconds(2 * rt::sched::long_call_ns));
}

[[stillpoint::nosplit]] bool keeps_its_processor(state &now) {
  rt::worker &w = *rt::this_worker();
  const rt::processor *const held = w.held;
  rt::sched::announced(w, {}, false, be_inside, &now);
  return rt::this_worker() == &w && w.held == held;
}

TEST(kept_call, nobody_takes_the_processor_away_and_no_stop_of_the_world_waits) {
  run_on(2, [] {
    state now;
    wait_group ended;
    ended.add(4);
    go([&] { // keeps the other processor until the call is over
      now.ready = true;
      wait_for(now.inside);
      park_here(stop_the_world, &now);
      wait_for(now.over);
      ended.done();
    });
    ASSERT_TRUE(eventually([&] { return now.ready.load(); }));
    for (int i = 0; i < 3; ++i) // and these could use this one
      go([&] { ended.done(); });
    const std::uint64_t handed_over = rt::sched::active()->calls_handed_over;
    EXPECT_TRUE(keeps_its_processor(now));
    EXPECT_TRUE(now.world_stopped);
    EXPECT_EQ(rt::sched::active()->calls_handed_over, handed_over);
    now.over = true;
    ended.wait();
  });
}

} // namespace
