// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Addresses as text and back.
#include "support.h"

#include <sys/socket.h>
#include <sys/un.h>

namespace stillpoint::test {
namespace {

using net::address;

TEST(net_address, text_and_back) {
  for (const char *text : {"127.0.0.1:80", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:80", "[::]:0", "[2001:db8::8:800:200c:417a]:443",
                           "[fe80::1%lo]:7", "unix:/run/a.socket", "unix:@abstract", "unix:relative/path"}) {
    std::error_code ec;
    const address a = address::parse(text, ec);
    EXPECT_FALSE(ec) << text << ": " << ec.message();
    EXPECT_EQ(a.to_string(), text);
    EXPECT_EQ(address::from_native(a.native(), a.native_size()), a);
  }
}

TEST(net_address, refused) {
  for (const char *text : {"",
                           ":",
                           "80",
                           ":80",
                           "127.0.0.1",
                           "127.0.0.1:",
                           "127.0.0.1:65536",
                           "127.0.0.1:-1",
                           "127.0.0.1:80 ",
                           "localhost:80",
                           "::1:80",
                           "[127.0.0.1]:80",
                           "[::1]",
                           "[::1",
                           "[]:80",
                           "1.2.3:80",
                           "1.2.3.4.5:80",
                           "[fe80::1%]:80",
                           "[fe80::1%nosuchinterface]:1",
                           "127.0.0.1%lo:80"}) {
    std::error_code ec;
    EXPECT_EQ(address::parse(text, ec).family(), net::family::none) << text;
    EXPECT_EQ(ec, std::errc::invalid_argument) << text;
    EXPECT_THROW(address::parse(text), std::system_error) << text;
  }
}

TEST(net_address, parts) {
  address a = address::loopback_ipv6(443);
  EXPECT_EQ(a.family(), net::family::ipv6);
  EXPECT_EQ(a.host(), "::1");
  EXPECT_EQ(a.port(), 443);
  a.port(80);
  EXPECT_EQ(a, address::ip("::1", 80));
  EXPECT_NE(a, address::ip("::1", 81));
  EXPECT_NE(a, address::ip("::2", 80));
  EXPECT_NE(address::loopback_ipv4(1), address::loopback_ipv6(1));
  EXPECT_EQ(address(), address());
  EXPECT_EQ(address().to_string(), "");
  EXPECT_EQ(address::any_ipv4(5).to_string(), "0.0.0.0:5");
}

// Go: TestUnixgramLinuxAbstractLongName, and the lengths around it.
TEST(net_address, unix_lengths) {
  const std::size_t most = sizeof sockaddr_un::sun_path;
  std::error_code ec;
  EXPECT_EQ(address::unix_path(std::string(most - 1, 'p'), ec).host(), std::string(most - 1, 'p'));
  EXPECT_FALSE(ec);
  const std::string abstract = '@' + std::string(most - 1, 'n');
  EXPECT_EQ(address::unix_path(abstract, ec).host(), abstract);
  EXPECT_FALSE(ec);
  address::unix_path(std::string(most, 'p'), ec);
  EXPECT_EQ(ec, std::errc::filename_too_long);
  address::unix_path(abstract + 'n', ec);
  EXPECT_EQ(ec, std::errc::filename_too_long);
  address::unix_path(std::string("a\0b", 3), ec);
  EXPECT_EQ(ec, std::errc::invalid_argument);
  EXPECT_EQ(address::unix_path("").family(), net::family::unix_domain);
}

TEST(net_address, from_the_kernel) {
  const sockaddr odd{.sa_family = AF_UNSPEC, .sa_data = {}};
  EXPECT_EQ(address::from_native(&odd, sizeof odd).family(), net::family::none);
  EXPECT_EQ(address::from_native(address::loopback_ipv6(1).native(), 16).family(), net::family::none) << "cut off";
  EXPECT_EQ(address::from_native(nullptr, 0).family(), net::family::none);
}

// Go: TestLookupLocalIPs and the literals of TestResolveTCPAddr.
TEST(net_address, resolving) {
  run_on(2, [] {
    EXPECT_EQ(net::resolve("127.0.0.1", "80"), std::vector{address::loopback_ipv4(80)});
    EXPECT_EQ(net::resolve("::1", ""), std::vector{address::loopback_ipv6(0)});
    std::error_code ec;
    const auto local = net::resolve("localhost", "7", ec);
    if (!ec)
      for (const address &a : local)
        EXPECT_TRUE(a == address::loopback_ipv4(7) || a == address::loopback_ipv6(7)) << a.to_string();
    EXPECT_TRUE(net::resolve("127.0.0.1", "no-such-service-as-this", ec).empty());
    EXPECT_EQ(&ec.category(), &net::resolve_category());
    EXPECT_FALSE(ec.message().empty());
    EXPECT_THROW(net::resolve("127.0.0.1", "no-such-service-as-this"), std::system_error);
  });
  EXPECT_EQ(net::resolve("127.0.0.1", "80"), std::vector{address::loopback_ipv4(80)}) << "outside a task";
}

// Others run while one looks up: on one processor, too.
TEST(net_address, resolving_holds_nobody_up) {
  run_on(1, [] {
    std::atomic<bool> done{false};
    unsigned long turns = 0;
    const background asks([&] {
      std::error_code ec;
      for (int i = 0; i < 20; ++i)
        net::resolve("localhost", "no-such-service-as-this", ec);
      done = true;
    });
    EXPECT_TRUE(eventually([&] { return ++turns, done.load(); }));
    EXPECT_GT(turns, 1u);
  });
}

} // namespace
} // namespace stillpoint::test
