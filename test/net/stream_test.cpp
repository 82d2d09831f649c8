// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Streams: what is written arrives, ends and half ends, and what the other side's going away looks like.
#include "support.h"

#include <csignal>
#include <netinet/in.h>
#include <netinet/tcp.h>

namespace stillpoint::test {
namespace {

class net_stream : public net_fixture {};
STILLPOINT_ON_PROCESSORS(net_stream);

TEST_P(net_stream, to_and_fro) {
  in_run([] {
    auto [near, far] = connected();
    EXPECT_EQ(near.remote_address(), far.local_address());
    EXPECT_EQ(far.remote_address(), near.local_address());
    const background echo([&far = far] {
      std::vector<char> b(100);
      while (const std::size_t n = far.read(b))
        far.write_all({b.data(), n});
      far.shutdown_write();
    });
    std::array<char, 5> answer{};
    for (int i = 0; i < 200; ++i) {
      near.write_all("hello");
      EXPECT_EQ(near.read_exactly(answer), answer.size());
      EXPECT_EQ(std::string_view(answer.data(), answer.size()), "hello");
    }
    near.shutdown_write();
    std::error_code ec;
    EXPECT_EQ(near.read(answer, ec), 0u);
    EXPECT_FALSE(ec);
  });
}

// Go: TestTCPBig.
TEST_P(net_stream, much_more_than_any_buffer) {
  in_run([] {
    auto [near, far] = connected();
    const std::string sent = pattern(24 << 20);
    const background writer([&, &near = near] {
      EXPECT_EQ(near.write_all(sent), sent.size());
      near.close();
    });
    std::error_code ec;
    EXPECT_TRUE(read_to_end(far, ec) == sent);
    EXPECT_FALSE(ec);
  });
}

// Go: TestCloseWrite, TestCloseRead.
TEST_P(net_stream, half_close) {
  in_run([] {
    auto [near, far] = connected();
    near.write_all("question");
    near.shutdown_write();
    std::error_code ec;
    EXPECT_EQ(read_to_end(far, ec), "question");
    EXPECT_FALSE(ec);
    EXPECT_EQ(near.write("more", ec), 0u);
    EXPECT_EQ(ec, std::errc::broken_pipe);
    far.write_all("answer");
    far.close();
    EXPECT_EQ(read_to_end(near, ec), "answer");
    EXPECT_FALSE(ec);

    auto other = connected();
    const background reader([&] {
      char byte[1];
      EXPECT_EQ(other.near.read(byte), 0u) << "shutdown_read ends a read that waits";
    });
    sleep_for(2ms);
    other.near.shutdown_read();
  });
}

// Data and the end in one event: a short read must not make the next one wait.
TEST_P(net_stream, the_end_right_behind_the_data) {
  in_run([] {
    for (int i = 0; i < 300; ++i) {
      auto [near, far] = connected();
      const background writer([&near = near, i] {
        if (i % 3 == 0)
          sleep_for(100us);
        near.write_all("last words");
        if (i % 2 == 0)
          near.shutdown_write();
        else
          near.close();
      });
      std::error_code ec;
      EXPECT_EQ(read_to_end(far, ec), "last words");
      EXPECT_FALSE(ec);
    }
  });
}

// Reads stop at urgent data, without having taken everything.
TEST_P(net_stream, urgent_data_stops_no_reader) {
  in_run([] {
    for (int i = 0; i < 50; ++i) {
      auto [near, far] = connected();
      near.write_all("before");
      char urgent = '!';
      ASSERT_EQ(send(near.native_handle(), &urgent, 1, MSG_OOB), 1);
      near.write_all("after");
      char b[16];
      std::string all;
      while (all.size() < 11)
        all.append(b, far.read(b));
      EXPECT_EQ(all, "beforeafter");
    }
  });
}

TEST_P(net_stream, nothing_reads_and_writes_nothing) { // Go: TestZeroByteRead
  in_run([] {
    auto [near, far] = connected();
    std::error_code ec;
    EXPECT_EQ(near.read({static_cast<void *>(nullptr), 0}, ec), 0u);
    EXPECT_FALSE(ec);
    EXPECT_EQ(near.write("", ec), 0u);
    EXPECT_EQ(near.write_all("", ec), 0u);
    EXPECT_EQ(near.write_all({"", ""}, ec), 0u);
    EXPECT_EQ(near.read_exactly({static_cast<void *>(nullptr), 0}, ec), 0u);
    EXPECT_FALSE(ec);
  });
}

TEST_P(net_stream, read_exactly_says_how_much_there_was) {
  in_run([] {
    auto [near, far] = connected();
    near.write_all("four");
    near.close();
    std::array<char, 8> b{};
    std::error_code ec;
    EXPECT_EQ(far.read_exactly(b, ec), 4u);
    EXPECT_FALSE(ec);
  });
}

// Go: TestBuffers_WriteTo, with more pieces than go into one call.
TEST_P(net_stream, pieces) {
  in_run([] {
    auto [near, far] = connected();
    const std::string a = pattern(1 << 20, 1), b = pattern(3 << 20, 2);
    const background writer([&, &near = near] {
      EXPECT_EQ(near.write_all({a, "", "middle", b, "end"}), a.size() + b.size() + 9);
      near.close();
    });
    std::error_code ec;
    EXPECT_TRUE(read_to_end(far, ec) == a + "middle" + b + "end");
  });
}

// Go: TestTCPReadWriteMutex (fdMutex): a writer's bytes stay together.
TEST_P(net_stream, writers_do_not_mix) {
  in_run([] {
    auto [near, far] = connected();
    constexpr int writers = 4, rounds = 6;
    constexpr std::size_t size = 600'000; // more than the socket's buffer at first
    wait_group ended;
    ended.add(writers);
    for (int who = 0; who < writers; ++who)
      go([&, &near = near, who] {
        const std::string mine(size, static_cast<char>('a' + who));
        for (int i = 0; i < rounds; ++i)
          near.write_all(mine);
        ended.done();
      });
    std::vector<char> b(size);
    for (int i = 0; i < writers * rounds; ++i) {
      ASSERT_EQ(far.read_exactly(b), size);
      ASSERT_TRUE(std::all_of(b.begin(), b.end(), [&](char c) { return c == b[0]; }));
    }
    ended.wait();
  });
}

// Readers of one socket take turns; each byte goes to one of them.
TEST_P(net_stream, readers_take_turns) {
  in_run([] {
    auto [near, far] = connected();
    constexpr int readers = 5;
    std::atomic<std::size_t> sum{0};
    wait_group ended;
    ended.add(readers);
    for (int i = 0; i < readers; ++i)
      go([&, &far = far] {
        std::vector<char> b(999);
        while (const std::size_t n = far.read(b))
          sum += n;
        ended.done();
      });
    for (int i = 0; i < 300; ++i) {
      near.write_all(std::string(1 + i % 700, 'x'));
      if (i % 10 == 0)
        yield();
    }
    near.close();
    ended.wait();
    std::size_t sent = 0;
    for (int i = 0; i < 300; ++i)
      sent += 1 + i % 700;
    EXPECT_EQ(sum.load(), sent);
  });
}

// Go: TestWriteToClosed..., TestDontPanicOnSIGPIPE: an error, no signal.
TEST_P(net_stream, writing_to_who_has_gone) {
  in_run([] {
    signal(SIGPIPE, SIG_DFL); // would end us
    auto [near, far] = connected();
    far.linger(0s);
    far.close();
    std::error_code ec;
    EXPECT_TRUE(eventually([&] { return near.write("x", ec), static_cast<bool>(ec); }));
    EXPECT_TRUE(ec == std::errc::connection_reset || ec == std::errc::broken_pipe) << ec.message();
    EXPECT_THROW(near.write_all("x"), std::system_error);
  });
}

TEST_P(net_stream, a_reset_ends_a_read) {
  in_run([] {
    auto [near, far] = connected();
    const background reader([&near = near] {
      char b[10];
      std::error_code ec;
      EXPECT_EQ(near.read(b, ec), 0u);
      EXPECT_EQ(ec, std::errc::connection_reset);
    });
    sleep_for(1ms);
    far.linger(0s);
    far.close();
  });
}

TEST_P(net_stream, options) {
  in_run([] {
    auto [near, far] = connected();
    EXPECT_EQ(near.option(IPPROTO_TCP, TCP_NODELAY), 1);
    EXPECT_EQ(far.option(IPPROTO_TCP, TCP_NODELAY), 1) << "from its listener";
    near.no_delay(false);
    EXPECT_EQ(near.option(IPPROTO_TCP, TCP_NODELAY), 0);
    near.keep_alive(30s);
    EXPECT_EQ(near.option(SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(near.option(IPPROTO_TCP, TCP_KEEPIDLE), 30);
    near.keep_alive(0s);
    EXPECT_EQ(near.option(SOL_SOCKET, SO_KEEPALIVE), 0);
    near.set_option(SOL_SOCKET, SO_RCVBUF, 100'000);
    EXPECT_GE(near.option(SOL_SOCKET, SO_RCVBUF), 100'000);
    EXPECT_THROW(near.set_option(SOL_SOCKET, SO_TYPE, 1), std::system_error);
    near.close();
    EXPECT_THROW(near.no_delay(true), std::system_error);
  });
}

TEST_P(net_stream, unix_streams) { // Go: TestUnixConn...
  in_run([] {
    auto [near, far] = net::unix_stream::pair();
    const std::string sent = pattern(4 << 20);
    const background writer([&, &near = near] {
      near.write_all(sent);
      near.shutdown_write();
    });
    std::error_code ec;
    EXPECT_TRUE(read_to_end(far, ec) == sent);
    EXPECT_FALSE(ec);
    far.close();
    EXPECT_TRUE(eventually([&near = near, &ec] { return near.write("x", ec), static_cast<bool>(ec); }));
    EXPECT_EQ(ec, std::errc::broken_pipe);
  });
}

TEST(net_misuse, outside_a_task) {
  std::error_code ec;
  auto [near, far] = net::unix_stream::pair();
  char b[1];
  EXPECT_THROW(near.read(b, ec), std::logic_error);
  EXPECT_THROW(near.write("x", ec), std::logic_error);
  EXPECT_THROW(near.write_all("x", ec), std::logic_error);
  EXPECT_THROW(net::tcp_stream::connect(net::address::loopback_ipv4(1), ec), std::logic_error);
  auto listener = net::tcp_listener::listen(net::address::loopback_ipv4(0)); // needs no task
  EXPECT_THROW(listener.accept(ec), std::logic_error);
  near.deadline(net::clock::now());
  near.close();
}

TEST(net_misuse, empty_handles) {
  run_on(1, [] {
    net::tcp_stream s;
    EXPECT_FALSE(s);
    EXPECT_EQ(s.native_handle(), -1);
    char b[1];
    std::error_code ec;
    s.read(b, ec);
    EXPECT_EQ(ec, net::closed);
    s.write_all("x", ec);
    EXPECT_EQ(ec, net::closed);
    s.deadline(net::clock::now());
    s.close();
    net::tcp_stream t(std::move(s));
    t = net::tcp_stream();
    EXPECT_THROW(static_cast<void>(t.local_address()), std::system_error);
  });
}

} // namespace
} // namespace stillpoint::test
