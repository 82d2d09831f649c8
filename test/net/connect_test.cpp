// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Connecting and accepting.
#include "support.h"

#include <sys/resource.h>
#include <sys/socket.h>

namespace stillpoint::test {
namespace {

using net::address;

class net_connect : public net_fixture {};
STILLPOINT_ON_PROCESSORS(net_connect);

// Go: TestDialError (ECONNREFUSED).
TEST_P(net_connect, refused) {
  in_run([] {
    auto taken = net::tcp_listener::listen(address::loopback_ipv4(0));
    const address at = taken.local_address();
    std::error_code ec;
    net::tcp_listener::listen(at, {}, ec);
    EXPECT_EQ(ec, std::errc::address_in_use);
    taken.close();
    EXPECT_FALSE(net::tcp_stream::connect(at, ec));
    EXPECT_EQ(ec, std::errc::connection_refused);
    EXPECT_THROW(net::tcp_stream::connect(at), std::system_error);
    EXPECT_FALSE(net::unix_stream::connect(address::unix_path("@stillpoint-nobody-is-here"), ec));
    EXPECT_EQ(ec, std::errc::connection_refused);
    EXPECT_FALSE(net::unix_stream::connect(address::unix_path("/nowhere/at/all"), ec));
    EXPECT_EQ(ec, std::errc::no_such_file_or_directory);
    EXPECT_FALSE(net::tcp_stream::connect(address::unix_path("@x"), ec));
    EXPECT_EQ(ec, std::errc::address_family_not_supported);
    EXPECT_FALSE(net::tcp_stream::connect(address(), ec));
    EXPECT_EQ(ec, std::errc::address_family_not_supported);
  });
}

// Go: TestDialerLocalAddr.
TEST_P(net_connect, from_an_address) {
  in_run([] {
    auto listener = net::tcp_listener::listen(address::loopback_ipv4(0));
    const auto s = net::tcp_stream::connect(listener.local_address(), {.local = address::ip("127.0.0.2", 0)});
    address peer;
    std::error_code ec;
    const auto accepted = listener.accept(peer, ec);
    EXPECT_EQ(peer.host(), "127.0.0.2");
    EXPECT_EQ(peer, s.local_address());
    net::tcp_stream::connect(listener.local_address(), {.local = address::ip("192.0.2.1", 0)}, ec);
    EXPECT_EQ(ec, std::errc::address_not_available);
  });
}

// Go: TestDialTimeout: nobody accepts and the listener's queue is full.
TEST_P(net_connect, a_deadline_ends_it) {
  in_run([] {
    auto listener = net::tcp_listener::listen(address::loopback_ipv4(0), {.backlog = 0});
    std::vector<net::tcp_stream> queue;
    std::error_code ec;
    for (int i = 0; i < 20 && !ec; ++i)
      queue.push_back(net::tcp_stream::connect(listener.local_address(), {.deadline = net::clock::now() + 50ms}, ec));
    EXPECT_EQ(ec, net::timed_out);
    net::tcp_stream::connect(listener.local_address(), {.deadline = net::clock::now() - 1s}, ec);
    EXPECT_EQ(ec, net::timed_out);
  });
}

// The same for Unix sockets, which report no event when the queue has room again.
TEST_P(net_connect, a_full_unix_listener) {
  in_run([] {
    auto listener = net::unix_listener::listen(address::unix_path(""), {.backlog = 1});
    const address at = listener.local_address();
    std::vector<net::unix_stream> queue;
    std::error_code ec;
    for (int i = 0; i < 20 && !ec; ++i)
      queue.push_back(net::unix_stream::connect(at, {.deadline = net::clock::now() + 30ms}, ec));
    EXPECT_EQ(ec, net::timed_out);
    const background late([&] { EXPECT_TRUE(net::unix_stream::connect(at)); });
    sleep_for(2ms);
    while (queue.size() > 1) { // accepting makes room
      listener.accept();
      queue.pop_back();
    }
  });
}

// Go: TestTCPSelfConnect: a port of one's own is not a connection.
TEST_P(net_connect, not_to_itself) {
  in_run([] {
    auto listener = net::tcp_listener::listen(address::loopback_ipv4(0));
    const address at = listener.local_address();
    listener.close();
    for (int i = 0; i < 2000; ++i) {
      std::error_code ec;
      EXPECT_FALSE(net::tcp_stream::connect(at, ec)) << "connected to itself";
    }
  });
}

// Go: TestTCPConcurrentAccept.
TEST_P(net_connect, several_acceptors) {
  in_run([] {
    constexpr int acceptors = 10, connections = 60;
    auto listener = net::tcp_listener::listen(address::loopback_ipv4(0));
    std::atomic<int> accepted{0};
    wait_group ended;
    ended.add(acceptors);
    for (int i = 0; i < acceptors; ++i)
      go([&] {
        std::error_code ec;
        while (const auto s = listener.accept(ec))
          ++accepted;
        ended.done();
      });
    for (int i = 0; i < connections; ++i)
      net::tcp_stream::connect(listener.local_address());
    EXPECT_TRUE(eventually([&] { return accepted == connections; }));
    listener.close();
    ended.wait();
  });
}

TEST_P(net_connect, unix_addresses) { // Go: TestUnixUnlink, TestUnixAutobind...
  in_run([] {
    const std::string path = testing::TempDir() + "stillpoint-" + std::to_string(getpid()) + ".socket";
    unlink(path.c_str());
    auto listener = net::unix_listener::listen(address::unix_path(path));
    EXPECT_EQ(listener.local_address().host(), path);
    std::error_code ec;
    net::unix_listener::listen(address::unix_path(path), {}, ec);
    EXPECT_EQ(ec, std::errc::address_in_use);
    auto near = net::unix_stream::connect(address::unix_path(path));
    auto far = listener.accept();
    EXPECT_EQ(near.remote_address().host(), path);
    EXPECT_EQ(far.remote_address().host(), "");
    near.write_all("x");
    char b[1];
    EXPECT_EQ(far.read(b), 1u);
    unlink(path.c_str());
  });
}

TEST_P(net_connect, ipv6) {
  in_run([] {
    std::error_code ec;
    auto listener = net::tcp_listener::listen(address::loopback_ipv6(0), {}, ec);
    if (ec) // no IPv6 here
      return;
    auto near = net::tcp_stream::connect(listener.local_address());
    auto far = listener.accept();
    EXPECT_EQ(far.remote_address(), near.local_address());
    EXPECT_EQ(near.local_address().family(), net::family::ipv6);
  });
}

TEST_P(net_connect, by_name) {
  in_run([] {
    auto listener = net::tcp_listener::listen(address::loopback_ipv4(0));
    const std::string port = std::to_string(listener.local_address().port());
    EXPECT_TRUE(net::tcp_stream::connect("127.0.0.1", port));
    std::error_code ec;
    EXPECT_FALSE(net::tcp_stream::connect("127.0.0.1", "no-such-service-as-this", {}, ec));
    EXPECT_EQ(&ec.category(), &net::resolve_category());
  });
}

// Go: TestTCPStress: connections come and go.
TEST_P(net_connect, come_and_go) {
  in_run([] {
    constexpr int clients = 8, rounds = 25;
    auto listener = net::tcp_listener::listen(address::loopback_ipv4(0));
    const background server([&] {
      wait_group ended;
      std::error_code ec;
      while (auto s = listener.accept(ec)) {
        ended.add();
        go([&ended, s = std::move(s)]() mutable {
          char b[64];
          std::error_code error;
          while (const std::size_t n = s.read(b, error))
            s.write_all({b, n}, error);
          ended.done();
        });
      }
      ended.wait();
    });
    wait_group ended;
    ended.add(clients);
    for (int c = 0; c < clients; ++c)
      go([&, c] {
        for (int i = 0; i < rounds; ++i) {
          auto s = net::tcp_stream::connect(listener.local_address());
          const std::string said = pattern(40, static_cast<unsigned>(c * rounds + i));
          std::string heard(said.size(), '\0');
          s.write_all(said);
          EXPECT_EQ(s.read_exactly(heard), said.size());
          EXPECT_EQ(heard, said);
        }
        ended.done();
      });
    ended.wait();
    listener.close();
  });
}

// Out of numbers: an error, and it works again when there are some.
TEST_P(net_connect, too_many_files) {
  in_run([] {
    auto listener = net::tcp_listener::listen(address::loopback_ipv4(0));
    auto near = net::tcp_stream::connect(listener.local_address());
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    const rlimit none{3, limit.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    std::error_code ec;
    EXPECT_FALSE(listener.accept(ec));
    EXPECT_EQ(ec, std::errc::too_many_files_open);
    net::tcp_stream::connect(listener.local_address(), ec);
    EXPECT_EQ(ec, std::errc::too_many_files_open);
    setrlimit(RLIMIT_NOFILE, &limit);
    EXPECT_TRUE(listener.accept(ec));
  });
}

} // namespace
} // namespace stillpoint::test
