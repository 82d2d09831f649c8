// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Messages: the exported functions behind detail::datagram_socket that may wait.
#include "net/calls.h"
#include "stillpoint/net/socket.hpp"

#include <sys/socket.h>

namespace stillpoint::net::detail {
namespace {

// A Unix message to a full queue of somebody whom we are not connected to: the kernel reports no event when there is room.
constexpr std::uint64_t look_again_ns = 1'000'000;

long receive_message(int file, iovec &to, address *from, bool *truncated) noexcept {
  alignas(8) unsigned char sender[address::capacity];
  msghdr message{};
  message.msg_iov = &to;
  message.msg_iovlen = 1;
  message.msg_name = sender;
  message.msg_namelen = sizeof sender;
  const long n = call([&] { return recvmsg(file, &message, 0); });
  if (n >= 0 && from)
    *from = address::from_native(sender, message.msg_namelen);
  if (n >= 0 && truncated)
    *truncated = (message.msg_flags & MSG_TRUNC) != 0;
  return n;
}

} // namespace

std::size_t receive_datagram(descriptor *d, void *data, std::size_t size, address *from, bool *truncated, std::error_code &ec) {
  const rt::managed_caller caller = STILLPOINT_MANAGED_CALLER();
  rt::worker &w = rt::sched::require_task("receive()");
  iovec to{data, size};
  const long n = perform(d, direction::read, w, caller, [&](int file) { return receive_message(file, to, from, truncated); });
  rt::preempt::stop_if_wanted(caller);
  return answer(n, ec);
}

std::size_t send_datagram(descriptor *d, const void *data, std::size_t size, const address *to, std::error_code &ec) {
  const rt::managed_caller caller = STILLPOINT_MANAGED_CALLER();
  rt::worker &w = rt::sched::require_task("send()");
  const bool unconnected = to && to->family() == family::unix_domain;
  const long n = perform(d, direction::write, w, caller, [&](int file) {
    const long sent = call([&] { return sendto(file, data, size, MSG_NOSIGNAL, to ? to->native() : nullptr, to ? to->native_size() : 0); });
    if (sent == -EAGAIN && unconnected)
      (*d)[direction::write].look_again_at = rt::monotonic_now() + look_again_ns;
    return sent;
  });
  rt::preempt::stop_if_wanted(caller);
  return answer(n, ec);
}

void connect_datagram(descriptor *d, const address &to, std::error_code &ec) {
  answer(perform_now(d, STILLPOINT_MANAGED_CALLER(),
                     [&](int file) { return call([&] { return ::connect(file, to.native(), to.native_size()); }); }),
         ec);
}

} // namespace stillpoint::net::detail
