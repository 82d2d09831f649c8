// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Name look-up.
//
// Problem: getaddrinfo blocks, for seconds if a server is slow, and what it waits for is its own affair. Mechanism: a thread for each look-up,
// that ends with it; the task waits without a processor. Invariant: the request lives on the stack of the task, which is not resumed before
// the thread has let go of it. Rejected: a resolver of our own (what the system's configuration means is the C library's to know).
#include "net/calls.h"
#include "stillpoint/net/address.hpp"

#include <csignal>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string>

namespace stillpoint::net {
namespace {

class category final : public std::error_category {
  const char *name() const noexcept override { return "resolve"; }
  std::string message(int value) const override { return gai_strerror(value); }
};

struct request {
  static constexpr std::uintptr_t asked = 0, answered = 1; // else the address of the waiting task

  const char *host;
  const char *service;
  addrinfo hints{};
  addrinfo *found = nullptr;
  int error = 0;
  int system_error = 0;
  std::atomic<std::uintptr_t> state{asked};
};

void *look_up(void *argument) noexcept {
  auto &r = *static_cast<request *>(argument);
  r.error = getaddrinfo(r.host, r.service, &r.hints, &r.found);
  r.system_error = errno;
  // Acquire and release: pairs with commit_wait. The request is the task's again.
  const std::uintptr_t seen = r.state.exchange(request::answered, std::memory_order_acq_rel);
  if (seen != request::asked)
    rt::sched::ready(*reinterpret_cast<rt::task *>(seen));
  return nullptr;
}

bool commit_wait(rt::task &t, void *argument) noexcept {
  std::uintptr_t seen = request::asked;
  return static_cast<request *>(argument)->state.compare_exchange_strong(seen, reinterpret_cast<std::uintptr_t>(&t),
                                                                         std::memory_order_acq_rel, std::memory_order_acquire);
}

// Returns 0 or an error. The program's signals are not for this thread.
int start_thread(request &r) noexcept {
  sigset_t all;
  sigfillset(&all);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setsigmask_np(&attributes, &all);
  pthread_t thread;
  const int error = pthread_create(&thread, &attributes, look_up, &r);
  pthread_attr_destroy(&attributes);
  return error;
}

void assign_result(const request &r, std::error_code &ec) noexcept {
  if (r.error == 0)
    ec.clear();
  else if (r.error == EAI_SYSTEM)
    ec.assign(r.system_error, std::system_category());
  else
    ec.assign(r.error, resolve_category());
}

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

std::vector<address> resolve(std::string_view host, std::string_view service, std::error_code &ec) {
  const rt::managed_caller caller = STILLPOINT_MANAGED_CALLER();
  rt::sched::require_task("resolve()");
  const std::string name(host), port(service);
  request r{.host = name.empty() ? nullptr : name.c_str(), .service = port.empty() ? nullptr : port.c_str()};
  r.hints.ai_socktype = SOCK_STREAM;
  r.hints.ai_flags = AI_NUMERICHOST;
  r.error = EAI_NONAME;
  std::error_code numeric;
  const bool no_wait = (address::ip(host, 0, numeric), !numeric) && port.find_first_not_of("0123456789") == port.npos;
  if (no_wait) {
    if (port.empty())
      r.service = nullptr;
    r.error = getaddrinfo(r.host, r.service, &r.hints, &r.found); // reads no file and asks nobody
  } else {
    r.hints.ai_flags = AI_ADDRCONFIG;
    if (const int error = start_thread(r)) {
      ec.assign(error, std::system_category());
      return {};
    }
    rt::sched::park(*rt::this_worker(), caller, commit_wait, &r, "name look-up");
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo *)> found(r.found, [](addrinfo *a) {
    if (a)
      freeaddrinfo(a);
  });
  assign_result(r, ec);
  return ec ? std::vector<address>() : addresses_of(found.get());
}

} // namespace stillpoint::net
