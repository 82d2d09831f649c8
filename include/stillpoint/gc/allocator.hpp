// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Allocators by which the standard containers hold references.
//
// gc::allocator: the container's memory is collected memory, reached by the container's own pointers, which are gc::element_pointer. Only containers
// that store the allocator's pointer type can be used so; of libstdc++ 12 these are vector and deque.
//
// gc::rooted_allocator: the memory is the program's, with plain pointers, and the references in it are roots. For the containers of linked
// nodes (list, forward_list, map, set and their relatives, the unordered ones), whose links libstdc++ keeps as plain pointers. As its elements are
// roots, what they lead to lives until the container lets go of it: a container inside a collected object must not lead back to that object.
//
// Neither has state; all are equal.
#ifndef STILLPOINT_GC_ALLOCATOR_HPP
#define STILLPOINT_GC_ALLOCATOR_HPP

#include <stillpoint/gc/element_pointer.hpp>
#include <stillpoint/gc/make.hpp>

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>

namespace stillpoint::gc {

namespace detail {

// libstdc++'s nodes that are linked by plain pointers, which the collector would not see: lists, trees and hash tables.
template <class Node>
concept linked_by_plain_pointers = requires(Node &node) { node._M_valptr(); };

} // namespace detail

/// The allocator of containers in collected memory: std::vector<gc::ref<T>, gc::allocator<gc::ref<T>>>. The elements may be of any type.
/// Tasks only. Memory that is given back stays until the collector finds that nothing leads to it.
template <class T>
class allocator {
public:
  using value_type = T;
  using pointer = gc::element_pointer<T>;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using is_always_equal = std::true_type;
  using propagate_on_container_move_assignment = std::true_type;

  constexpr allocator() noexcept = default;
  template <class U>
  constexpr allocator(const allocator<U> &) noexcept {}

  /// Zeroed memory. Throws std::bad_alloc beyond the heap's limit, std::bad_array_new_length if the size overflows.
  [[nodiscard]] STILLPOINT_GC_INLINE pointer allocate(std::size_t count) {
    static_assert(
        !detail::linked_by_plain_pointers<T>,
        "libstdc++ links the nodes of this container by plain pointers, which the collector does not see: use gc::rooted_allocator");
    return pointer::from_raw(static_cast<detail::space<T> *>(detail::allocate_array(detail::layout_of<T>::value, count, false)));
  }
  STILLPOINT_GC_INLINE void deallocate(pointer, std::size_t) noexcept {}

  template <class U>
  friend constexpr bool operator==(const allocator &, const allocator<U> &) noexcept {
    return true;
  }
};

/// The allocator of containers of linked nodes: std::map<K, gc::ref<T>, std::less<K>, gc::rooted_allocator<std::pair<const K, gc::ref<T>>>>.
/// The container itself may be anywhere. Any thread, but the references in it belong to tasks.
template <class T>
class rooted_allocator {
public:
  using value_type = T;
  using is_always_equal = std::true_type;
  using propagate_on_container_move_assignment = std::true_type;

  constexpr rooted_allocator() noexcept = default;
  template <class U>
  constexpr rooted_allocator(const rooted_allocator<U> &) noexcept {}

  /// Throws std::bad_alloc.
  [[nodiscard]] T *allocate(std::size_t count) {
    abi::layout &layout = detail::layout_of<T>::value;
    if (!layout.reference_count)
      return std::allocator<T>().allocate(count);
    if (count == 1)
      return static_cast<T *>(detail::allocate_rooted(layout));
    T *const memory = std::allocator<T>().allocate(count);
    std::memset(static_cast<void *>(memory), 0, count * sizeof(T));
    adding all{memory, count};
    for (; all.added != count * layout.reference_count; ++all.added)
      detail::add_root(word(memory, all.added));
    all.done = true;
    return memory;
  }

  void deallocate(T *memory, std::size_t count) noexcept {
    const abi::layout &layout = detail::layout_of<T>::value;
    if (layout.reference_count && count == 1)
      return detail::free_rooted(memory);
    remove(memory, count * layout.reference_count);
    std::allocator<T>().deallocate(memory, count);
  }

  template <class U>
  friend constexpr bool operator==(const rooted_allocator &, const rooted_allocator<U> &) noexcept {
    return true;
  }

private:
  // Takes everything back if a root cannot be added. No `catch`, which -fno-exceptions has not.
  struct adding {
    T *memory;
    std::size_t count, added = 0;
    bool done = false;

    ~adding() {
      if (done)
        return;
      remove(memory, added);
      std::allocator<T>().deallocate(memory, count);
    }
  };
  // The nth reference of an array that begins at `memory`.
  static detail::raw_ref *word(T *memory, std::size_t n) noexcept {
    const abi::layout &layout = detail::layout_of<T>::value;
    char *const element = reinterpret_cast<char *>(memory + n / layout.reference_count);
    return reinterpret_cast<detail::raw_ref *>(element + layout.reference_offsets[n % layout.reference_count]);
  }
  static void remove(T *memory, std::size_t count) noexcept {
    while (count)
      detail::remove_root(word(memory, --count));
  }
};

} // namespace stillpoint::gc

#endif
