// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The programs of trees.h on Stillpoint's collector. STILLPOINT_PROCS must say the same as the command line.
#include "main.h"

#include <stillpoint/gc.hpp>
#include <stillpoint/stillpoint.hpp>

namespace {

namespace gc = stillpoint::gc;

struct game_node {
  gc::ref<game_node> left, right;
};

struct gcbench_node {
  gc::ref<gcbench_node> left, right;
  std::int32_t i = 0, j = 0;
  gcbench_node() = default;
  gcbench_node(gc::ref<gcbench_node> l, gc::ref<gcbench_node> r) : left(l), right(r) {}
};

struct collected {
  using game_node = ::game_node;
  using gcbench_node = ::gcbench_node;
  template <class T>
  using pointer = gc::ref<T>;

  template <class T, class... Args>
  static gc::ref<T> make(const Args &...args) {
    return gc::make<T>(args...);
  }
  template <class T>
  static void drop(const gc::ref<T> &) {}
  static gc::array<double> numbers(std::size_t count) { return gc::make_array<double>(count); }
  static void drop_numbers(const gc::array<double> &) {}

  template <class Piece>
  static void in_parallel(unsigned count, const Piece &piece) {
    stillpoint::wait_group all;
    all.add(count);
    for (unsigned i = 0; i < count; ++i)
      stillpoint::go([&all, &piece, i] {
        piece(i);
        all.done();
      });
    all.wait();
  }
};

} // namespace

int main(int argc, char **argv) {
  const bench::arguments a = bench::read_arguments(argc, argv);
  const char *const processors = std::getenv("STILLPOINT_PROCS");
  if (!processors || static_cast<unsigned>(std::atoi(processors)) != a.processors) {
    std::fprintf(stderr, "%s: STILLPOINT_PROCS must be %u\n", argv[0], a.processors);
    return 2;
  }
  stillpoint::run([&a] {
    if (a.spin)
      stillpoint::go([] { bench::spin_for_ever(); });
    bench::measure<collected>(a);
  });
  const gc::statistics s = gc::stats();
  std::printf("cycles %lu\nlongest_pause %lu\nlongest_stop %lu\nfailed_stops %lu\n", s.cycles, s.pauses.longest_ns, s.stops.longest_ns,
              s.failed_stops);
}
