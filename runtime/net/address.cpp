// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Addresses: see address.hpp.
#include "stillpoint/net/address.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace stillpoint::net {
namespace {

constexpr std::size_t path_begin = offsetof(sockaddr_un, sun_path);
static_assert(address::capacity >= sizeof(sockaddr_un) && address::capacity >= sizeof(sockaddr_in6));
constexpr std::string_view unix_prefix = "unix:";

// The system's structures are copied in and out: no access through another type.
template <class T>
T as(const address &a) noexcept {
  T t{};
  std::memcpy(&t, a.native(), std::min<std::size_t>(sizeof t, a.native_size()));
  return t;
}
template <class T>
address from(const T &t) noexcept {
  return address::from_native(&t, sizeof t);
}

bool read_number(std::string_view text, std::uint32_t most, std::uint32_t &value) noexcept {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value <= most;
}

// What is behind a '%': an interface's name or number.
bool read_scope(std::string_view text, std::uint32_t &scope) {
  if (text.empty() || text.size() >= IF_NAMESIZE)
    return false;
  if (read_number(text, UINT32_MAX, scope))
    return true;
  scope = if_nametoindex(std::string(text).c_str());
  return scope != 0;
}

std::string scope_name(std::uint32_t scope) {
  char name[IF_NAMESIZE];
  return if_indextoname(scope, name) ? std::string(name) : std::to_string(scope);
}

void fail(std::error_code &ec, std::errc what) noexcept { ec = std::make_error_code(what); }

address checked(address a, const std::error_code &ec, const char *call, std::string_view text) {
  if (ec)
    throw std::system_error(ec, "stillpoint::net: " + std::string(call) + " \"" + std::string(text) + '"');
  return a;
}

} // namespace

address address::ip(std::string_view host, std::uint16_t port, std::error_code &ec) {
  ec.clear();
  const std::size_t percent = host.find('%');
  const std::string number(host.substr(0, percent));
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  if (percent == host.npos && inet_pton(AF_INET, number.c_str(), &v4.sin_addr) == 1)
    return from(v4);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  if (inet_pton(AF_INET6, number.c_str(), &v6.sin6_addr) == 1 &&
      (percent == host.npos || read_scope(host.substr(percent + 1), v6.sin6_scope_id)))
    return from(v6);
  fail(ec, std::errc::invalid_argument);
  return {};
}

address address::unix_path(std::string_view path, std::error_code &ec) {
  ec.clear();
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  const bool abstract = path.starts_with('@');
  if (path.size() > sizeof un.sun_path - (abstract ? 0 : 1)) {
    fail(ec, std::errc::filename_too_long);
    return {};
  }
  if (!abstract && path.find('\0') != path.npos) {
    fail(ec, std::errc::invalid_argument);
    return {};
  }
  std::copy(path.begin(), path.end(), un.sun_path);
  if (abstract)
    un.sun_path[0] = '\0';
  const bool file = !path.empty() && !abstract;
  return from_native(&un, static_cast<std::uint32_t>(path_begin + path.size() + (file ? 1 : 0)));
}

address address::parse(std::string_view text, std::error_code &ec) {
  if (text.starts_with(unix_prefix))
    return unix_path(text.substr(unix_prefix.size()), ec);
  const std::size_t colon = text.rfind(':');
  std::uint32_t port = 0;
  if (colon != text.npos && read_number(text.substr(colon + 1), UINT16_MAX, port)) {
    std::string_view host = text.substr(0, colon);
    const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (brackets)
      host = host.substr(1, host.size() - 2);
    if (brackets == (host.find(':') != host.npos))
      return ip(host, static_cast<std::uint16_t>(port), ec);
  }
  fail(ec, std::errc::invalid_argument);
  return {};
}

address address::parse(std::string_view text) {
  std::error_code ec;
  const address a = parse(text, ec);
  return checked(a, ec, "address", text);
}
address address::ip(std::string_view host, std::uint16_t port) {
  std::error_code ec;
  const address a = ip(host, port, ec);
  return checked(a, ec, "address", host);
}
address address::unix_path(std::string_view path) {
  std::error_code ec;
  const address a = unix_path(path, ec);
  return checked(a, ec, "path", path);
}

address address::any_ipv4(std::uint16_t port) noexcept {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  return from(a);
}
address address::any_ipv6(std::uint16_t port) noexcept {
  sockaddr_in6 a{};
  a.sin6_family = AF_INET6;
  a.sin6_port = htons(port);
  return from(a);
}
address address::loopback_ipv4(std::uint16_t port) noexcept {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return from(a);
}
address address::loopback_ipv6(std::uint16_t port) noexcept {
  sockaddr_in6 a{};
  a.sin6_family = AF_INET6;
  a.sin6_port = htons(port);
  a.sin6_addr = IN6ADDR_LOOPBACK_INIT;
  return from(a);
}

const sockaddr *address::native() const noexcept { return reinterpret_cast<const sockaddr *>(bytes_); }

address address::from_native(const void *data, std::uint32_t size) noexcept {
  address a;
  if (size < sizeof(sa_family_t) || size > capacity)
    return a;
  std::memcpy(a.bytes_, data, size);
  a.size_ = static_cast<std::uint16_t>(size);
  const net::family f = a.family();
  if (f == family::none || (f == family::ipv4 && size < sizeof(sockaddr_in)) || (f == family::ipv6 && size < sizeof(sockaddr_in6)))
    return {};
  return a;
}

family address::family() const noexcept {
  if (size_ == 0)
    return family::none;
  sa_family_t f = AF_UNSPEC;
  std::memcpy(&f, bytes_, sizeof f);
  return f == AF_INET ? family::ipv4 : f == AF_INET6 ? family::ipv6 : f == AF_UNIX ? family::unix_domain : family::none;
}

// The port is at the same place in both.
static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
std::uint16_t address::port() const noexcept {
  const net::family f = family();
  return f == family::ipv4 || f == family::ipv6 ? ntohs(as<sockaddr_in>(*this).sin_port) : 0;
}
void address::port(std::uint16_t p) noexcept {
  const std::uint16_t in_order = htons(p);
  if (family() == family::ipv4 || family() == family::ipv6)
    std::memcpy(bytes_ + offsetof(sockaddr_in, sin_port), &in_order, sizeof in_order);
}

std::string address::host() const {
  char text[INET6_ADDRSTRLEN] = {};
  switch (family()) {
  case family::ipv4: {
    const auto a = as<sockaddr_in>(*this);
    return inet_ntop(AF_INET, &a.sin_addr, text, sizeof text);
  }
  case family::ipv6: {
    const auto a = as<sockaddr_in6>(*this);
    const std::string number = inet_ntop(AF_INET6, &a.sin6_addr, text, sizeof text);
    return a.sin6_scope_id == 0 ? number : number + '%' + scope_name(a.sin6_scope_id);
  }
  case family::unix_domain: {
    const auto a = as<sockaddr_un>(*this);
    const std::size_t length = size_ - std::min<std::size_t>(size_, path_begin);
    if (length == 0)
      return {};
    if (a.sun_path[0] == '\0')
      return '@' + std::string(a.sun_path + 1, length - 1);
    return {a.sun_path, strnlen(a.sun_path, length)};
  }
  case family::none:
    break;
  }
  return {};
}

std::string address::to_string() const {
  switch (family()) {
  case family::ipv4:
    return host() + ':' + std::to_string(port());
  case family::ipv6:
    return '[' + host() + "]:" + std::to_string(port());
  case family::unix_domain:
    return std::string(unix_prefix) + host();
  case family::none:
    break;
  }
  return {};
}

bool address::equals(const address &other) const noexcept {
  if (family() != other.family())
    return false;
  if (family() == family::ipv6) { // not the flow's label
    const auto a = as<sockaddr_in6>(*this), b = as<sockaddr_in6>(other);
    return a.sin6_port == b.sin6_port && a.sin6_scope_id == b.sin6_scope_id &&
           std::memcmp(&a.sin6_addr, &b.sin6_addr, sizeof a.sin6_addr) == 0;
  }
  if (family() == family::ipv4) {
    const auto a = as<sockaddr_in>(*this), b = as<sockaddr_in>(other);
    return a.sin_port == b.sin_port && a.sin_addr.s_addr == b.sin_addr.s_addr;
  }
  return size_ == other.size_ && std::memcmp(bytes_, other.bytes_, size_) == 0;
}

} // namespace stillpoint::net
