// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The floor for echo.cpp: no runtime at all. A thread with an epoll loop serves, another with an epoll loop is all the clients. Per request each does
// nothing but receive and send.
//
// Usage: bench-echo-epoll CLIENTS MILLISECONDS. Prints "requests PER_SECOND p50 NANOSECONDS p99 NANOSECONDS".
#include "echo.h"

#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace {

using bench::echo::message_size;
using bench::echo::notes;

int check(int result, const char *call) {
  if (result < 0) {
    std::fprintf(stderr, "%s: %s\n", call, std::strerror(errno));
    std::exit(1);
  }
  return result;
}

void add(int events, int file, std::uint32_t tag) {
  epoll_event e{};
  e.events = EPOLLIN;
  e.data.u64 = std::uint64_t{tag} << 32 | static_cast<std::uint32_t>(file);
  check(epoll_ctl(events, EPOLL_CTL_ADD, file, &e), "epoll_ctl");
  const int on = 1;
  setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int file_of(const epoll_event &e) { return static_cast<int>(e.data.u64 & UINT32_MAX); }

void serve(int events, int clients) {
  epoll_event ready[128];
  char buffer[bench::echo::buffer_size];
  while (clients > 0) {
    const int n = check(epoll_wait(events, ready, 128, -1), "epoll_wait");
    for (int i = 0; i < n; ++i) {
      const int file = file_of(ready[i]);
      const ssize_t got = recv(file, buffer, sizeof buffer, 0);
      if (got > 0) {
        send(file, buffer, static_cast<std::size_t>(got), MSG_NOSIGNAL);
      } else if (got == 0 || errno != EAGAIN) {
        close(file);
        --clients;
      }
    }
  }
}

void ask(int events, const std::vector<int> &files, std::vector<notes> &all) {
  std::vector<std::uint64_t> started(files.size());
  std::vector<std::size_t> got(files.size());
  const char message[message_size] = {};
  const auto begin = [&](std::size_t i) {
    started[i] = bench::now();
    got[i] = 0;
    send(files[i], message, sizeof message, MSG_NOSIGNAL);
  };
  for (std::size_t i = 0; i < files.size(); ++i)
    begin(i);
  epoll_event ready[128];
  char answer[message_size];
  for (std::size_t going = files.size(); going > 0;) {
    const int n = check(epoll_wait(events, ready, 128, -1), "epoll_wait");
    for (int k = 0; k < n; ++k) {
      const auto i = static_cast<std::size_t>(ready[k].data.u64 >> 32);
      got[i] += static_cast<std::size_t>(std::max<ssize_t>(0, recv(files[i], answer, sizeof answer - got[i], 0)));
      if (got[i] < message_size)
        continue;
      if (all[i].note(started[i], bench::now())) {
        begin(i);
      } else {
        close(files[i]);
        --going;
      }
    }
  }
}

} // namespace

int main(int argc, char **argv) {
  const bench::echo::plan p = bench::echo::read_plan(argc, argv);
  std::vector<notes> all(static_cast<std::size_t>(p.clients), notes(p));
  const int listener = check(socket(AF_INET, SOCK_STREAM, 0), "socket");
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  check(bind(listener, reinterpret_cast<sockaddr *>(&at), size), "bind");
  check(listen(listener, 1024), "listen");
  check(getsockname(listener, reinterpret_cast<sockaddr *>(&at), &size), "getsockname");
  const int server_events = check(epoll_create1(0), "epoll_create1"), client_events = check(epoll_create1(0), "epoll_create1");
  std::vector<int> files;
  for (int i = 0; i < p.clients; ++i) {
    files.push_back(check(socket(AF_INET, SOCK_STREAM, 0), "socket"));
    check(connect(files.back(), reinterpret_cast<sockaddr *>(&at), size), "connect");
    add(client_events, files.back(), static_cast<std::uint32_t>(i));
    add(server_events, check(accept(listener, nullptr, nullptr), "accept"), 0);
  }
  std::thread server([&] { serve(server_events, p.clients); });
  ask(client_events, files, all);
  server.join();
  bench::echo::print(p, all);
}
