// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kernels: compiled three times, with references and the plugin (BENCH_REFS_COLLECTED), and twice with raw pointers and without it.
// What is compared is each function that is not inlined, with its loop.
#include "structures.h"

#include <algorithm>

#ifdef BENCH_REFS_COLLECTED
#include <stillpoint/gc.hpp>
#endif

namespace bench::refs {
namespace {

#ifdef BENCH_REFS_COLLECTED
struct kind {
  template <class T>
  using pointer = stillpoint::gc::ref<T>;
  template <class T>
  using array = stillpoint::gc::array<T>;
  template <class T>
  static pointer<T> pointer_to(T *object) {
    return stillpoint::gc::ref_to(object);
  }
};
#else
struct kind : raw<BENCH_REFS_COPY> {};
#endif

template <class T>
using pointer = kind::pointer<T>;
template <class T>
using array = kind::array<T>;
using list = list_node<kind>;
using tree = tree_node<kind>;
using item = entry<kind>;

[[gnu::noinline]] std::uint64_t walk(pointer<list> at) {
  std::uint64_t sum = 0;
  for (; at; at = at->next)
    sum += at->value;
  return sum;
}

[[gnu::noinline]] void insert(pointer<tree> at, pointer<tree> added) {
  for (;;) {
    pointer<tree> &side = added->key < at->key ? at->left : at->right;
    if (!side) {
      side = added;
      return;
    }
    at = side;
  }
}

[[gnu::noinline]] pointer<tree> inserted(pointer<tree> at, pointer<tree> added) {
  if (!at)
    return added;
  if (added->key < at->key)
    at->left = inserted(at->left, added);
  else
    at->right = inserted(at->right, added);
  return at;
}

[[gnu::noinline]] void cut(array<pointer<tree>> nodes) {
  for (const pointer<tree> &node : nodes) {
    node->left = nullptr;
    node->right = nullptr;
  }
}

[[gnu::noinline]] std::uint64_t sum(array<std::uint64_t> numbers) {
  std::uint64_t total = 0;
  for (const std::uint64_t n : numbers)
    total += n;
  return total;
}

[[gnu::noinline]] std::uint64_t sum_values(array<pointer<item>> items) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < items.size(); ++i)
    total += items[i]->value;
  return total;
}

[[gnu::noinline]] pointer<item> find(array<pointer<item>> table, std::uint64_t key) {
  const std::size_t slots = table.size();
  for (std::size_t i = slot_of(key, slots);; i = (i + 1) & (slots - 1)) {
    const pointer<item> found = table[i];
    if (!found || found->key == key)
      return found;
  }
}

[[gnu::noinline]] void sort(array<pointer<item>> items) {
  std::sort(items.begin(), items.end(), [](const pointer<item> &a, const pointer<item> &b) { return a->key < b->key; });
}

[[gnu::noinline]] void copy(array<pointer<item>> to, array<pointer<item>> from) { std::copy(from.begin(), from.end(), to.begin()); }

// A round of each, from the data alone.

std::uint64_t list_walk(pointer<data<kind>> all) { return walk(all->list); }

std::uint64_t depth_of_last(pointer<tree> at, std::uint64_t key) {
  std::uint64_t depth = 0;
  for (; at->key != key; at = key < at->key ? at->left : at->right)
    ++depth;
  return depth;
}

// Each round begins with another node and so makes another tree. Where all are alike the processor learns their branches by heart, or does not,
// which is decided for a whole process by where its code lies and changes the time by a quarter.
std::size_t first_of_round(pointer<data<kind>> all) { return all->round * 389 % all->tree_nodes.size(); }

std::uint64_t tree_insert(pointer<data<kind>> all) {
  const array<pointer<tree>> nodes = all->tree_nodes;
  cut(nodes);
  const std::size_t first = first_of_round(all);
  const pointer<tree> root = nodes[first];
  for (std::size_t i = first + 1; i < nodes.size(); ++i)
    insert(root, nodes[i]);
  for (std::size_t i = 0; i < first; ++i)
    insert(root, nodes[i]);
  return depth_of_last(root, nodes[nodes.size() - 1]->key);
}

std::uint64_t tree_insert_recursive(pointer<data<kind>> all) {
  const array<pointer<tree>> nodes = all->tree_nodes;
  cut(nodes);
  const std::size_t first = first_of_round(all);
  pointer<tree> root = nullptr;
  for (std::size_t i = first; i < nodes.size(); ++i)
    root = inserted(root, nodes[i]);
  for (std::size_t i = 0; i < first; ++i)
    root = inserted(root, nodes[i]);
  return depth_of_last(root, nodes[nodes.size() - 1]->key);
}

std::uint64_t array_sum(pointer<data<kind>> all) { return sum(all->numbers); }

std::uint64_t array_sum_references(pointer<data<kind>> all) { return sum_values(all->entries); }

std::uint64_t hash_probe(pointer<data<kind>> all) {
  std::uint64_t values = 0;
  const array<std::uint64_t> keys = all->keys;
  const array<pointer<item>> table = all->table;
  for (const std::uint64_t key : keys)
    if (const pointer<item> found = find(table, key))
      values += found->value;
  return values;
}

std::uint64_t sort_references(pointer<data<kind>> all) {
  copy(all->sorted, all->entries);
  sort(all->sorted);
  return all->sorted[0]->value * 3 + all->sorted[all->sorted.size() / 2]->value;
}

template <std::uint64_t Round(pointer<data<kind>>)>
std::uint64_t rounds_of(void *all, std::uint64_t rounds) {
  std::uint64_t checksum = 0;
  const pointer<data<kind>> own = kind::pointer_to(static_cast<data<kind> *>(all));
  for (; rounds > 0; --rounds) {
    own->round = rounds;
    checksum = (checksum ^ Round(own)) * 0x9e3779b97f4a7c15u;
  }
  return checksum;
}

} // namespace

const measured_kernel BENCH_REFS_TABLE[kernel_count] = {
    {"list_walk", rounds_of<list_walk>},
    {"tree_insert", rounds_of<tree_insert>},
    {"tree_insert_recursive", rounds_of<tree_insert_recursive>},
    {"array_sum", rounds_of<array_sum>},
    {"array_sum_references", rounds_of<array_sum_references>},
    {"hash_probe", rounds_of<hash_probe>},
    {"sort", rounds_of<sort_references>},
};

} // namespace bench::refs
