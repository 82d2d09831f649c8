// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a program that csmith made, as it is or as a task among others, and says what its check sum is.
//
// Problem: such a program ends within microseconds, before any signal comes. Mechanism: what its variables hold is put back to what they began with
// and it runs again, as often as is asked for; every round has to give the first round's check sum. As a task it has two others beside it that
// compute something of their own with vector registers.
// Rejected: running it again as it left its variables (its pointers may point to variables of functions that have returned).
//
// Usage: PROGRAM ROUNDS. A task goes on for up to ten times as many rounds, until it was stopped often enough. Prints "checksum HEX rounds N wrong N nanoseconds N preemptions N pinned N vector N". Exit status 0; 1: a round or a helper went
// wrong; 3: it used a second of processor time for the first round (plain only).
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <sys/time.h>
#include <vector>

#ifndef PLAIN
#include <atomic>
#include <stillpoint/metrics.hpp>
#include <stillpoint/stillpoint.hpp>
#endif

extern "C" {
int csmith_main(int argc, char **argv);
[[gnu::weak]] extern unsigned char __start_csmith_bss[], __stop_csmith_bss[]; // a program need not have both
[[gnu::weak]] extern unsigned char __start_csmith_data[], __stop_csmith_data[];

static unsigned result;
int csmith_print(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  if (std::strncmp(format, "checksum", 8) == 0)
    result = va_arg(arguments, unsigned);
  va_end(arguments);
  return 0;
}
}

namespace {

class saved_section {
public:
  saved_section(unsigned char *begin, unsigned char *end) : begin_(begin), bytes_(begin, end) {}
  void put_back() const {
    if (!bytes_.empty())
      std::memcpy(begin_, bytes_.data(), bytes_.size());
  }

private:
  unsigned char *begin_;
  std::vector<unsigned char> bytes_;
};

struct outcome {
  unsigned first = 0;
  long rounds = 0, wrong = 0;
};

template <class EnoughAfter>
outcome run_rounds(EnoughAfter enough_after) {
  const saved_section bss(__start_csmith_bss, __stop_csmith_bss);
  const saved_section data(__start_csmith_data, __stop_csmith_data);
  char name[] = "program";
  char *arguments[] = {name, nullptr};
  outcome all;
  do {
    bss.put_back();
    data.put_back();
    result = 0;
    csmith_main(1, arguments);
    if (all.rounds == 0)
      all.first = result;
    all.wrong += result != all.first;
  } while (!enough_after(++all.rounds));
  return all;
}

std::uint64_t used_ns() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(t.tv_nsec);
}

#ifdef PLAIN

// In processor time, so that a busy machine calls no program endless. The default for SIGVTALRM would end with a status of its own.
void limit_time() {
  std::signal(SIGVTALRM, [](int) { std::_Exit(3); });
  itimerval limit{};
  limit.it_value.tv_sec = 1;
  setitimer(ITIMER_VIRTUAL, &limit, nullptr);
}

outcome run_as_asked(long rounds) {
  limit_time();
  return run_rounds([rounds](long done) { return done >= rounds; });
}

#else

std::atomic<bool> over{false};
std::atomic<int> helpers_wrong{0};

[[gnu::noinline]] double series(double x) {
  double a[4] = {1, x, x * x, x * x * x}, sum = 0;
  for (int i = 0; i < 200; ++i)
    for (double &v : a) {
      v = v * 0.999 + static_cast<double>(i);
      sum += v;
    }
  return sum;
}

constexpr std::uint64_t enough_preemptions = 100;

void helper() {
  const double expected = series(0.5);
  while (!over.load(std::memory_order_relaxed))
    if (series(0.5) != expected)
      ++helpers_wrong;
}

outcome run_as_asked(long rounds) {
  outcome all;
  stillpoint::run([&] {
    stillpoint::wait_group helpers(2);
    for (int i = 0; i < 2; ++i)
      stillpoint::go([&] {
        helper();
        helpers.done();
      });
    all = run_rounds([rounds](long done) {
      return done >= 10 * rounds || (done >= rounds && stillpoint::read_metrics().preemptions >= enough_preemptions);
    });
    over = true;
    helpers.wait();
  });
  all.wrong += helpers_wrong;
  return all;
}

#endif

} // namespace

int main(int argc, char **argv) {
  const long rounds = argc == 2 ? std::atol(argv[1]) : 0;
  if (rounds < 1) {
    std::fprintf(stderr, "usage: PROGRAM ROUNDS\n");
    return 2;
  }
  const std::uint64_t before = used_ns();
  const outcome all = run_as_asked(rounds);
  std::printf("checksum %08X rounds %ld wrong %ld nanoseconds %llu", all.first, all.rounds, all.wrong,
              static_cast<unsigned long long>(used_ns() - before));
#ifndef PLAIN
  const stillpoint::metrics m = stillpoint::read_metrics();
  std::printf(" preemptions %llu pinned %llu vector %llu", static_cast<unsigned long long>(m.preemptions),
              static_cast<unsigned long long>(m.pinned_preemptions), static_cast<unsigned long long>(m.vector_saves));
#endif
  std::printf("\n");
  return all.wrong != 0;
}
