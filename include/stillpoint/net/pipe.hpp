// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pipes.
#ifndef STILLPOINT_NET_PIPE_HPP
#define STILLPOINT_NET_PIPE_HPP

#include <stillpoint/net/handle.hpp>

namespace stillpoint::net {
namespace detail {
STILLPOINT_API void open_pipe(descriptor *(&ends)[2], std::error_code &ec);
STILLPOINT_API descriptor *adopt_pipe(int file, std::error_code &ec);
} // namespace detail

struct pipe_ends;

/// The end of a pipe that is read. 0 bytes: every writer is gone.
class pipe_reader : detail::stream {
public:
  pipe_reader() noexcept = default;
  using handle::close, handle::is_open, handle::operator bool, handle::native_handle, handle::deadline, handle::read_deadline;
  using stream::read, stream::read_exactly;

  /// Takes over a file that can be polled: a pipe's end, a terminal, an eventfd. It is made not to block, for everybody who shares it.
  static pipe_reader adopt(int file, std::error_code &ec) { return pipe_reader(detail::adopt_pipe(file, ec)); }

private:
  using stream::stream;
  explicit pipe_reader(detail::descriptor *d) noexcept : stream(d) {}
  friend pipe_ends make_pipe(std::error_code &ec);
};

/// The end that is written. std::errc::broken_pipe: every reader is gone.
class pipe_writer : detail::stream {
public:
  pipe_writer() noexcept = default;
  using handle::close, handle::is_open, handle::operator bool, handle::native_handle, handle::deadline, handle::write_deadline;
  using stream::write, stream::write_all;

  /// See pipe_reader::adopt().
  static pipe_writer adopt(int file, std::error_code &ec) { return pipe_writer(detail::adopt_pipe(file, ec)); }

private:
  explicit pipe_writer(detail::descriptor *d) noexcept : stream(d) {}
  friend pipe_ends make_pipe(std::error_code &ec);
};

struct pipe_ends {
  pipe_reader reader;
  pipe_writer writer;
};

/// A new pipe, closed in programs that are executed. Any thread.
inline pipe_ends make_pipe(std::error_code &ec) {
  detail::descriptor *ends[2] = {};
  detail::open_pipe(ends, ec);
  return {pipe_reader(ends[0]), pipe_writer(ends[1])};
}
inline pipe_ends make_pipe() {
  return detail::or_throw("pipe", [](std::error_code &ec) { return make_pipe(ec); });
}

} // namespace stillpoint::net

#endif
