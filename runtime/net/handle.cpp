// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The exported functions behind net::handle, and pipes.
#include "stillpoint/net/handle.hpp"

#include "net/calls.h"
#include "stillpoint/net/pipe.hpp"

#include <fcntl.h>
#include <string>
#include <unistd.h>

namespace stillpoint::net::detail {

void throw_error(const std::error_code &ec, const char *what) { throw std::system_error(ec, std::string("stillpoint::net: ") + what); }

void close_handle(descriptor *d) noexcept {
  if (d)
    close(*d);
}

void release_handle(descriptor *d) noexcept {
  if (d)
    release(*d);
}

bool handle_is_open(const descriptor *d) noexcept { return d && !(d->use.load(std::memory_order_relaxed) & descriptor::closed); }

int native_handle(descriptor *d) noexcept {
  return static_cast<int>(std::max(-1L, perform_now(d, STILLPOINT_MANAGED_CALLER(), [d](int file) {
    // Whoever reads beside us, or puts a protocol on the socket, makes short reads mean nothing.
    d->hung_up.store(true, std::memory_order_relaxed);
    return long{file};
  })));
}

void set_deadline(descriptor *d, unsigned sides, std::uint64_t when) noexcept {
  perform_now(d, STILLPOINT_MANAGED_CALLER(), [=](int) {
    if (sides & reading)
      set_deadline(*d, direction::read, when);
    if (sides & writing)
      set_deadline(*d, direction::write, when);
    return 0L;
  });
}

void open_pipe(descriptor *(&ends)[2], std::error_code &ec) {
  int files[2];
  const long made = call([&] { return pipe2(files, O_NONBLOCK | O_CLOEXEC); });
  answer(made, ec);
  if (ec)
    return;
  try {
    ends[0] = &adopt(files[0], kind::pipe);
  } catch (...) {
    ::close(files[1]);
    throw;
  }
  try {
    ends[1] = &adopt(files[1], kind::pipe);
  } catch (...) {
    release(*ends[0]);
    throw;
  }
}

descriptor *adopt_pipe(int file, std::error_code &ec) {
  const long flags = call([=] { return fcntl(file, F_GETFL); });
  answer(flags < 0 ? flags : call([=] { return fcntl(file, F_SETFL, static_cast<int>(flags) | O_NONBLOCK); }), ec);
  return ec ? nullptr : &adopt(file, kind::pipe);
}

} // namespace stillpoint::net::detail
