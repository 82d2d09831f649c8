// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: a server that serves many, lets nobody wait for the slow, and ends in good order when it is told to.
//
// Mechanism: a task for each connection, a deadline for each request, and a signal that comes out of a function like everything else: SIGTERM and SIGINT
// close the listener, those who are being served are waited for.
//
//     echo_server 127.0.0.1:7000          (or [::1]:7000, or unix:/tmp/echo)
//
// Without arguments it is its own clients, and sends itself the signal when they are done.
#include <stillpoint/net.hpp>
#include <stillpoint/signals.hpp>
#include <stillpoint/stillpoint.hpp>

#include <array>
#include <atomic>
#include <cstdio>
#include <exception>
#include <string>
#include <unistd.h>

using namespace std::chrono_literals;
namespace net = stillpoint::net;

namespace {

// A connection that says nothing for so long is closed.
constexpr auto patience = 60s;

template <class Stream>
void serve(Stream s) {
  std::array<char, 4096> buffer;
  std::error_code ec;
  for (;;) {
    s.deadline(net::clock::now() + patience);
    const std::size_t n = s.read(buffer, ec);
    if (n == 0)
      return; // its end, an error, or it was too slow
    s.write_all({buffer.data(), n}, ec);
  }
}

// Until the listener is closed and everybody is served. Returns how many there were.
template <class Listener>
int accept_all(Listener &listener) {
  stillpoint::wait_group serving;
  int connections = 0;
  std::error_code ec;
  for (;;) {
    auto s = listener.accept(ec);
    if (ec == net::closed)
      break;
    if (ec) { // out of files, say: those who leave give some back
      std::printf("accept: %s\n", ec.message().c_str());
      stillpoint::sleep_for(10ms);
      continue;
    }
    ++connections;
    serving.add();
    stillpoint::go([&serving, s = std::move(s)]() mutable {
      serve(std::move(s));
      serving.done();
    });
  }
  serving.wait();
  return connections;
}

template <class Listener>
int be_server(Listener listener) {
  std::printf("listening at %s\n", listener.local_address().to_string().c_str());
  std::fflush(stdout);
  stillpoint::signal_set signals{SIGINT, SIGTERM};
  stillpoint::wait_group listening;
  listening.add();
  stillpoint::go([&] {
    std::printf("signal %d: no more connections\n", signals.wait());
    listener.close();
    listening.done();
  });
  const int connections = accept_all(listener);
  listening.wait();
  std::printf("%d connections served\n", connections);
  return 0;
}

// A hundred clients, each with its own words.
int check() {
  constexpr int clients = 100, rounds = 20;
  auto listener = net::tcp_listener::listen(net::address::loopback_ipv4(0));
  const net::address at = listener.local_address();
  std::atomic<int> wrong{0};
  stillpoint::go([&wrong, at] {
    stillpoint::wait_group asking;
    for (int c = 0; c < clients; ++c) {
      asking.add();
      stillpoint::go([&, c] {
        auto s = net::tcp_stream::connect(at);
        for (int i = 0; i < rounds; ++i) {
          const std::string said = "client " + std::to_string(c) + " says " + std::to_string(i);
          std::string heard(said.size(), '\0');
          s.write_all(said);
          wrong += s.read_exactly(heard) != said.size() || heard != said;
        }
        asking.done();
      });
    }
    asking.wait();
    kill(getpid(), SIGTERM);
  });
  be_server(std::move(listener));
  std::printf("%d wrong answers\n", wrong.load());
  return wrong == 0 ? 0 : 1;
}

int serve_at(const char *text) {
  try {
    const net::address at = net::address::parse(text);
    if (at.family() == net::family::unix_domain)
      return be_server(net::unix_listener::listen(at));
    return be_server(net::tcp_listener::listen(at));
  } catch (const std::system_error &error) {
    std::fprintf(stderr, "echo_server: %s\n", error.what());
    return 1;
  }
}

} // namespace

int main(int argc, char **argv) {
  return stillpoint::run([=] { return argc > 1 ? serve_at(argv[1]) : check(); });
}
