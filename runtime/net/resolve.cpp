// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Name look-up.
//
// getaddrinfo blocks, for seconds if a server is slow, and what it waits for is its own affair: the header calls it as foreign code, so that the
// task's processor serves others meanwhile. Rejected: a resolver of our own (what the system's configuration means is the C library's to
// know), a thread for each look-up (the scheduler has threads for calls that block).
#include "stillpoint/net/address.hpp"

#include <cerrno>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>

namespace stillpoint::net {
namespace {

class category final : public std::error_category {
  const char *name() const noexcept override { return "resolve"; }
  std::string message(int value) const override { return gai_strerror(value); }
};

std::vector<address> addresses_of(const addrinfo *first) {
  std::vector<address> all;
  for (const addrinfo *a = first; a; a = a->ai_next)
    if (const address found = address::from_native(a->ai_addr, a->ai_addrlen); found.family() != family::none)
      all.push_back(found);
  return all;
}

} // namespace

const std::error_category &resolve_category() noexcept {
  static const category the;
  return the;
}

bool detail::is_numeric(std::string_view host, std::string_view service) {
  std::error_code ec;
  address::ip(host, 0, ec);
  return !ec && service.find_first_not_of("0123456789") == service.npos;
}

std::vector<address> detail::look_up(std::string_view host, std::string_view service, std::error_code &ec) {
  const std::string name(host), port(service);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = is_numeric(host, service) ? AI_NUMERICHOST : AI_ADDRCONFIG;
  addrinfo *first = nullptr;
  const int error = getaddrinfo(name.empty() ? nullptr : name.c_str(), port.empty() ? nullptr : port.c_str(), &hints, &first);
  if (error == EAI_SYSTEM)
    ec.assign(errno, std::system_category());
  else if (error != 0)
    ec.assign(error, resolve_category());
  else
    ec.clear();
  const std::unique_ptr<addrinfo, void (*)(addrinfo *)> found(first, [](addrinfo *a) {
    if (a)
      freeaddrinfo(a);
  });
  return error == 0 ? addresses_of(first) : std::vector<address>();
}

} // namespace stillpoint::net
