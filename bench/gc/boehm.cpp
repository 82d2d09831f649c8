// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The programs of trees.h on Boehm's collector: as it comes, not incremental, with thread-local allocation and parallel marking.
// GC_MARKERS, from the driver, limits its marking threads to the processors. Every pause is printed: "pause NANOSECONDS".
#define GC_THREADS
#define GC_NO_THREAD_REDIRECTS
#include "main.h"
#include "threads.h"

#include <gc/gc.h>

#include <new>

namespace {

unsigned threads = 1;

template <class Body>
void registered(const Body &body) {
  GC_stack_base base;
  GC_get_stack_base(&base);
  GC_register_my_thread(&base);
  body();
  GC_unregister_my_thread();
}

struct collected {
  using game_node = bench::plain_nodes::game_node;
  using gcbench_node = bench::plain_nodes::gcbench_node;
  template <class T>
  using pointer = T *;

  template <class T, class... Args>
  static T *make(const Args &...args) {
    void *const memory = GC_MALLOC(sizeof(T));
    if (!memory)
      throw std::bad_alloc();
    return ::new (memory) T{args...};
  }
  template <class T>
  static void drop(T *) {}
  static double *numbers(std::size_t count) {
    void *const memory = GC_MALLOC_ATOMIC(count * sizeof(double));
    if (!memory)
      throw std::bad_alloc();
    return static_cast<double *>(memory);
  }
  static void drop_numbers(double *) {}

  template <class Piece>
  static void in_parallel(unsigned count, const Piece &piece) {
    bench::share_out(threads, count, piece, [](const auto &body) { registered(body); });
  }
};

constexpr std::size_t most_pauses = 1 << 16;
std::uint64_t pauses[most_pauses], began;
std::size_t pause_count = 0;

void on_event(GC_EventType event) {
  if (event == GC_EVENT_PRE_STOP_WORLD)
    began = bench::now();
  else if (event == GC_EVENT_POST_START_WORLD && pause_count < most_pauses)
    pauses[pause_count++] = bench::now() - began;
}

} // namespace

int main(int argc, char **argv) {
  const bench::arguments a = bench::read_arguments(argc, argv);
  threads = a.processors;
  GC_INIT();
  GC_allow_register_threads();
  GC_set_on_collection_event(on_event);
  if (a.spin)
    std::thread([] { registered(bench::spin_for_ever); }).detach();
  bench::measure<collected>(a);
  for (std::size_t i = 0; i < pause_count; ++i)
    std::printf("pause %lu\n", pauses[i]);
  std::fflush(stdout);
  std::_Exit(0); // the loop goes on
}
