// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the network's tests share: runs with one, two and eight processors and short slices, and pairs of connected sockets.
#ifndef STILLPOINT_TEST_NET_SUPPORT_H
#define STILLPOINT_TEST_NET_SUPPORT_H

#include "test/sched/support.h"

#include <stillpoint/net.hpp>

#include <atomic>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace stillpoint::test {

using namespace std::chrono_literals;

// Short slices, so that tasks are stopped all over the place.
class net_fixture : public on_processors {
protected:
  template <class F>
  void in_run(F f) {
    run_on(GetParam(), f);
  }

private:
  const with_variable slice_{"STILLPOINT_SLICE", "100us"};
};

struct tcp_pair {
  net::tcp_stream near, far;
};

// Two ends of a connection over the loopback interface.
inline tcp_pair connected() {
  auto listener = net::tcp_listener::listen(net::address::loopback_ipv4(0));
  tcp_pair p;
  p.near = net::tcp_stream::connect(listener.local_address());
  p.far = listener.accept();
  return p;
}

// A task, and waiting for it.
class background {
public:
  template <class F>
  explicit background(F f) {
    ended_.add();
    go([this, f = std::move(f)]() mutable {
      f();
      ended_.done();
    });
  }
  ~background() { ended_.wait(); }
  void wait() { ended_.wait(); }

private:
  wait_group ended_;
};

inline std::string read_to_end(net::detail::stream &s, std::error_code &ec) {
  std::string all;
  std::vector<char> part(4096);
  while (const std::size_t n = s.read(part, ec))
    all.append(part.data(), n);
  return all;
}

// Something to recognise, of any length.
inline std::string pattern(std::size_t size, unsigned seed = 1) {
  std::string s(size, '\0');
  for (char &c : s) {
    seed = seed * 1664525 + 1013904223;
    c = static_cast<char>(seed >> 24);
  }
  return s;
}

} // namespace stillpoint::test

#endif
