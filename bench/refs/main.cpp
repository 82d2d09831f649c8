// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes the data, and runs every kernel's three ways in turns on it (programs/segments.h).
//
// Usage: refs REPETITIONS. Prints "KERNEL WAY NANOSECONDS CHECKSUM" for each segment; the first of a kernel, and every other one, is of the
// raw way.
#include "structures.h"

#include "bench/programs/segments.h"

#include <stillpoint/gc.hpp>
#include <stillpoint/stillpoint.hpp>

namespace {

namespace gc = stillpoint::gc;
using namespace bench::refs;

struct collected {
  template <class T>
  using pointer = gc::ref<T>;
  template <class T>
  using array = gc::array<T>;
};

template <template <class> class Shape>
inline constexpr bool same_shape = sizeof(Shape<collected>) == sizeof(Shape<raw<0>>) && alignof(Shape<collected>) == alignof(Shape<raw<0>>);
static_assert(same_shape<list_node> && same_shape<tree_node> && same_shape<entry> && same_shape<data>);

constexpr std::size_t list_length = 1000, tree_size = 1000, number_count = 2048, entry_count = 1000, table_size = 2048;
// Probes in a round: more than the processor can learn the branches of by heart, which otherwise decides on the result (kernels.cpp has the same of trees).
constexpr std::size_t key_count = 65536;
constexpr std::uint64_t segment_ns = 8'000'000;

std::uint32_t random_state = 2463534242;

std::uint64_t random_number() { return std::uint64_t(kernel_random(&random_state)) << 20 ^ kernel_random(&random_state); }

template <class T>
void shuffle(gc::array<T> values) {
  for (std::size_t i = values.size(); i > 1; --i)
    std::swap(values[i - 1], values[random_number() % i]);
}

gc::ref<list_node<collected>> make_list() {
  const auto nodes = gc::make_array<gc::ref<list_node<collected>>>(list_length);
  for (auto &node : nodes)
    node = gc::make<list_node<collected>>(nullptr, random_number());
  shuffle(nodes);
  for (std::size_t i = 1; i < list_length; ++i)
    nodes[i - 1]->next = nodes[i];
  return nodes[0];
}

gc::array<gc::ref<tree_node<collected>>> make_tree_nodes() {
  const auto nodes = gc::make_array<gc::ref<tree_node<collected>>>(tree_size);
  for (auto &node : nodes)
    node = gc::make<tree_node<collected>>(nullptr, nullptr, random_number(), random_number());
  return nodes;
}

void fill_table(data<collected> &all) {
  for (std::size_t i = 0; i < entry_count; ++i) {
    const gc::ref<entry<collected>> one = all.entries[i];
    std::size_t slot = slot_of(one->key, table_size);
    while (all.table[slot])
      slot = (slot + 1) & (table_size - 1);
    all.table[slot] = one;
  }
}

void choose_keys(data<collected> &all) {
  for (std::uint64_t &key : all.keys)
    key = random_number() % 4 == 0 ? random_number() : all.entries[random_number() % entry_count]->key;
}

gc::ref<data<collected>> make_data() {
  const auto all = gc::make<data<collected>>();
  all->list = make_list();
  all->tree_nodes = make_tree_nodes();
  all->numbers = gc::make_array<std::uint64_t>(number_count);
  for (std::uint64_t &n : all->numbers)
    n = random_number();
  all->keys = gc::make_array<std::uint64_t>(key_count);
  all->entries = gc::make_array<gc::ref<entry<collected>>>(entry_count);
  for (auto &one : all->entries)
    one = gc::make<entry<collected>>(random_number(), random_number());
  shuffle(all->entries);
  all->sorted = gc::make_array<gc::ref<entry<collected>>>(entry_count);
  all->table = gc::make_array<gc::ref<entry<collected>>>(table_size);
  fill_table(*all);
  choose_keys(*all);
  return all;
}

std::uint64_t rounds_for_a_segment(const measured_kernel &k, void *all) {
  for (std::uint64_t rounds = 16;; rounds *= 4) {
    const std::uint64_t before = bench::thread_time();
    k.run(all, rounds);
    const std::uint64_t taken = bench::thread_time() - before;
    if (taken > segment_ns / 8)
      return 1 + rounds * segment_ns / taken;
  }
}

void compare(std::size_t index, void *all, std::uint64_t repetitions) {
  const measured_kernel *const ways[] = {&kernels_raw[index], &kernels_references[index], &kernels_again[index]};
  const char *const names[] = {"raw", "references", "again"};
  const std::uint64_t rounds = rounds_for_a_segment(*ways[0], all);
  const auto one = [&](unsigned way) {
    const std::uint64_t before = bench::thread_time();
    const std::uint64_t checksum = ways[way]->run(all, rounds);
    return bench::segment{way, 0, bench::thread_time() - before, 0, checksum};
  };
  for (const bench::segment &s : bench::take_turns(3, repetitions, one))
    std::printf("%s %s %lu %lu\n", ways[0]->name, names[s.way], s.thread, s.checksum);
}

} // namespace

int main(int argc, char **argv) {
  const std::uint64_t repetitions = argc == 2 ? std::strtoull(argv[1], nullptr, 10) : 0;
  if (repetitions == 0) {
    std::fprintf(stderr, "usage: %s REPETITIONS\n", argv[0]);
    return 2;
  }
  stillpoint::run([repetitions] {
    const gc::ref<data<collected>> all = make_data();
    for (std::size_t i = 0; i < kernel_count; ++i)
      compare(i, all.get(), repetitions);
    std::printf("collections: %lu\n", gc::stats().cycles);
  });
}
