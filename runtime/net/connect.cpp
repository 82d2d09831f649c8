// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How connections begin: socket, bind, connect, listen, accept.
//
// Invariant: a file that was opened here is adopted at once, or closed. TCP_NODELAY is set before connecting and on listeners, from which
// accepted sockets inherit it: no further system call for each connection.
#include "net/calls.h"
#include "stillpoint/net/socket.hpp"

#include <algorithm>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace stillpoint::net::detail {
namespace {

// A Unix listener whose queue is full refuses for the moment, and no event tells when to come again.
constexpr std::uint64_t first_pause_ns = 100'000, last_pause_ns = 10'000'000;

bool fits(transport t, const address &a) noexcept {
  const bool unix_domain = t == transport::unix_stream || t == transport::unix_datagram;
  return unix_domain == (a.family() == family::unix_domain) && a.family() != family::none;
}

int domain_of(const address &a) noexcept { return a.family() == family::ipv4 ? AF_INET : a.family() == family::ipv6 ? AF_INET6 : AF_UNIX; }

kind kind_of(transport t) noexcept { return t == transport::tcp ? kind::tcp : kind::socket; }

[[gnu::noinline]] int set_flag(int file, int level, int name, int value = 1) noexcept {
  return setsockopt(file, level, name, &value, sizeof value) == 0 ? 0 : errno;
}

// A new socket, or minus an error.
long open_socket(transport t, int domain) noexcept {
  const int type = t == transport::tcp || t == transport::unix_stream ? SOCK_STREAM : SOCK_DGRAM;
  const long file = call([=] { return ::socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); });
  if (file >= 0 && t == transport::tcp)
    set_flag(static_cast<int>(file), IPPROTO_TCP, TCP_NODELAY);
  return file;
}

long bind_to(int file, const address &a) noexcept {
  return call([&] { return ::bind(file, a.native(), a.native_size()); });
}

long apply(int file, const address &at, const listen_options &o) noexcept {
  int error = 0;
  if (o.reuse_address && at.family() != family::unix_domain)
    error = set_flag(file, SOL_SOCKET, SO_REUSEADDR);
  if (!error && o.reuse_port)
    error = set_flag(file, SOL_SOCKET, SO_REUSEPORT);
  if (!error && at.family() == family::ipv6)
    error = set_flag(file, IPPROTO_IPV6, IPV6_V6ONLY, o.ipv6_only);
  return -long{error};
}

descriptor *finish(long file, long result, transport t, std::error_code &ec) {
  if (file >= 0 && result < 0)
    ::close(static_cast<int>(file));
  answer(std::min(file, result), ec);
  return ec ? nullptr : &adopt(static_cast<int>(file), kind_of(t));
}

// Whether a connection that was under way has come about: 0, or minus an error; EAGAIN: not yet.
long outcome_of_connecting(int file) noexcept {
  return call([file]() -> long {
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(file, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
      return -1;
    alignas(8) unsigned char peer[128];
    size = sizeof peer;
    if (error == 0 && getpeername(file, reinterpret_cast<sockaddr *>(peer), &size) == 0)
      return 0;
    errno = error == 0 || error == EINPROGRESS || error == EALREADY ? EAGAIN : error;
    return -1;
  });
}

// TCP's simultaneous opening lets a socket connect to itself, if the kernel chooses the port as which it wants to reach.
bool connected_to_itself(int file) noexcept {
  address ends[2];
  for (const bool peer : {false, true}) {
    alignas(8) unsigned char bytes[address::capacity];
    socklen_t size = sizeof bytes;
    auto *const a = reinterpret_cast<sockaddr *>(bytes);
    if ((peer ? getpeername(file, a, &size) : getsockname(file, a, &size)) != 0)
      return false;
    ends[peer] = address::from_native(bytes, size);
  }
  return ends[0] == ends[1];
}

// The waiting part, of a socket that is bound.
long connect_to(descriptor &d, const address &to, rt::worker &w, const rt::managed_caller &caller) noexcept {
  bool under_way = false;
  std::uint64_t pause = first_pause_ns;
  return perform(&d, direction::write, w, caller, [&](int file) -> long {
    if (under_way)
      return outcome_of_connecting(file);
    // Interrupted, it goes on by itself.
    const long n = call_once([&] { return ::connect(file, to.native(), to.native_size()); });
    if (n == -EINPROGRESS || n == -EINTR || n == -EALREADY) {
      under_way = true;
      return -EAGAIN;
    }
    if (n == -EAGAIN && to.family() == family::unix_domain) {
      d[direction::write].look_again_at = rt::monotonic_now() + pause;
      pause = std::min(2 * pause, last_pause_ns);
    }
    return n;
  });
}

descriptor *try_connect(transport t, const address &to, const address &from, std::uint64_t deadline, rt::worker &w,
                        const rt::managed_caller &caller, std::error_code &ec) {
  const long file = open_socket(t, domain_of(to));
  const long bound = file >= 0 && from.family() != family::none ? bind_to(static_cast<int>(file), from) : 0;
  descriptor *const d = finish(file, bound, t, ec);
  if (!d)
    return nullptr;
  set_deadline(*d, direction::write, deadline);
  const long n = connect_to(*d, to, w, caller);
  answer(n, ec);
  if (ec) {
    release(*d);
    return nullptr;
  }
  set_deadline(*d, direction::write, rt::never);
  return d;
}

} // namespace

descriptor *connect_stream(transport t, const address &to, const address &from, std::uint64_t deadline, std::error_code &ec) {
  const rt::managed_caller caller = STILLPOINT_MANAGED_CALLER();
  rt::sched::require_task("connect()");
  if (!fits(t, to)) {
    assign(ec, EAFNOSUPPORT);
    return nullptr;
  }
  constexpr int attempts = 3; // as Go
  for (int attempt = 1;; ++attempt) {
    descriptor *const d = try_connect(t, to, from, deadline, *rt::this_worker(), caller, ec);
    if (!d || attempt == attempts || t != transport::tcp || from.family() != family::none || !connected_to_itself(d->file))
      return d;
    release(*d);
  }
}

descriptor *listen_stream(transport t, const address &at, const listen_options &o, std::error_code &ec) {
  if (!fits(t, at)) {
    assign(ec, EAFNOSUPPORT);
    return nullptr;
  }
  const long file = open_socket(t, domain_of(at));
  long n = std::min(file, 0L);
  if (n == 0)
    n = apply(static_cast<int>(file), at, o);
  if (n == 0)
    n = bind_to(static_cast<int>(file), at);
  if (n == 0)
    n = call([&] { return ::listen(static_cast<int>(file), o.backlog); });
  return finish(file, n, t, ec);
}

descriptor *accept_stream(descriptor *listener, address *peer, std::error_code &ec) {
  const rt::managed_caller caller = STILLPOINT_MANAGED_CALLER();
  rt::worker &w = rt::sched::require_task("accept()");
  alignas(8) unsigned char bytes[address::capacity];
  socklen_t size = 0;
  const long file = perform(listener, direction::read, w, caller, [&](int from) {
    long n = 0;
    do { // a connection that broke off while it waited is not our caller's affair
      size = sizeof bytes;
      n = call([&] { return accept4(from, reinterpret_cast<sockaddr *>(bytes), &size, SOCK_NONBLOCK | SOCK_CLOEXEC); });
    } while (n == -ECONNABORTED || n == -EPROTO);
    return n;
  });
  descriptor *accepted = nullptr;
  answer(file, ec);
  if (!ec) {
    accepted = &adopt(static_cast<int>(file), listener->is);
    if (peer)
      *peer = address::from_native(bytes, size);
  }
  rt::preempt::stop_if_wanted(caller);
  return accepted;
}

descriptor *open_datagram(transport t, const address &at, const listen_options &o, std::error_code &ec) {
  const bool nowhere = at.family() == family::none && t == transport::unix_datagram;
  if (!nowhere && !fits(t, at)) {
    assign(ec, EAFNOSUPPORT);
    return nullptr;
  }
  const long file = open_socket(t, domain_of(at));
  long n = std::min(file, 0L);
  if (n == 0 && !nowhere)
    n = apply(static_cast<int>(file), at, o);
  if (n == 0 && !nowhere)
    n = bind_to(static_cast<int>(file), at);
  return finish(file, n, t, ec);
}

void open_pair(transport t, descriptor *(&ends)[2], std::error_code &ec) {
  int files[2];
  const int type = t == transport::unix_stream ? SOCK_STREAM : SOCK_DGRAM;
  answer(call([&] { return socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, files); }), ec);
  if (ec)
    return;
  try {
    ends[0] = &adopt(files[0], kind::socket);
  } catch (...) {
    ::close(files[1]);
    throw;
  }
  try {
    ends[1] = &adopt(files[1], kind::socket);
  } catch (...) {
    release(*ends[0]);
    throw;
  }
}

} // namespace stillpoint::net::detail
