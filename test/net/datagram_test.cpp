// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Messages over UDP and Unix sockets.
#include "support.h"

namespace stillpoint::test {
namespace {

using net::address;

class net_datagram : public net_fixture {};
STILLPOINT_ON_PROCESSORS(net_datagram);

TEST_P(net_datagram, udp_to_and_fro) {
  in_run([] {
    auto server = net::udp_socket::bind(address::loopback_ipv4(0));
    auto client = net::udp_socket::bind(address::loopback_ipv4(0));
    const background echo([&] {
      std::array<char, 100> b;
      address from;
      for (;;) {
        const std::size_t n = server.receive_from(b, from);
        if (n == 0)
          break;
        EXPECT_EQ(from, client.local_address());
        EXPECT_EQ(server.send_to({b.data(), n}, from), n);
      }
    });
    client.connect(server.local_address());
    char b[100];
    for (int i = 0; i < 300; ++i) {
      const std::string said = "message " + std::to_string(i);
      EXPECT_EQ(client.send(said), said.size());
      EXPECT_EQ(std::string(b, client.receive(b)), said);
    }
    client.send(""); // Go: TestUDPZeroBytePayload
  });
}

// Go: TestUDPReadSizeError.
TEST_P(net_datagram, what_does_not_fit_is_cut_off) {
  in_run([] {
    auto a = net::udp_socket::bind(address::loopback_ipv4(0)), b = net::udp_socket::bind(address::loopback_ipv4(0));
    a.send_to("0123456789", b.local_address());
    a.send_to("01", b.local_address());
    char few[4];
    std::error_code ec;
    bool truncated = false;
    EXPECT_EQ(b.receive(few, ec, &truncated), 4u);
    EXPECT_TRUE(truncated);
    EXPECT_EQ(b.receive(few, ec, &truncated), 2u);
    EXPECT_FALSE(truncated);
  });
}

TEST_P(net_datagram, udp_hears_of_refusals) {
  in_run([] {
    auto gone = net::udp_socket::bind(address::loopback_ipv4(0));
    auto s = net::udp_socket::bind(address::loopback_ipv4(0));
    s.connect(gone.local_address());
    gone.close();
    s.send("x");
    char b[1];
    std::error_code ec;
    s.receive(b, ec);
    EXPECT_EQ(ec, std::errc::connection_refused);
    s.send_to(std::string(70'000, 'x'), s.local_address(), ec);
    EXPECT_EQ(ec, std::errc::message_size);
  });
}

// Go: TestPacketConnClose, TestReadFromTimeout.
TEST_P(net_datagram, close_and_deadline) {
  in_run([] {
    auto s = net::udp_socket::bind(address::loopback_ipv4(0));
    char b[1];
    std::error_code ec;
    s.read_deadline(net::clock::now() + 1ms);
    s.receive(b, ec);
    EXPECT_EQ(ec, net::timed_out);
    s.read_deadline(net::no_deadline);
    const background reader([&] {
      char byte[1];
      std::error_code error;
      s.receive(byte, error);
      EXPECT_EQ(error, net::closed);
    });
    sleep_for(1ms);
    s.close();
  });
}

TEST_P(net_datagram, unix_messages) {
  in_run([] {
    auto server = net::unix_datagram::bind(address::unix_path("")); // Go: TestUnixAutobind
    auto client = net::unix_datagram::bind(address::unix_path(""));
    EXPECT_EQ(server.local_address().host().at(0), '@');
    client.send_to("hello", server.local_address());
    char b[10];
    address from;
    EXPECT_EQ(server.receive_from(b, from), 5u);
    EXPECT_EQ(from, client.local_address());
    auto nameless = net::unix_datagram::bind();
    nameless.connect(server.local_address());
    nameless.send("hi");
    EXPECT_EQ(server.receive_from(b, from), 2u);
    EXPECT_EQ(from.host(), "");
  });
}

// The queue of one to whom we are not connected: no event tells when it has room again.
TEST_P(net_datagram, a_full_unix_queue) {
  in_run([] {
    auto server = net::unix_datagram::bind(address::unix_path(""));
    auto client = net::unix_datagram::bind(address::unix_path(""));
    constexpr int messages = 500;
    const background sender([&] {
      for (int i = 0; i < messages; ++i)
        client.send_to(std::to_string(i), server.local_address());
    });
    char b[10];
    for (int i = 0; i < messages; ++i) {
      if (i % 50 == 0)
        sleep_for(1ms);
      EXPECT_EQ(std::string(b, server.receive(b)), std::to_string(i));
    }
  });
}

TEST_P(net_datagram, a_full_queue_of_a_connected_pair) {
  in_run([] {
    auto [near, far] = net::unix_datagram::pair();
    constexpr int messages = 2000;
    const background sender([&near = near] {
      for (int i = 0; i < messages; ++i)
        near.send(std::to_string(i));
    });
    char b[10];
    for (int i = 0; i < messages; ++i)
      EXPECT_EQ(std::string(b, far.receive(b)), std::to_string(i));
  });
}

} // namespace
} // namespace stillpoint::test
