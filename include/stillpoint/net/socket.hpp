// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sockets: TCP and Unix streams and their listeners, UDP and Unix datagrams.
//
// A task that waits for one keeps no thread: the call looks as if it blocked, and other tasks run. See handle.hpp for errors, closing and deadlines,
// and docs/network.md for examples.
#ifndef STILLPOINT_NET_SOCKET_HPP
#define STILLPOINT_NET_SOCKET_HPP

#include <stillpoint/net/handle.hpp>

#include <optional>

namespace stillpoint::net {

struct connect_options {
  /// Until when it must have happened.
  time_point deadline = no_deadline;
  /// Where from; empty: as the kernel likes.
  address local = {};
};

struct listen_options {
  /// Connections that may wait to be accepted; the kernel has a limit of its own.
  int backlog = 4096;
  /// Whether an address may be taken where connections of an earlier listener still linger.
  bool reuse_address = true;
  /// Whether several listeners may share the address; the kernel distributes.
  bool reuse_port = false;
  /// Whether an IPv6 listener leaves IPv4 alone.
  bool ipv6_only = false;
};

namespace detail {

enum class transport : unsigned { tcp, udp, unix_stream, unix_datagram };

STILLPOINT_API descriptor *connect_stream(transport t, const address &to, const address &from, std::uint64_t deadline, std::error_code &ec);
STILLPOINT_API descriptor *listen_stream(transport t, const address &at, const listen_options &options, std::error_code &ec);
STILLPOINT_API descriptor *accept_stream(descriptor *listener, address *peer, std::error_code &ec);
STILLPOINT_API descriptor *open_datagram(transport t, const address &at, const listen_options &options, std::error_code &ec);
STILLPOINT_API void connect_datagram(descriptor *d, const address &to, std::error_code &ec);
STILLPOINT_API std::size_t receive_datagram(descriptor *d, void *data, std::size_t size, address *from, bool *truncated,
                                            std::error_code &ec);
STILLPOINT_API std::size_t send_datagram(descriptor *d, const void *data, std::size_t size, const address *to, std::error_code &ec);
STILLPOINT_API void open_pair(transport t, descriptor *(&ends)[2], std::error_code &ec);
STILLPOINT_API descriptor *adopt_socket(transport t, int file, std::error_code &ec);

STILLPOINT_API address address_of(descriptor *d, bool peer, std::error_code &ec);
STILLPOINT_API void shut_down(descriptor *d, unsigned sides, std::error_code &ec);
STILLPOINT_API int socket_option(descriptor *d, int level, int name, std::error_code &ec);
STILLPOINT_API void socket_option(descriptor *d, int level, int name, int value, std::error_code &ec);
STILLPOINT_API void no_delay(descriptor *d, bool on, std::error_code &ec);
STILLPOINT_API void keep_alive(descriptor *d, std::chrono::seconds idle, std::error_code &ec);
STILLPOINT_API void linger(descriptor *d, int seconds, std::error_code &ec);

/// What every socket has beside its data. `Base` is handle or stream.
template <class Base>
class socket : public Base {
public:
  [[nodiscard]] address local_address(std::error_code &ec) const { return address_of(this->descriptor_, false, ec); }
  [[nodiscard]] address local_address() const {
    return or_throw("local_address", [this](std::error_code &ec) { return local_address(ec); });
  }
  /// getsockopt and setsockopt of options that are an int. Any thread.
  int option(int level, int name, std::error_code &ec) const { return socket_option(this->descriptor_, level, name, ec); }
  int option(int level, int name) const {
    return or_throw("option", [&](std::error_code &ec) { return option(level, name, ec); });
  }
  void set_option(int level, int name, int value, std::error_code &ec) { socket_option(this->descriptor_, level, name, value, ec); }
  void set_option(int level, int name, int value) {
    or_throw("set_option", [&](std::error_code &ec) { set_option(level, name, value, ec); });
  }

protected:
  using Base::Base;
  explicit socket(descriptor *d) noexcept : Base(d) {}
};

/// A connection.
class stream_socket : public socket<stream> {
public:
  [[nodiscard]] address remote_address(std::error_code &ec) const { return address_of(descriptor_, true, ec); }
  [[nodiscard]] address remote_address() const {
    return or_throw("remote_address", [this](std::error_code &ec) { return remote_address(ec); });
  }
  /// Says to the other side that no more comes: it reads to the end. Go: CloseWrite.
  void shutdown_write(std::error_code &ec) { shut_down(descriptor_, writing, ec); }
  void shutdown_write() {
    or_throw("shutdown", [this](std::error_code &ec) { shutdown_write(ec); });
  }
  /// Reads nothing any more: reads that wait, and later ones, end. Go: CloseRead.
  void shutdown_read(std::error_code &ec) { shut_down(descriptor_, reading, ec); }
  void shutdown_read() {
    or_throw("shutdown", [this](std::error_code &ec) { shutdown_read(ec); });
  }

protected:
  using socket<stream>::socket;
};

} // namespace detail

/// A TCP connection. Small writes are sent at once (TCP_NODELAY), as Go does.
class tcp_stream : public detail::stream_socket {
public:
  tcp_stream() noexcept = default;

  /// Connects; waits for it until the deadline. Tasks only.
  static tcp_stream connect(const address &to, const connect_options &o, std::error_code &ec) {
    return tcp_stream(detail::connect_stream(detail::transport::tcp, to, o.local, detail::nanoseconds(o.deadline), ec));
  }
  static tcp_stream connect(const address &to, std::error_code &ec) { return connect(to, {}, ec); }
  static tcp_stream connect(const address &to, const connect_options &o = {}) {
    return detail::or_throw("connect", [&](std::error_code &ec) { return connect(to, o, ec); });
  }
  /// Looks the name up and tries its addresses one after another, all before the deadline. The error is the last one's.
  static tcp_stream connect(std::string_view host, std::string_view service, const connect_options &o, std::error_code &ec) {
    tcp_stream s;
    const auto addresses = resolve(host, service, ec);
    for (const address &a : addresses) {
      s = connect(a, o, ec);
      if (!ec || clock::now() >= o.deadline)
        break;
    }
    return s;
  }
  static tcp_stream connect(std::string_view host, std::string_view service, const connect_options &o = {}) {
    return detail::or_throw("connect", [&](std::error_code &ec) { return connect(host, service, o, ec); });
  }
  /// Takes over a connected socket.
  static tcp_stream adopt(int file, std::error_code &ec) { return tcp_stream(detail::adopt_socket(detail::transport::tcp, file, ec)); }

  /// Off: small writes may wait until there are more of them (Nagle).
  void no_delay(bool on, std::error_code &ec) { detail::no_delay(descriptor_, on, ec); }
  void no_delay(bool on) {
    detail::or_throw("no_delay", [&](std::error_code &ec) { no_delay(on, ec); });
  }
  /// Asks the other side whether it is there after so long a silence, and again in the same steps; zero: does not.
  void keep_alive(std::chrono::seconds idle, std::error_code &ec) { detail::keep_alive(descriptor_, idle, ec); }
  void keep_alive(std::chrono::seconds idle) {
    detail::or_throw("keep_alive", [&](std::error_code &ec) { keep_alive(idle, ec); });
  }
  /// What close() does with data not yet sent: nothing: the kernel goes on sending (the default); 0 s: it is thrown away and the connection reset.
  void linger(std::optional<std::chrono::seconds> limit, std::error_code &ec) {
    detail::linger(descriptor_, limit ? static_cast<int>(limit->count()) : -1, ec);
  }
  void linger(std::optional<std::chrono::seconds> limit) {
    detail::or_throw("linger", [&](std::error_code &ec) { linger(limit, ec); });
  }

private:
  friend class tcp_listener;
  explicit tcp_stream(detail::descriptor *d) noexcept : stream_socket(d) {}
};

/// Accepts TCP connections.
class tcp_listener : public detail::socket<handle> {
public:
  tcp_listener() noexcept = default;

  /// Port 0: one that is free; local_address() tells. Any thread.
  static tcp_listener listen(const address &at, const listen_options &o, std::error_code &ec) {
    return tcp_listener(detail::listen_stream(detail::transport::tcp, at, o, ec));
  }
  static tcp_listener listen(const address &at, const listen_options &o = {}) {
    return detail::or_throw("listen", [&](std::error_code &ec) { return listen(at, o, ec); });
  }

  /// Waits for the next connection. Connections that broke off before are passed over. Tasks only.
  tcp_stream accept(std::error_code &ec) { return tcp_stream(detail::accept_stream(descriptor_, nullptr, ec)); }
  tcp_stream accept(address &peer, std::error_code &ec) { return tcp_stream(detail::accept_stream(descriptor_, &peer, ec)); }
  tcp_stream accept() {
    return detail::or_throw("accept", [this](std::error_code &ec) { return accept(ec); });
  }

private:
  explicit tcp_listener(detail::descriptor *d) noexcept : socket(d) {}
};

/// A connection inside of the machine.
class unix_stream : public detail::stream_socket {
public:
  unix_stream() noexcept = default;

  static unix_stream connect(const address &to, const connect_options &o, std::error_code &ec) {
    return unix_stream(detail::connect_stream(detail::transport::unix_stream, to, o.local, detail::nanoseconds(o.deadline), ec));
  }
  static unix_stream connect(const address &to, std::error_code &ec) { return connect(to, {}, ec); }
  static unix_stream connect(const address &to, const connect_options &o = {}) {
    return detail::or_throw("connect", [&](std::error_code &ec) { return connect(to, o, ec); });
  }
  static unix_stream adopt(int file, std::error_code &ec) {
    return unix_stream(detail::adopt_socket(detail::transport::unix_stream, file, ec));
  }
  /// Two that are connected with each other (socketpair). Any thread.
  static std::pair<unix_stream, unix_stream> pair(std::error_code &ec) {
    detail::descriptor *ends[2] = {};
    detail::open_pair(detail::transport::unix_stream, ends, ec);
    return {unix_stream(ends[0]), unix_stream(ends[1])};
  }
  static std::pair<unix_stream, unix_stream> pair() {
    return detail::or_throw("socketpair", [](std::error_code &ec) { return pair(ec); });
  }

private:
  friend class unix_listener;
  explicit unix_stream(detail::descriptor *d) noexcept : stream_socket(d) {}
};

/// Accepts connections at a Unix address. The path must be free, and stays behind: the program unlinks it.
class unix_listener : public detail::socket<handle> {
public:
  unix_listener() noexcept = default;

  static unix_listener listen(const address &at, const listen_options &o, std::error_code &ec) {
    return unix_listener(detail::listen_stream(detail::transport::unix_stream, at, o, ec));
  }
  static unix_listener listen(const address &at, const listen_options &o = {}) {
    return detail::or_throw("listen", [&](std::error_code &ec) { return listen(at, o, ec); });
  }
  unix_stream accept(std::error_code &ec) { return unix_stream(detail::accept_stream(descriptor_, nullptr, ec)); }
  unix_stream accept() {
    return detail::or_throw("accept", [this](std::error_code &ec) { return accept(ec); });
  }

private:
  explicit unix_listener(detail::descriptor *d) noexcept : socket(d) {}
};

namespace detail {

/// Messages, each for itself.
class datagram_socket : public socket<handle> {
public:
  /// Waits for a message and takes it; what does not fit is lost, and `truncated` (if given) says so. An empty message has 0 bytes. Tasks only.
  std::size_t receive(buffer to, std::error_code &ec, bool *truncated = nullptr) {
    return receive_datagram(descriptor_, to.data(), to.size(), nullptr, truncated, ec);
  }
  std::size_t receive(buffer to) {
    return or_throw("receive", [&](std::error_code &ec) { return receive(to, ec); });
  }
  std::size_t receive_from(buffer to, address &from, std::error_code &ec, bool *truncated = nullptr) {
    return receive_datagram(descriptor_, to.data(), to.size(), &from, truncated, ec);
  }
  std::size_t receive_from(buffer to, address &from) {
    return or_throw("receive", [&](std::error_code &ec) { return receive_from(to, from, ec); });
  }
  /// To whom the socket is connected. A UDP socket hears here of the refusal of an earlier message (std::errc::connection_refused). Tasks only.
  std::size_t send(view message, std::error_code &ec) { return send_datagram(descriptor_, message.data(), message.size(), nullptr, ec); }
  std::size_t send(view message) {
    return or_throw("send", [&](std::error_code &ec) { return send(message, ec); });
  }
  std::size_t send_to(view message, const address &to, std::error_code &ec) {
    return send_datagram(descriptor_, message.data(), message.size(), &to, ec);
  }
  std::size_t send_to(view message, const address &to) {
    return or_throw("send", [&](std::error_code &ec) { return send_to(message, to, ec); });
  }
  /// From now on only to and from there. Does not wait. Any thread.
  void connect(const address &to, std::error_code &ec) { connect_datagram(descriptor_, to, ec); }
  void connect(const address &to) {
    or_throw("connect", [&](std::error_code &ec) { connect(to, ec); });
  }
  [[nodiscard]] address remote_address(std::error_code &ec) const { return address_of(descriptor_, true, ec); }

protected:
  using socket<handle>::socket;
};

} // namespace detail

class udp_socket : public detail::datagram_socket {
public:
  udp_socket() noexcept = default;

  /// At an address; port 0: one that is free. Any thread.
  static udp_socket bind(const address &at, const listen_options &o, std::error_code &ec) {
    return udp_socket(detail::open_datagram(detail::transport::udp, at, o, ec));
  }
  static udp_socket bind(const address &at, const listen_options &o = {.reuse_address = false}) {
    return detail::or_throw("bind", [&](std::error_code &ec) { return bind(at, o, ec); });
  }

private:
  explicit udp_socket(detail::descriptor *d) noexcept : datagram_socket(d) {}
};

class unix_datagram : public detail::datagram_socket {
public:
  unix_datagram() noexcept = default;

  /// At a path, which must be free and stays behind, or an abstract name; address::unix_path(""): the kernel chooses an abstract one. An empty
  /// address: none, so nobody can answer. Any thread.
  static unix_datagram bind(const address &at, std::error_code &ec) {
    return unix_datagram(detail::open_datagram(detail::transport::unix_datagram, at, {}, ec));
  }
  static unix_datagram bind(const address &at = {}) {
    return detail::or_throw("bind", [&](std::error_code &ec) { return bind(at, ec); });
  }
  static std::pair<unix_datagram, unix_datagram> pair(std::error_code &ec) {
    detail::descriptor *ends[2] = {};
    detail::open_pair(detail::transport::unix_datagram, ends, ec);
    return {unix_datagram(ends[0]), unix_datagram(ends[1])};
  }
  static std::pair<unix_datagram, unix_datagram> pair() {
    return detail::or_throw("socketpair", [](std::error_code &ec) { return pair(ec); });
  }

private:
  explicit unix_datagram(detail::descriptor *d) noexcept : datagram_socket(d) {}
};

} // namespace stillpoint::net

#endif
