// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// gc::element_pointer<T>: a reference with arithmetic, the pointer type of gc::allocator (a "fancy pointer"), and a random access iterator.
//
// Kept apart from gc::ref, which has no arithmetic as it refers to one object. Like it, one typed word, nullable, passed in a register. It may
// point behind the last element: the collected heap leaves room there, so that the pointer still lies in its object.
#ifndef STILLPOINT_GC_ELEMENT_POINTER_HPP
#define STILLPOINT_GC_ELEMENT_POINTER_HPP

#include <stillpoint/gc/ref.hpp>

#include <compare>
#include <cstddef>
#include <iterator>
#include <type_traits>

namespace stillpoint::gc {

/// A pointer to elements in the collected heap, or null. T may be const or void.
template <class T>
class [[clang::trivial_abi]] element_pointer {
public:
  using element_type = T;
  using value_type = std::remove_cv_t<T>;
  using difference_type = std::ptrdiff_t;
  using reference = std::add_lvalue_reference_t<T>;
  using pointer = element_pointer;
  using iterator_category = std::random_access_iterator_tag;
  using iterator_concept = std::contiguous_iterator_tag;
  using raw_type = detail::space<T> *;

  STILLPOINT_GC_INLINE constexpr element_pointer() noexcept : pointer_(nullptr) {}
  STILLPOINT_GC_INLINE constexpr element_pointer(std::nullptr_t) noexcept : pointer_(nullptr) {}
  STILLPOINT_GC_INLINE constexpr element_pointer(const element_pointer &other) noexcept : pointer_(other.pointer_) {}
  STILLPOINT_GC_INLINE constexpr element_pointer(element_pointer &&other) noexcept : pointer_(other.pointer_) {}
  ~element_pointer() = default;
  template <class U>
    requires(!std::is_same_v<U, T>) && detail::points_as<U, T>
  STILLPOINT_GC_INLINE constexpr element_pointer(const element_pointer<U> &other) noexcept : pointer_(other.raw()) {}
  /// Back from element_pointer<void>.
  template <class U>
    requires std::is_void_v<U> && (!std::is_void_v<T>)
  STILLPOINT_GC_INLINE constexpr explicit element_pointer(const element_pointer<U> &other) noexcept
      : pointer_(static_cast<raw_type>(other.raw())) {}

  STILLPOINT_GC_INLINE constexpr element_pointer &operator=(const element_pointer &other) noexcept {
    pointer_ = other.pointer_;
    return *this;
  }
  STILLPOINT_GC_INLINE constexpr element_pointer &operator=(element_pointer &&other) noexcept {
    pointer_ = other.pointer_;
    return *this;
  }
  STILLPOINT_GC_INLINE constexpr element_pointer &operator=(std::nullptr_t) noexcept {
    pointer_ = nullptr;
    return *this;
  }

  STILLPOINT_GC_INLINE static constexpr element_pointer from_raw(raw_type p) noexcept {
    element_pointer result;
    result.pointer_ = p;
    return result;
  }
  STILLPOINT_GC_INLINE constexpr raw_type raw() const noexcept { return pointer_; }
  /// For std::pointer_traits: `element` lies in the collected heap, or in the very object that will hold the pointer.
  STILLPOINT_GC_INLINE static element_pointer pointer_to(reference element) noexcept
    requires(!std::is_void_v<T>)
  {
    return from_raw(detail::to_space<T>(&element));
  }

  STILLPOINT_GC_INLINE constexpr explicit operator bool() const noexcept { return pointer_ != nullptr; }
  STILLPOINT_GC_INLINE constexpr reference operator*() const noexcept
    requires(!std::is_void_v<T>)
  {
    return *detail::to_pointer<T>(pointer_);
  }
  STILLPOINT_GC_INLINE constexpr T *operator->() const noexcept { return detail::to_pointer<T>(pointer_); }
  STILLPOINT_GC_INLINE constexpr reference operator[](difference_type n) const noexcept
    requires(!std::is_void_v<T>)
  {
    return detail::to_pointer<T>(pointer_)[n];
  }

  STILLPOINT_GC_INLINE constexpr element_pointer &operator++() noexcept { return *this += 1; }
  STILLPOINT_GC_INLINE constexpr element_pointer &operator--() noexcept { return *this -= 1; }
  STILLPOINT_GC_INLINE constexpr element_pointer operator++(int) noexcept {
    const element_pointer before = *this;
    *this += 1;
    return before;
  }
  STILLPOINT_GC_INLINE constexpr element_pointer operator--(int) noexcept {
    const element_pointer before = *this;
    *this -= 1;
    return before;
  }
  STILLPOINT_GC_INLINE constexpr element_pointer &operator+=(difference_type n) noexcept {
    pointer_ += n;
    return *this;
  }
  STILLPOINT_GC_INLINE constexpr element_pointer &operator-=(difference_type n) noexcept {
    pointer_ -= n;
    return *this;
  }

  STILLPOINT_GC_INLINE friend constexpr element_pointer operator+(const element_pointer &p, difference_type n) noexcept {
    return from_raw(p.pointer_ + n);
  }
  STILLPOINT_GC_INLINE friend constexpr element_pointer operator+(difference_type n, const element_pointer &p) noexcept {
    return from_raw(p.pointer_ + n);
  }
  STILLPOINT_GC_INLINE friend constexpr element_pointer operator-(const element_pointer &p, difference_type n) noexcept {
    return from_raw(p.pointer_ - n);
  }
  // As raw pointers: subtraction of references is not the compiler's business.
  STILLPOINT_GC_INLINE friend constexpr difference_type operator-(const element_pointer &a, const element_pointer &b) noexcept
    requires(!std::is_void_v<T>)
  {
    return detail::to_pointer<T>(a.pointer_) - detail::to_pointer<T>(b.pointer_);
  }
  STILLPOINT_GC_INLINE friend constexpr bool operator==(const element_pointer &a, const element_pointer &b) noexcept {
    return a.pointer_ == b.pointer_;
  }
  STILLPOINT_GC_INLINE friend constexpr std::strong_ordering operator<=>(const element_pointer &a, const element_pointer &b) noexcept {
    return std::compare_three_way()(detail::to_pointer<T>(a.pointer_), detail::to_pointer<T>(b.pointer_));
  }

private:
  raw_type pointer_;
};

} // namespace stillpoint::gc

#endif
