// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: the primes, by a chain of tasks: each takes the first number that reaches it, which is prime, and hands on those that it does not divide. (The
// sieve that Go's introductions show.)
//
// Mechanism: one unbuffered channel between neighbours, a range over it until it is closed, a select with a timeout at the end of the chain.
//
// The check is the number of primes below the limit and the last one, and that the chain closes from its head to its end.
#include <stillpoint/stillpoint.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>

using stillpoint::chan;
using namespace std::chrono_literals;

namespace {

void numbers(stillpoint::chan_sender<int> out, int limit) {
  for (int i = 2; i < limit; ++i)
    out.send(i);
  out.close();
}

void sieve(stillpoint::chan_receiver<int> in, stillpoint::chan_sender<int> primes) {
  const std::optional<int> prime = in.receive();
  if (!prime) { // the end of the chain
    primes.close();
    return;
  }
  primes.send(*prime);
  const chan<int> next(0);
  stillpoint::go([=] { sieve(next, primes); });
  for (const int n : in)
    if (n % *prime != 0)
      next.send(n);
  next.close();
}

} // namespace

static int program(int limit) {
  const chan<int> all(0), primes(0);
  stillpoint::go([=] { numbers(all, limit); });
  stillpoint::go([=] { sieve(all, primes); });

  int count = 0, last = 0;
  for (bool open = true; open;)
    stillpoint::select(stillpoint::on_receive(primes,
                                              [&](std::optional<int> p) {
                                                open = p.has_value();
                                                if (p) {
                                                  ++count;
                                                  last = *p;
                                                }
                                              }),
                       stillpoint::on_timeout(60s, [] {
                         std::puts("no prime for a minute");
                         std::exit(1);
                       }));
  std::printf("%d primes below %d, the last one %d\n", count, limit, last);
  return 0;
}

int main(int argc, char **argv) {
  const int limit = argc > 1 ? std::atoi(argv[1]) : 2000;
  return stillpoint::run([=] { return program(limit); });
}
