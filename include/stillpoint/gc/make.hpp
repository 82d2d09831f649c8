// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// gc::make<T>(…): an object in the collected heap.
//
// Invariant: an object whose constructor has thrown is never destroyed, only its memory is reclaimed; its destructor, if it has one worth
// calling, is registered after the constructor has returned.
#ifndef STILLPOINT_GC_MAKE_HPP
#define STILLPOINT_GC_MAKE_HPP

#include <stillpoint/gc/ref.hpp>

#include <new>
#include <type_traits>
#include <utility>

namespace stillpoint::gc {

/// Whether objects of type T die without a call of their destructor, as those with a trivial one do. Specialise it as true for a class whose
/// destructor only gives back memory of the collected heap (a member std::vector with gc::allocator): the collector does that by itself.
template <class T>
inline constexpr bool dies_silently = std::is_trivially_destructible_v<T>;

namespace detail {

template <class T>
concept managed = std::is_object_v<T> && !std::is_array_v<T> && std::is_nothrow_destructible_v<T>;

} // namespace detail

/// Makes a T, constructed as by T(args…), that lives until no reference leads to it. Its destructor then runs some time later, in a task of
/// its own; what its members refer to is still whole by then, unless it was destroyed before it: destructors run in no certain order.
/// Without arguments the memory is zero before the default constructor runs.
///
/// Tasks only: throws std::logic_error elsewhere; std::bad_alloc beyond the heap's limit; and what T's constructor throws.
template <class T, class... Args>
  requires detail::managed<T> && std::is_constructible_v<T, Args...>
[[nodiscard]] STILLPOINT_GC_INLINE ref<T> make(Args &&...args) {
  using object = std::remove_cv_t<T>;
  abi::layout &layout = detail::layout_of<object>::value;
  const ref<object> made = static_pointer_cast<object>(ref<void>::from_raw(detail::allocate(layout)));
  if constexpr (sizeof...(Args) == 0)
    ::new (static_cast<void *>(made.get())) object; // zeroed already: T() would do it again
  else
    ::new (static_cast<void *>(made.get())) object(std::forward<Args>(args)...);
  if constexpr (!dies_silently<object>)
    detail::constructed(made.raw(), layout);
  return made;
}

} // namespace stillpoint::gc

#endif
