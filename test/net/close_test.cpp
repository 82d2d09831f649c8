// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Closing while others wait, use and accept.
#include "support.h"

#include <sys/socket.h>
#include <sys/stat.h>

namespace stillpoint::test {
namespace {

class net_close : public net_fixture {};
STILLPOINT_ON_PROCESSORS(net_close);

// Go: TestCloseUnblocksRead, TestConnClose.
TEST_P(net_close, wakes_a_reader) {
  in_run([] {
    for (int i = 0; i < 100; ++i) {
      auto [near, far] = connected();
      std::error_code ec;
      {
        const background reader([&, &near = near] {
          char b[1];
          EXPECT_EQ(near.read(b, ec), 0u);
        });
        if (i % 2)
          sleep_for(50us);
        near.close();
      }
      EXPECT_EQ(ec, net::closed);
      char b[1];
      near.read(b, ec); // read after close
      EXPECT_EQ(ec, net::closed);
      near.write("x", ec);
      EXPECT_EQ(ec, net::closed);
      EXPECT_EQ(near.native_handle(), -1);
      near.close();
    }
  });
}

TEST_P(net_close, wakes_a_writer_and_those_in_line) {
  in_run([] {
    auto [near, far] = connected();
    std::atomic<int> told{0};
    wait_group ended;
    constexpr int writers = 4, readers = 4;
    ended.add(writers + readers);
    for (int i = 0; i < writers; ++i)
      go([&, &near = near] {
        std::error_code ec;
        near.write_all(std::string(50 << 20, 'x'), ec); // nobody reads
        told += ec == net::closed;
        ended.done();
      });
    for (int i = 0; i < readers; ++i)
      go([&, &near = near] {
        std::error_code ec;
        char b[1];
        near.read(b, ec);
        told += ec == net::closed;
        ended.done();
      });
    sleep_for(10ms);
    near.close();
    ended.wait();
    EXPECT_EQ(told.load(), writers + readers);
  });
}

// Go: TestListenerClose, TestListenCloseListen.
TEST_P(net_close, wakes_an_acceptor) {
  in_run([] {
    for (int i = 0; i < 50; ++i) {
      auto listener = net::tcp_listener::listen(net::address::loopback_ipv4(0));
      const net::address at = listener.local_address();
      wait_group ended;
      ended.add(3);
      std::atomic<int> told{0};
      for (int n = 0; n < 3; ++n)
        go([&] {
          std::error_code ec;
          const auto s = listener.accept(ec);
          told += ec == net::closed && !s;
          ended.done();
        });
      if (i % 2)
        sleep_for(50us);
      listener.close();
      ended.wait();
      EXPECT_EQ(told.load(), 3);
      std::error_code ec;
      EXPECT_TRUE(net::tcp_listener::listen(at, {}, ec)) << ec.message();
      net::tcp_stream::connect(at, ec);
      EXPECT_EQ(ec, std::errc::connection_refused);
    }
  });
}

// Go: TestAcceptClose race: connections come while the listener goes.
TEST_P(net_close, races_with_accept) {
  in_run([] {
    for (int i = 0; i < 60; ++i) {
      auto listener = net::tcp_listener::listen(net::address::loopback_ipv4(0));
      const net::address at = listener.local_address();
      const background acceptor([&] {
        std::error_code ec;
        while (auto s = listener.accept(ec))
          ;
        EXPECT_EQ(ec, net::closed);
      });
      std::atomic<int> connecting{4};
      wait_group ended;
      ended.add(4);
      for (int n = 0; n < 4; ++n)
        go([&] {
          std::error_code ec;
          for (int k = 0; k < 3; ++k)
            const auto s = net::tcp_stream::connect(at, ec);
          --connecting;
          ended.done();
        });
      eventually([&] { return connecting <= i % 5; });
      listener.close();
      ended.wait();
    }
  });
}

// Numbers are used again at once: whoever waited for the old file must not touch the new one.
TEST_P(net_close, numbers_and_objects_are_used_again) {
  in_run([] {
    constexpr int pairs = 6;
    wait_group ended;
    ended.add(pairs);
    std::atomic<int> wrong{0};
    for (int p = 0; p < pairs; ++p)
      go([&, p] {
        for (int i = 0; i < 60; ++i) {
          auto [near, far] = net::unix_stream::pair();
          const char mine = static_cast<char>('a' + p);
          std::error_code read_error;
          {
            const background reader([&, &near = near] {
              char b[1];
              while (near.read(b, read_error) == 1)
                wrong += b[0] != mine;
            });
            for (int k = 0; k < i % 4; ++k)
              far.write_all({&mine, 1});
            yield();
            if (i % 2)
              near.close();
            else
              far.close();
          }
          wrong += i % 2 ? read_error != net::closed : static_cast<bool>(read_error);
        }
        ended.done();
      });
    ended.wait();
    EXPECT_EQ(wrong.load(), 0);
  });
}

// close() waits for nobody, and the file is closed when the last operation is out.
TEST_P(net_close, under_fire) {
  in_run([] {
    for (int i = 0; i < 40; ++i) {
      auto [near, far] = connected();
      const int number = near.native_handle();
      struct stat before{};
      ASSERT_EQ(fstat(number, &before), 0);
      std::atomic<bool> stop{false};
      wait_group ended;
      ended.add(3);
      const auto loop = [&](auto step) {
        go([&, step] {
          std::error_code ec;
          while (!ec && !stop)
            step(ec);
          EXPECT_EQ(ec, net::closed);
          ended.done();
        });
      };
      loop([&near = near](std::error_code &ec) { near.write("x", ec); });
      loop([&near = near](std::error_code &ec) { near.option(SOL_SOCKET, SO_TYPE, ec); });
      loop([&near = near](std::error_code &ec) {
        near.read_deadline(net::clock::now() + 10us);
        char b[1];
        near.read(b, ec);
        if (ec == net::timed_out)
          ec.clear();
      });
      const background drain([&far = far] {
        std::error_code ec;
        read_to_end(far, ec);
      });
      sleep_for(std::chrono::microseconds(10 * i));
      near.close();
      ended.wait();
    }
  });
}

// What a run() leaves behind: its tasks are gone, the handle can be destroyed, and the next run() has its own.
TEST(net_close_runs, a_handle_outlives_its_run) {
  auto [near, far] = net::unix_stream::pair();
  for (int i = 0; i < 3; ++i)
    run_on(2, [&near = near, &far = far] {
      far.write_all("x");
      char b[1];
      EXPECT_EQ(near.read(b), 1u);
      const background reader([&near = near] {
        char byte[1];
        EXPECT_EQ(near.read(byte), 1u);
      });
      sleep_for(1ms);
      far.write_all("y");
    });
  run_on(1, [&near = near] {
    go([&near = near] {
      char b[1];
      std::error_code ec;
      near.read(b, ec); // for ever
      ADD_FAILURE();
    });
    sleep_for(2ms);
  });
  far.close();
  run_on(1, [] { // events for the task of the run before
    sleep_for(2ms);
  });
}

} // namespace
} // namespace stillpoint::test
