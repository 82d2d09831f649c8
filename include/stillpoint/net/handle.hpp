// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What all sockets and pipes have in common: one owner, closing, deadlines; and the memory that they read into and write from.
//
// Errors have one convention, that of std::filesystem. A function that takes a std::error_code& sets it, or clears it; its twin without throws
// std::system_error. The end of a stream is no error. net::closed and net::timed_out compare equal to what operations end with
// after close() and after a deadline. Calls in the wrong place (anything that may wait, outside a task) throw std::logic_error.
#ifndef STILLPOINT_NET_HANDLE_HPP
#define STILLPOINT_NET_HANDLE_HPP

#include <stillpoint/export.hpp>
#include <stillpoint/net/address.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

namespace stillpoint::net {

using clock = std::chrono::steady_clock;
using time_point = clock::time_point;
/// The deadline of what may take for ever.
inline constexpr time_point no_deadline = time_point::max();

/// The handle is closed, was closed while the operation waited, or is empty.
inline constexpr std::errc closed = std::errc::bad_file_descriptor;
/// The deadline is past.
inline constexpr std::errc timed_out = std::errc::timed_out;

namespace detail {
template <class R>
concept bytes_range =
    std::ranges::contiguous_range<R> && std::ranges::sized_range<R> && std::is_trivially_copyable_v<std::ranges::range_value_t<R>>;
} // namespace detail

/// Memory to read into: any contiguous range of trivially copyable values that are not const, as bytes. It is only looked at during the call.
/// Collected memory will do, since it does not move and the caller's reference keeps it; but no values that hold references.
class buffer {
public:
  buffer(void *data, std::size_t size) noexcept : data_(data), size_(size) {}
  template <class R>
    requires detail::bytes_range<R> && (!std::is_const_v<std::remove_reference_t<std::ranges::range_reference_t<R>>>)
  buffer(R &&range) noexcept : data_(std::ranges::data(range)), size_(std::ranges::size(range) * sizeof(std::ranges::range_value_t<R>)) {}

  [[nodiscard]] void *data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
  void *data_;
  std::size_t size_;
};

/// Memory to write from, likewise. A string literal counts without its zero.
class view {
public:
  view(const void *data, std::size_t size) noexcept : data_(data), size_(size) {}
  view(const char *text) noexcept : view(std::string_view(text)) {}
  template <class R>
    requires detail::bytes_range<R> && (!std::is_array_v<std::remove_cvref_t<R>> || !std::is_same_v<std::ranges::range_value_t<R>, char>)
  view(R &&range) noexcept : data_(std::ranges::data(range)), size_(std::ranges::size(range) * sizeof(std::ranges::range_value_t<R>)) {}

  [[nodiscard]] const void *data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
  const void *data_;
  std::size_t size_;
};

namespace detail {

struct descriptor;

enum : unsigned { reading = 1, writing = 2 };

[[noreturn]] STILLPOINT_API void throw_error(const std::error_code &ec, const char *what);

STILLPOINT_API void close_handle(descriptor *d) noexcept;
STILLPOINT_API void release_handle(descriptor *d) noexcept;
STILLPOINT_API bool handle_is_open(const descriptor *d) noexcept;
STILLPOINT_API int native_handle(descriptor *d) noexcept;
STILLPOINT_API void set_deadline(descriptor *d, unsigned sides, std::uint64_t when) noexcept;

STILLPOINT_API std::size_t read_some(descriptor *d, void *data, std::size_t size, std::error_code &ec);
STILLPOINT_API std::size_t read_all(descriptor *d, void *data, std::size_t size, std::error_code &ec);
STILLPOINT_API std::size_t write_some(descriptor *d, const void *data, std::size_t size, std::error_code &ec);
STILLPOINT_API std::size_t write_all(descriptor *d, const void *data, std::size_t size, std::error_code &ec);
STILLPOINT_API std::size_t write_views(descriptor *d, const view *views, std::size_t count, std::error_code &ec);

/// As the runtime counts time.
inline std::uint64_t nanoseconds(time_point when) noexcept {
  if (when == no_deadline)
    return UINT64_MAX;
  const auto since = std::chrono::nanoseconds(when.time_since_epoch()).count();
  return since < 0 ? 0 : static_cast<std::uint64_t>(since);
}

/// `call(ec)`, and an exception if it failed.
template <class F>
auto or_throw(const char *what, F call) {
  std::error_code ec;
  if constexpr (std::is_void_v<decltype(call(ec))>) {
    call(ec);
    if (ec)
      throw_error(ec, what);
  } else {
    auto result = call(ec);
    if (ec)
      throw_error(ec, what);
    return result;
  }
}

} // namespace detail

/// A file that tasks wait on, and its only owner: moved, never copied; its end closes it.
///
/// Threads: any number of tasks may use one handle at the same time. Reads go one after another, in the order in which they came, and so
/// do writes; a read and a write do not get in each other's way. Only moving, assigning and destroying want the handle for themselves.
/// Nothing here is for signal handlers. After the run() in which a task waited for it is over, a handle is good for being destroyed.
class handle {
public:
  handle() noexcept = default;
  handle(handle &&other) noexcept : descriptor_(std::exchange(other.descriptor_, nullptr)) {}
  handle &operator=(handle &&other) noexcept {
    if (this != &other) {
      detail::release_handle(descriptor_);
      descriptor_ = std::exchange(other.descriptor_, nullptr);
    }
    return *this;
  }
  ~handle() { detail::release_handle(descriptor_); }

  /// Ends everything: operations that wait, and all later ones, fail with net::closed. A call that is just under way is let through first. A
  /// second close() does nothing. Any thread.
  void close() noexcept { detail::close_handle(descriptor_); }
  [[nodiscard]] bool is_open() const noexcept { return detail::handle_is_open(descriptor_); }
  [[nodiscard]] explicit operator bool() const noexcept { return is_open(); }

  /// From then on operations fail with net::timed_out, those that wait now and those that come later, until the deadline is changed. Of this
  /// clock; no_deadline: never. A deadline costs no timer as long as nobody waits. Any thread; does nothing to a closed handle. Go: SetDeadline.
  void deadline(time_point when) noexcept {
    detail::set_deadline(descriptor_, detail::reading | detail::writing, detail::nanoseconds(when));
  }
  void read_deadline(time_point when) noexcept { detail::set_deadline(descriptor_, detail::reading, detail::nanoseconds(when)); }
  void write_deadline(time_point when) noexcept { detail::set_deadline(descriptor_, detail::writing, detail::nanoseconds(when)); }

  /// The file's number, -1 if it is closed; for calls that this interface has not. It stays this handle's: it must not be closed, nor made to block.
  [[nodiscard]] int native_handle() const noexcept { return detail::native_handle(descriptor_); }

protected:
  explicit handle(detail::descriptor *d) noexcept : descriptor_(d) {}
  detail::descriptor *descriptor_ = nullptr;
};

namespace detail {

/// Bytes in order. Which of these a handle has it says itself.
class stream : public handle {
protected:
  using handle::handle;

public:
  /// Reads what is there, at least a byte, at most the buffer; waits for it if need be. 0: the end of the stream (or an empty buffer). Tasks only.
  std::size_t read(buffer to, std::error_code &ec) { return read_some(descriptor_, to.data(), to.size(), ec); }
  std::size_t read(buffer to) {
    return or_throw("read", [&](std::error_code &ec) { return read(to, ec); });
  }
  /// Fills the buffer. Less only at the end of the stream, or with an error; then, too, the result says how much was read. Go: io.ReadFull.
  std::size_t read_exactly(buffer to, std::error_code &ec) { return read_all(descriptor_, to.data(), to.size(), ec); }
  std::size_t read_exactly(buffer to) {
    return or_throw("read", [&](std::error_code &ec) { return read_exactly(to, ec); });
  }
  /// Writes what there is room for, at least a byte; waits for room if need be. Tasks only. std::errc::broken_pipe or connection_reset if nobody
  /// reads any more; never a SIGPIPE.
  std::size_t write(view from, std::error_code &ec) { return write_some(descriptor_, from.data(), from.size(), ec); }
  std::size_t write(view from) {
    return or_throw("write", [&](std::error_code &ec) { return write(from, ec); });
  }
  /// Writes everything, nothing of other writers in between. With an error the result says how much was written. Go: Conn.Write.
  std::size_t write_all(view from, std::error_code &ec) { return detail::write_all(descriptor_, from.data(), from.size(), ec); }
  std::size_t write_all(view from) {
    return or_throw("write", [&](std::error_code &ec) { return write_all(from, ec); });
  }
  /// The same for several pieces, in one system call where possible. Go: net.Buffers.
  std::size_t write_all(std::initializer_list<view> from, std::error_code &ec) {
    return write_views(descriptor_, from.begin(), from.size(), ec);
  }
  std::size_t write_all(std::initializer_list<view> from) {
    return or_throw("write", [&](std::error_code &ec) { return write_all(from, ec); });
  }
};

} // namespace detail
} // namespace stillpoint::net

#endif
