// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Deadlines. No test asserts how long something took, only that it came to an end, or did not.
#include "support.h"

namespace stillpoint::test {
namespace {

using net::address;

class net_deadline : public net_fixture {};
STILLPOINT_ON_PROCESSORS(net_deadline);

net::time_point in(std::chrono::nanoseconds d) { return net::clock::now() + d; }

// Go: TestReadTimeout, TestVariousDeadlines1Proc, TestVariousDeadlines4Proc.
TEST_P(net_deadline, of_a_read) {
  in_run([] {
    auto [near, far] = connected();
    char b[1];
    for (const std::chrono::nanoseconds d : std::initializer_list<std::chrono::nanoseconds>{-1ms, 0ns, 1ns, 1us, 200us, 1ms, 5ms, 20ms}) {
      std::error_code ec;
      near.read_deadline(in(d));
      EXPECT_EQ(near.read(b, ec), 0u);
      EXPECT_EQ(ec, net::timed_out) << d.count();
    }
    // It lasts, even if there is something to read.
    far.write_all("x");
    std::error_code ec;
    near.read(b, ec);
    EXPECT_EQ(ec, net::timed_out);
    near.read_deadline(net::no_deadline);
    EXPECT_EQ(near.read(b), 1u);
    near.write_all("y"); // the other side has its own
    EXPECT_EQ(far.read(b), 1u);
  });
}

// Go: TestWriteTimeout.
TEST_P(net_deadline, of_a_write) {
  in_run([] {
    auto [near, far] = connected();
    const std::string much(64 << 20, 'x');
    near.write_deadline(in(10ms));
    std::error_code ec;
    const std::size_t written = near.write_all(much, ec);
    EXPECT_EQ(ec, net::timed_out);
    EXPECT_GT(written, 0u);
    EXPECT_LT(written, much.size());
    near.write_deadline(net::no_deadline);
    const background drain([&far = far] {
      std::error_code error;
      read_to_end(far, error);
    });
    near.write_all("on it goes");
    near.close();
  });
}

// Go: TestAcceptTimeout.
TEST_P(net_deadline, of_an_accept) {
  in_run([] {
    auto listener = net::tcp_listener::listen(address::loopback_ipv4(0));
    listener.deadline(in(2ms));
    std::error_code ec;
    EXPECT_FALSE(listener.accept(ec));
    EXPECT_EQ(ec, net::timed_out);
    listener.deadline(net::no_deadline);
    const auto s = net::tcp_stream::connect(listener.local_address());
    EXPECT_TRUE(listener.accept());
  });
}

// Go: TestReadTimeoutUnblocksRead: set while somebody waits; earlier, and later than before.
TEST_P(net_deadline, changed_while_somebody_waits) {
  in_run([] {
    auto [near, far] = connected();
    for (int i = 0; i < 30; ++i) {
      near.read_deadline(i % 3 == 0 ? net::no_deadline : i % 3 == 1 ? in(1h) : in(500us));
      std::atomic<bool> over{false};
      const background reader([&, &near = near] {
        char b[1];
        std::error_code ec;
        near.read(b, ec);
        EXPECT_EQ(ec, net::timed_out);
        over = true;
      });
      if (i % 2)
        sleep_for(100us);
      near.read_deadline(in(i % 3 == 2 ? 3ms : 200us));
      EXPECT_TRUE(eventually([&] { return over.load(); }));
    }
  });
}

// Go: TestReadTimeoutMustNotReturn: put off, it must not end the read.
TEST_P(net_deadline, put_off) {
  in_run([] {
    auto [near, far] = connected();
    near.read_deadline(in(20ms));
    std::error_code ec;
    const background reader([&, &near = near] {
      char b[1];
      EXPECT_EQ(near.read(b, ec), 1u);
    });
    sleep_for(1ms);
    near.read_deadline(net::no_deadline);
    sleep_for(40ms);
    far.write_all("x");
  });
}

// Renewed before each request (Go: TestReadWriteProlongedTimeout).
TEST_P(net_deadline, renewed) {
  in_run([] {
    auto [near, far] = connected();
    const background echo([&far = far] {
      char b[10];
      while (const std::size_t n = far.read(b))
        far.write_all({b, n});
    });
    char b[1];
    for (int i = 0; i < 300; ++i) {
      near.deadline(in(10s));
      near.write_all("x");
      EXPECT_EQ(near.read(b), 1u);
    }
    near.close();
  });
}

// Go: TestConcurrentSetDeadline, TestReadWriteDeadlineRace.
TEST_P(net_deadline, set_by_many) {
  in_run([] {
    auto [near, far] = connected();
    std::atomic<bool> stop{false};
    wait_group ended;
    ended.add(4);
    for (int n = 0; n < 2; ++n)
      go([&, &near = near] {
        while (!stop) {
          near.deadline(in(100us));
          near.read_deadline(in(-1ms));
          near.write_deadline(net::no_deadline);
          yield();
        }
        ended.done();
      });
    for (int n = 0; n < 2; ++n)
      go([&, &near = near] {
        char b[1];
        while (!stop) {
          std::error_code ec;
          near.read(b, ec);
          EXPECT_EQ(ec, net::timed_out);
          yield();
        }
        ended.done();
      });
    sleep_for(20ms);
    stop = true;
    near.read_deadline(in(-1ms));
    ended.wait();
  });
}

// The object is used again with an alarm of its last life still set, or just ringing.
TEST_P(net_deadline, of_a_closed_handle_disturbs_nobody) {
  in_run([] {
    for (int i = 0; i < 200; ++i) {
      auto [near, far] = net::unix_stream::pair();
      near.read_deadline(in(std::chrono::microseconds(i)));
      const background reader([&near = near] {
        char b[1];
        std::error_code ec;
        near.read(b, ec);
        EXPECT_TRUE(ec == net::timed_out || ec == net::closed);
      });
      sleep_for(std::chrono::microseconds(i % 50));
      near.close();
      auto other = net::unix_stream::pair();
      const background next([&] {
        char b[1];
        EXPECT_EQ(other.first.read(b), 1u);
      });
      yield();
      other.second.write_all("x");
    }
  });
}

} // namespace
} // namespace stillpoint::test
