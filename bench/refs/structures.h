// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The data that the kernels of this folder work on, once with references and once with raw pointers, word for word the same in memory.
//
// Problem: the price of gc::ref is to be told from where an object happens to lie, which costs far more.
// Mechanism: the objects are made once, by gc::make, and are what all ways work on in turns; the raw ways see them through structures of
// the same shape. No collection takes place meanwhile (STILLPOINT_GC=off), so that raw stores need no barrier.
// Invariant: a shape differs between the ways in the kind of its pointers alone.
//
// Rejected: an arena for the raw ways (other addresses, other cache sets).
#ifndef STILLPOINT_BENCH_REFS_STRUCTURES_H
#define STILLPOINT_BENCH_REFS_STRUCTURES_H

#include <cstddef>
#include <cstdint>

namespace bench::refs {

// gc::array's shape and interface.
template <class T>
class raw_array {
public:
  std::size_t size() const { return header_->count; }
  T *begin() const { return reinterpret_cast<T *>(header_ + 1); }
  T *end() const { return begin() + size(); }
  T &operator[](std::size_t i) const { return begin()[i]; }

private:
  struct alignas(16) header {
    std::size_t count;
  };
  header *header_;
};

// Two ways that are the same but for their names: the second says what the comparison cannot see.
template <int Copy>
struct raw {
  template <class T>
  using pointer = T *;
  template <class T>
  using array = raw_array<T>;
  template <class T>
  static T *pointer_to(T *object) {
    return object;
  }
};

template <class Kind>
struct list_node {
  typename Kind::template pointer<list_node> next;
  std::uint64_t value;
};

template <class Kind>
struct tree_node {
  typename Kind::template pointer<tree_node> left, right;
  std::uint64_t key, value;
};

template <class Kind>
struct entry {
  std::uint64_t key, value;
};

template <class Kind>
struct data {
  template <class T>
  using pointers = typename Kind::template array<typename Kind::template pointer<T>>;

  typename Kind::template pointer<list_node<Kind>> list;
  pointers<tree_node<Kind>> tree_nodes; // in the order in which they are inserted
  typename Kind::template array<std::uint64_t> numbers, keys;
  pointers<entry<Kind>> entries; // in no order
  pointers<entry<Kind>> sorted;  // as long
  pointers<entry<Kind>> table;   // open addressing; its length is a power of two
  std::uint64_t round;           // written before each
};

struct measured_kernel {
  const char *name;
  std::uint64_t (*run)(void *data, std::uint64_t rounds); // a checksum
};

inline constexpr std::size_t kernel_count = 7;
extern const measured_kernel kernels_references[kernel_count], kernels_raw[kernel_count], kernels_again[kernel_count];

inline std::size_t slot_of(std::uint64_t key, std::size_t slots) { return (key * 0x9e3779b97f4a7c15u >> 32) & (slots - 1); }

} // namespace bench::refs

#endif
