// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// gc::array<T>: a reference to an array in the collected heap that knows its length.
//
//   offset 0   std::size_t  the number of elements
//          8   padding
//         16   the elements
//
// Invariant: the length never changes, so it is read once in a loop. Like gc::ref it is one pointer, copied as one, and nullable.
//
// Rejected: pointer and length side by side (two words in every object that holds one, and no atomic store).
#ifndef STILLPOINT_GC_ARRAY_HPP
#define STILLPOINT_GC_ARRAY_HPP

#include <stillpoint/gc/make.hpp>
#include <stillpoint/gc/ref.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <stdexcept>
#include <type_traits>

namespace stillpoint::gc {

template <class T>
class array;

namespace detail {

struct alignas(16) array_header {
  std::size_t count;
};
static_assert(sizeof(array_header) == 16);

[[noreturn, gnu::cold, gnu::noinline]] inline void throw_out_of_range() {
#ifdef __cpp_exceptions
  throw std::out_of_range("stillpoint::gc::array: index beyond the length");
#else
  std::abort();
#endif
}

} // namespace detail

/// A reference to an array of T, or null. Copies refer to the same elements. A null array has no length: size(), [] and iteration on it are
/// undefined, as with a null pointer.
template <class T>
class [[clang::trivial_abi]] array {
public:
  static_assert(std::is_object_v<T> && !std::is_array_v<T>);
  static_assert(alignof(T) <= alignof(detail::array_header), "elements of gc::array are aligned to 16 bytes at most");

  using value_type = std::remove_cv_t<T>;
  using element_type = T;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using reference = T &;
  using pointer = T *;
  using iterator = T *;
  using raw_type = detail::space<detail::array_header> *;

  STILLPOINT_GC_INLINE constexpr array() noexcept : header_(nullptr) {}
  STILLPOINT_GC_INLINE constexpr array(std::nullptr_t) noexcept : header_(nullptr) {}
  STILLPOINT_GC_INLINE constexpr array(const array &other) noexcept : header_(other.header_) {}
  STILLPOINT_GC_INLINE constexpr array(array &&other) noexcept : header_(other.header_) {}
  ~array() = default;
  /// array<T> converts to array<const T>.
  template <class U>
    requires std::is_same_v<const U, T>
  STILLPOINT_GC_INLINE constexpr array(const array<U> &other) noexcept : header_(other.raw()) {}

  STILLPOINT_GC_INLINE constexpr array &operator=(const array &other) noexcept {
    header_ = other.header_;
    return *this;
  }
  STILLPOINT_GC_INLINE constexpr array &operator=(array &&other) noexcept {
    header_ = other.header_;
    return *this;
  }
  STILLPOINT_GC_INLINE constexpr array &operator=(std::nullptr_t) noexcept {
    header_ = nullptr;
    return *this;
  }

  /// Not null.
  STILLPOINT_GC_INLINE constexpr explicit operator bool() const noexcept { return header_ != nullptr; }

  STILLPOINT_GC_INLINE std::size_t size() const noexcept { return detail::to_pointer<detail::array_header>(header_)->count; }
  STILLPOINT_GC_INLINE bool empty() const noexcept { return size() == 0; }

  /// The first element's address. It keeps the array alive only as long as this function uses it: do not store it.
  STILLPOINT_GC_INLINE T *data() const noexcept { return reinterpret_cast<T *>(detail::to_pointer<detail::array_header>(header_) + 1); }
  STILLPOINT_GC_INLINE T *begin() const noexcept { return data(); }
  STILLPOINT_GC_INLINE T *end() const noexcept { return data() + size(); }

  /// Undefined if `i` is not below size().
  STILLPOINT_GC_INLINE T &operator[](std::size_t i) const noexcept { return data()[i]; }
  /// Throws std::out_of_range if `i` is not below size().
  STILLPOINT_GC_INLINE T &at(std::size_t i) const {
    if (i >= size()) [[unlikely]]
      detail::throw_out_of_range();
    return data()[i];
  }
  STILLPOINT_GC_INLINE T &front() const noexcept { return data()[0]; }
  STILLPOINT_GC_INLINE T &back() const noexcept { return data()[size() - 1]; }

  /// A reference to one element, which keeps the whole array alive.
  STILLPOINT_GC_INLINE ref<T> ref_at(std::size_t i) const noexcept {
    return ref<T>::from_raw(reinterpret_cast<detail::space<T> *>(header_ + 1) + i);
  }
  /// A view, which does not keep the array alive by itself: keep a copy of the array beside it.
  STILLPOINT_GC_INLINE std::span<T> span() const noexcept { return {data(), size()}; }

  STILLPOINT_GC_INLINE static constexpr array from_raw(raw_type p) noexcept {
    array result;
    result.header_ = p;
    return result;
  }
  STILLPOINT_GC_INLINE constexpr raw_type raw() const noexcept { return header_; }

  /// Whether both refer to the same array.
  STILLPOINT_GC_INLINE friend constexpr bool operator==(const array &a, const array &b) noexcept { return a.header_ == b.header_; }

private:
  raw_type header_;
};

namespace detail {

// Zeroed memory is what value-initialisation would make of it.
template <class T>
inline constexpr bool zero_is_value = std::is_trivially_default_constructible_v<T>;
template <class T>
inline constexpr bool zero_is_value<ref<T>> = true;
template <class T>
inline constexpr bool zero_is_value<array<T>> = true;

template <class T>
STILLPOINT_GC_INLINE array<T> allocate_elements(std::size_t count) {
  return array<T>::from_raw(static_cast<space<array_header> *>(allocate_array(layout_of<T>::value, count, true)));
}

// Registers the destructors, once all elements are whole.
template <class T>
STILLPOINT_GC_INLINE array<T> whole(array<T> made) {
  if constexpr (!dies_silently<T>)
    constructed(made.raw(), layout_of<T>::value);
  return made;
}

} // namespace detail

/// Makes an array of `count` value-initialised elements (numbers are 0, references null). If an element's constructor throws, those made
/// before it are destroyed. Tasks only, as gc::make; throws std::bad_array_new_length if the size overflows.
template <class T>
  requires detail::managed<T> && std::is_default_constructible_v<T>
[[nodiscard]] STILLPOINT_GC_INLINE array<T> make_array(std::size_t count) {
  const array<T> made = detail::allocate_elements<T>(count);
  if constexpr (!detail::zero_is_value<T>)
    std::uninitialized_value_construct_n(made.data(), count);
  return detail::whole(made);
}

/// The same with `count` copies of `value`.
template <class T>
  requires detail::managed<T> && std::is_copy_constructible_v<T>
[[nodiscard]] STILLPOINT_GC_INLINE array<T> make_array(std::size_t count, const T &value) {
  const array<T> made = detail::allocate_elements<T>(count);
  std::uninitialized_fill_n(made.data(), count, value);
  return detail::whole(made);
}

/// The same with copies of the elements of `values`.
template <class T>
  requires detail::managed<std::remove_cv_t<T>> && std::is_copy_constructible_v<std::remove_cv_t<T>>
[[nodiscard]] STILLPOINT_GC_INLINE array<std::remove_cv_t<T>> make_array(std::span<T> values) {
  const auto made = detail::allocate_elements<std::remove_cv_t<T>>(values.size());
  std::uninitialized_copy_n(values.data(), values.size(), made.data());
  return detail::whole(made);
}

} // namespace stillpoint::gc

/// Of the address, which never changes.
template <class T>
struct std::hash<stillpoint::gc::array<T>> {
  std::size_t operator()(const stillpoint::gc::array<T> &a) const noexcept { return std::hash<const void *>()(a ? a.data() : nullptr); }
};

#endif
