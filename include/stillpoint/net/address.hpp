// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where sockets are: IPv4, IPv6 and Unix addresses as values, written and read as text; and names looked up.
//
// Rejected: a class for each family (every function would be a template), std::string inside (an address is copied with every datagram).
#ifndef STILLPOINT_NET_ADDRESS_HPP
#define STILLPOINT_NET_ADDRESS_HPP

#include <stillpoint/export.hpp>
#include <stillpoint/syscall.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

struct sockaddr;

namespace stillpoint::net {

enum class family : std::uint8_t { none, ipv4, ipv6, unix_domain };

/// The address of a socket; empty, or of one of the families. A value. Any thread.
class STILLPOINT_API address {
public:
  /// The most bytes that the kernel has for one of ours (a Unix one).
  static constexpr std::size_t capacity = 110;

  address() noexcept = default;

  /// Reads "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80", "unix:/run/a.socket", "unix:@name" (abstract): what to_string() writes. Names are not
  /// looked up: see resolve(). Fails with std::errc::invalid_argument, or filename_too_long.
  static address parse(std::string_view text, std::error_code &ec);
  static address parse(std::string_view text);
  /// A numeric host, "127.0.0.1" or "::1" or "fe80::1%eth0".
  static address ip(std::string_view host, std::uint16_t port, std::error_code &ec);
  static address ip(std::string_view host, std::uint16_t port);
  /// A path of at most 107 bytes; "@name" is in the abstract name space, which has no files; empty: unnamed (on bind the kernel chooses an abstract name).
  static address unix_path(std::string_view path, std::error_code &ec);
  static address unix_path(std::string_view path);

  static address any_ipv4(std::uint16_t port) noexcept;      ///< 0.0.0.0
  static address any_ipv6(std::uint16_t port) noexcept;      ///< ::
  static address loopback_ipv4(std::uint16_t port) noexcept; ///< 127.0.0.1
  static address loopback_ipv6(std::uint16_t port) noexcept; ///< ::1

  [[nodiscard]] net::family family() const noexcept;
  /// 0 for what has none.
  [[nodiscard]] std::uint16_t port() const noexcept;
  void port(std::uint16_t p) noexcept;
  /// The numeric host without port; of a Unix address its path, "@name" if it is abstract, empty if it is unnamed.
  [[nodiscard]] std::string host() const;
  /// Empty for an empty address.
  [[nodiscard]] std::string to_string() const;

  /// As the system calls want it. The empty address has size 0.
  [[nodiscard]] const sockaddr *native() const noexcept;
  [[nodiscard]] std::uint32_t native_size() const noexcept { return size_; }
  /// Takes one over from the kernel; of a family that is none of ours it becomes empty.
  static address from_native(const void *data, std::uint32_t size) noexcept;

  /// The same family, host, scope and port, or the same path.
  friend bool operator==(const address &a, const address &b) noexcept { return a.equals(b); }

private:
  bool equals(const address &other) const noexcept;

  alignas(8) unsigned char bytes_[capacity] = {};
  std::uint16_t size_ = 0;
};

namespace detail {
STILLPOINT_API bool is_numeric(std::string_view host, std::string_view service);
STILLPOINT_API std::vector<address> look_up(std::string_view host, std::string_view service, std::error_code &ec);
} // namespace detail

/// The addresses of "example.org" and "http" (or "80", or empty for port 0), in the order in which they should be tried, for stream sockets. Numeric
/// hosts are not looked up; others are by getaddrinfo, in a foreign call: other tasks run meanwhile, however long it takes. Fails with an
/// error of resolve_category(), or of the system. Any thread; outside of tasks it blocks.
inline std::vector<address> resolve(std::string_view host, std::string_view service, std::error_code &ec) {
  if (detail::is_numeric(host, service))
    return detail::look_up(host, service, ec);
  return stillpoint::foreign([&] { return detail::look_up(host, service, ec); });
}
inline std::vector<address> resolve(std::string_view host, std::string_view service) {
  std::error_code ec;
  auto all = resolve(host, service, ec);
  if (ec)
    throw std::system_error(ec, "stillpoint::net: resolve \"" + std::string(host) + '"');
  return all;
}

/// getaddrinfo's errors (EAI_NONAME and so on).
STILLPOINT_API const std::error_category &resolve_category() noexcept;

} // namespace stillpoint::net

#endif
