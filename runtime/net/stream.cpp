// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading and writing bytes: the exported functions behind detail::stream.
//
// The system call comes first; only if it would block does the task wait. A TCP read that did not fill its buffer has taken everything, so
// the next one waits first: a server saves the read that says "nothing yet" for each request. Not so once an end, an error or urgent data has
// been seen, which give no further edge.
// A pipe that nobody reads sends SIGPIPE, and knows no MSG_NOSIGNAL: the signal is held back around the write, and taken if the write
// made it. Rejected: ignoring SIGPIPE (the program's own affair, and its children's), a handler for it (the same); to ask behind a read that did fill its
// buffer whether anything is left (TCP_INQ, FIONREAD: each takes about as long as the read that says "nothing yet").
#include "net/calls.h"
#include "stillpoint/net/handle.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace stillpoint::net::detail {
namespace {

constexpr std::size_t most_pieces = 64;

class sigpipe_held_back {
public:
  sigpipe_held_back() noexcept {
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    sigemptyset(&set_);
    sigaddset(&set_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set_, &before_);
  }
  ~sigpipe_held_back() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  sigpipe_held_back(const sigpipe_held_back &) = delete;
  sigpipe_held_back &operator=(const sigpipe_held_back &) = delete;

  void take() const noexcept {
    constexpr timespec now{};
    if (!was_pending_)
      while (sigtimedwait(&set_, nullptr, &now) < 0 && errno == EINTR)
        ;
  }

private:
  sigset_t set_, before_;
  bool was_pending_;
};

[[gnu::noinline]] long write_pipe(int file, const iovec *pieces, int count) noexcept {
  const sigpipe_held_back guard;
  const long n = call([=] { return writev(file, pieces, count); });
  if (n == -EPIPE)
    guard.take();
  return n;
}

long send_pieces(const descriptor &d, const iovec *pieces, std::size_t count) noexcept {
  if (d.is == kind::pipe)
    return write_pipe(d.file, pieces, static_cast<int>(count));
  if (count == 1)
    return quick_call([&] { return send(d.file, pieces->iov_base, pieces->iov_len, MSG_NOSIGNAL); }, SYS_sendto, d.file, pieces->iov_base,
                      pieces->iov_len, MSG_NOSIGNAL);
  msghdr message{};
  message.msg_iov = const_cast<iovec *>(pieces);
  message.msg_iovlen = count;
  return call([&] { return sendmsg(d.file, &message, MSG_NOSIGNAL); });
}

long receive(const descriptor &d, void *data, std::size_t size) noexcept {
  if (d.is == kind::pipe)
    return quick_call([=, file = d.file] { return read(file, data, size); }, SYS_read, d.file, data, size, 0);
  return quick_call([=, file = d.file] { return recv(file, data, size, 0); }, SYS_recvfrom, d.file, data, size, 0);
}

// One read, of the operation's.
long read_once(operation &op, descriptor &d, void *data, std::size_t size, const rt::managed_caller &caller) noexcept {
  if (d.drained && !d.hung_up.load(std::memory_order_relaxed))
    if (const int error = op.wait(caller))
      return -long{error};
  const long n = repeat(op, caller, [&](int) { return receive(d, data, size); });
  d.drained = d.is == kind::tcp && n > 0 && static_cast<std::size_t>(n) < size;
  return n;
}

// All pieces, or an error. The pieces are changed. Returns how much was written.
std::size_t write_pieces(operation &op, descriptor &d, iovec *pieces, std::size_t count, const rt::managed_caller &caller,
                         std::error_code &ec) {
  std::size_t done = 0;
  while (count != 0) {
    const long n = repeat(op, caller, [&](int) { return send_pieces(d, pieces, count); });
    if (n < 0) {
      assign(ec, static_cast<int>(-n));
      return done;
    }
    done += static_cast<std::size_t>(n);
    for (auto left = static_cast<std::size_t>(n); count != 0; ++pieces, --count) {
      const std::size_t part = std::min(left, pieces->iov_len);
      pieces->iov_base = static_cast<char *>(pieces->iov_base) + part;
      pieces->iov_len -= part;
      left -= part;
      if (pieces->iov_len != 0)
        break;
    }
    if (count != 0)
      rt::preempt::stop_if_wanted(caller);
  }
  return done;
}

// What both ways to write everything share. f(write) calls write(pieces, count) as often as it wants, while there is no error.
template <class F>
std::size_t write_with(descriptor *d, const rt::managed_caller &caller, std::error_code &ec, F f) {
  rt::worker &w = rt::sched::require_task("write_all()");
  assign(ec, EBADF);
  if (!d)
    return 0;
  std::size_t done = 0;
  if (operation op(*d, direction::write, w, caller); op) {
    assign(ec, op.begin());
    if (!ec)
      done = f([&](iovec *pieces, std::size_t count) { return write_pieces(op, *d, pieces, count, caller, ec); });
  }
  rt::preempt::stop_if_wanted(caller);
  return done;
}

} // namespace

std::size_t read_some(descriptor *d, void *data, std::size_t size, std::error_code &ec) {
  const rt::managed_caller caller = STILLPOINT_MANAGED_CALLER();
  rt::worker &w = rt::sched::require_task("read()");
  long n = -EBADF;
  if (d)
    if (operation op(*d, direction::read, w, caller); op) {
      n = -long{op.begin()};
      if (n == 0 && size != 0)
        n = read_once(op, *d, data, size, caller);
    }
  rt::preempt::stop_if_wanted(caller);
  return answer(n, ec);
}

std::size_t read_all(descriptor *d, void *data, std::size_t size, std::error_code &ec) {
  const rt::managed_caller caller = STILLPOINT_MANAGED_CALLER();
  rt::worker &w = rt::sched::require_task("read_exactly()");
  assign(ec, EBADF);
  if (!d)
    return 0;
  std::size_t done = 0;
  if (operation op(*d, direction::read, w, caller); op) {
    long n = -long{op.begin()};
    while (n >= 0 && done < size) {
      n = read_once(op, *d, static_cast<char *>(data) + done, size - done, caller);
      if (n == 0)
        break;
      done += static_cast<std::size_t>(std::max(n, 0L));
      if (n > 0 && done < size)
        rt::preempt::stop_if_wanted(caller);
    }
    answer(n, ec);
  }
  rt::preempt::stop_if_wanted(caller);
  return done;
}

std::size_t write_some(descriptor *d, const void *data, std::size_t size, std::error_code &ec) {
  const rt::managed_caller caller = STILLPOINT_MANAGED_CALLER();
  rt::worker &w = rt::sched::require_task("write()");
  const iovec piece{const_cast<void *>(data), size};
  const long n = perform(d, direction::write, w, caller, [&](int) { return size == 0 ? 0 : send_pieces(*d, &piece, 1); });
  rt::preempt::stop_if_wanted(caller);
  return answer(n, ec);
}

std::size_t write_all(descriptor *d, const void *data, std::size_t size, std::error_code &ec) {
  return write_with(d, STILLPOINT_MANAGED_CALLER(), ec, [&](auto write) {
    iovec piece{const_cast<void *>(data), size};
    return size == 0 ? 0 : write(&piece, 1);
  });
}

std::size_t write_views(descriptor *d, const view *views, std::size_t count, std::error_code &ec) {
  return write_with(d, STILLPOINT_MANAGED_CALLER(), ec, [&](auto write) {
    std::size_t done = 0;
    while (!ec && count != 0) {
      std::array<iovec, most_pieces> pieces;
      std::size_t used = 0;
      for (; count != 0 && used != pieces.size(); ++views, --count)
        if (views->size() != 0)
          pieces[used++] = {const_cast<void *>(views->data()), views->size()};
      done += write(pieces.data(), used);
    }
    return done;
  });
}

} // namespace stillpoint::net::detail
