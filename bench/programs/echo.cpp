// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An echo server and its clients in one process, a task for each end of each connection. programs/echo_epoll.cpp and go/echo/main.go are the same
// with a bare epoll loop and in Go.
//
// Usage: bench-echo CLIENTS MILLISECONDS. Prints "requests PER_SECOND p50 NANOSECONDS p99 NANOSECONDS".
#include "echo.h"

#include <stillpoint/net.hpp>
#include <stillpoint/stillpoint.hpp>

#include <array>

namespace {

namespace net = stillpoint::net;
using bench::echo::notes;

using message = std::array<char, bench::echo::message_size>;

void serve(net::tcp_stream s) {
  std::array<char, bench::echo::buffer_size> b;
  std::error_code ec;
  while (const std::size_t n = s.read(b, ec))
    s.write_all({b.data(), n}, ec);
}

void ask(net::tcp_stream s, notes &mine) {
  message m{};
  for (;;) {
    const std::uint64_t start = bench::now();
    s.write_all(m);
    if (s.read_exactly(m) != m.size() || !mine.note(start, bench::now()))
      return;
  }
}

} // namespace

int main(int argc, char **argv) {
  const bench::echo::plan p = bench::echo::read_plan(argc, argv);
  std::vector<notes> all(static_cast<std::size_t>(p.clients), notes(p));
  stillpoint::run([&] {
    auto listener = net::tcp_listener::listen(net::address::loopback_ipv4(0));
    const net::address at = listener.local_address();
    stillpoint::go([&listener] {
      std::error_code ec;
      while (auto s = listener.accept(ec))
        stillpoint::go([s = std::move(s)]() mutable { serve(std::move(s)); });
    });
    stillpoint::wait_group asking;
    for (notes &mine : all) {
      asking.add();
      stillpoint::go([&, s = net::tcp_stream::connect(at)]() mutable {
        ask(std::move(s), mine);
        asking.done();
      });
    }
    asking.wait();
    listener.close();
  });
  bench::echo::print(p, all);
}
