// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is asked of sockets, and set, without waiting.
#include "net/calls.h"
#include "stillpoint/net/socket.hpp"

#include <algorithm>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace stillpoint::net::detail {
namespace {

long set(int file, int level, int name, int value) noexcept {
  return call([&] { return setsockopt(file, level, name, &value, sizeof value); });
}

} // namespace

address address_of(descriptor *d, bool peer, std::error_code &ec) {
  alignas(8) unsigned char bytes[address::capacity];
  socklen_t size = sizeof bytes;
  auto *const a = reinterpret_cast<sockaddr *>(bytes);
  answer(perform_now(d, STILLPOINT_MANAGED_CALLER(),
                     [&](int file) { return call([&] { return peer ? getpeername(file, a, &size) : getsockname(file, a, &size); }); }),
         ec);
  return ec ? address() : address::from_native(bytes, size);
}

void shut_down(descriptor *d, unsigned sides, std::error_code &ec) {
  const int how = sides == reading ? SHUT_RD : sides == writing ? SHUT_WR : SHUT_RDWR;
  answer(perform_now(d, STILLPOINT_MANAGED_CALLER(), [&](int file) { return call([&] { return shutdown(file, how); }); }), ec);
}

int socket_option(descriptor *d, int level, int name, std::error_code &ec) {
  int value = 0;
  socklen_t size = sizeof value;
  answer(perform_now(d, STILLPOINT_MANAGED_CALLER(),
                     [&](int file) { return call([&] { return getsockopt(file, level, name, &value, &size); }); }),
         ec);
  return value;
}

void socket_option(descriptor *d, int level, int name, int value, std::error_code &ec) {
  answer(perform_now(d, STILLPOINT_MANAGED_CALLER(), [&](int file) { return set(file, level, name, value); }), ec);
}

void no_delay(descriptor *d, bool on, std::error_code &ec) { socket_option(d, IPPROTO_TCP, TCP_NODELAY, on, ec); }

void keep_alive(descriptor *d, std::chrono::seconds idle, std::error_code &ec) {
  const int seconds = static_cast<int>(std::clamp<std::chrono::seconds::rep>(idle.count(), 0, 32'767)); // the kernel's limit
  answer(perform_now(d, STILLPOINT_MANAGED_CALLER(),
                     [&](int file) {
                       long n = set(file, SOL_SOCKET, SO_KEEPALIVE, seconds != 0);
                       if (n == 0 && seconds != 0)
                         n = set(file, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
                       if (n == 0 && seconds != 0)
                         n = set(file, IPPROTO_TCP, TCP_KEEPINTVL, seconds);
                       return n;
                     }),
         ec);
}

void linger(descriptor *d, int seconds, std::error_code &ec) {
  const struct ::linger value{seconds >= 0, std::max(seconds, 0)};
  answer(perform_now(d, STILLPOINT_MANAGED_CALLER(),
                     [&](int file) { return call([&] { return setsockopt(file, SOL_SOCKET, SO_LINGER, &value, sizeof value); }); }),
         ec);
}

descriptor *adopt_socket(transport t, int file, std::error_code &ec) {
  const long flags = call([=] { return fcntl(file, F_GETFL); });
  answer(flags < 0 ? flags : call([=] { return fcntl(file, F_SETFL, static_cast<int>(flags) | O_NONBLOCK); }), ec);
  if (ec)
    return nullptr;
  descriptor &d = adopt(file, t == transport::tcp ? kind::tcp : kind::socket);
  d.hung_up.store(true, std::memory_order_relaxed); // who knows what protocol lies on it: a short read means nothing
  return &d;
}

} // namespace stillpoint::net::detail
