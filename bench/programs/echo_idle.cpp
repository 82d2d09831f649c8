// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Idle connections: each has a task that waits to read, and none has a thread. Then all of them are used once. The clients are a child process without
// a runtime, so that the limit on open files holds for each end alone.
//
// Usage: bench-echo-idle CONNECTIONS. Prints "threads COUNT bytes RESIDENT_BYTES_PER_CONNECTION answered COUNT": threads and memory of the server while all
// are idle.
#include <stillpoint/net.hpp>
#include <stillpoint/stillpoint.hpp>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

namespace net = stillpoint::net;
using namespace std::chrono_literals;

long status(const std::string &field) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(field + ':'))
      return std::atol(line.c_str() + field.size() + 1);
  return -1;
}

bool allow_files(rlim_t wanted) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::max(limit.rlim_cur, std::min(wanted, limit.rlim_max));
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= wanted;
}

// Connects, waits for a byte on `go_on`, and asks everybody once. Returns how many answered.
std::size_t be_clients(const net::address &server, std::size_t count, int go_on) {
  std::vector<int> files;
  for (std::size_t i = 0; i < count; ++i) {
    files.push_back(socket(AF_INET, SOCK_STREAM, 0));
    if (connect(files.back(), server.native(), server.native_size()) != 0) {
      std::perror("connect");
      return i;
    }
  }
  char byte = 'x';
  if (read(go_on, &byte, 1) != 1)
    return 0;
  for (const int f : files)
    send(f, &byte, 1, MSG_NOSIGNAL);
  std::size_t answered = 0;
  for (const int f : files)
    answered += recv(f, &byte, 1, 0) == 1;
  return answered;
}

void serve(net::tcp_listener &listener, std::size_t count, int go_on) {
  const long before = status("VmRSS");
  stillpoint::wait_group ended;
  for (std::size_t i = 0; i < count; ++i) {
    ended.add();
    stillpoint::go([&ended, s = listener.accept()]() mutable {
      char b[1];
      std::error_code ec;
      while (s.read(b, ec))
        s.write_all(b, ec);
      ended.done();
    });
  }
  stillpoint::sleep_for(200ms); // until all of them wait
  std::printf("threads %ld bytes %ld ", status("Threads"), (status("VmRSS") - before) * 1024 / static_cast<long>(count));
  std::fflush(stdout);
  if (write(go_on, "x", 1) != 1)
    std::perror("write");
  ended.wait();
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2 || std::atol(argv[1]) < 1) {
    std::fprintf(stderr, "usage: %s CONNECTIONS\n", argv[0]);
    return 2;
  }
  const auto count = static_cast<std::size_t>(std::atol(argv[1]));
  if (!allow_files(count + 64)) {
    std::fprintf(stderr, "the limit on open files does not allow %zu connections\n", count);
    return 1;
  }
  auto listener = net::tcp_listener::listen(net::address::loopback_ipv4(0));
  int go_on[2], answers[2];
  if (pipe(go_on) != 0 || pipe(answers) != 0)
    return 1;
  const pid_t child = fork();
  if (child == 0) {
    const std::size_t answered = be_clients(listener.local_address(), count, go_on[0]);
    _exit(write(answers[1], &answered, sizeof answered) == sizeof answered ? 0 : 1);
  }
  stillpoint::run([&] { serve(listener, count, go_on[1]); });
  std::size_t answered = 0;
  if (read(answers[0], &answered, sizeof answered) != sizeof answered || waitpid(child, nullptr, 0) != child)
    return 1;
  std::printf("answered %zu\n", answered);
}
