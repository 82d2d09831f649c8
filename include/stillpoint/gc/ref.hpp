// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// gc::ref<T>: a pointer into the collected heap, or null, as fast as a raw pointer.
//
// Problem: the collector must know at every instruction which registers and slots hold references; the compiler must not pay for that.
//
// Mechanism: the class holds a pointer in address space 1, which the optimizer carries, typed, from end to end. It is passed in a register
// (trivial_abi), but is not trivially copyable: a class that is gets copied as an integer, and its type is lost.
//
// Invariants: every function here is inlined, also at -O0, to what a raw pointer would need. Objects do not move, so an address is as stable
// as that of any object. A raw pointer got from a reference keeps the object alive while it stays in the expression or the function's own
// variables that are derived from a live reference; not when it is stored elsewhere (docs/gc.md).
//
// Rejected: null checks (a raw pointer has none), a smart pointer with a handle table or shadow stack (every copy would cost).
#ifndef STILLPOINT_GC_REF_HPP
#define STILLPOINT_GC_REF_HPP

#include <stillpoint/gc/entry.hpp>
#include <stillpoint/gc/space.hpp>

#include <compare>
#include <cstddef>
#include <functional>
#include <type_traits>

namespace stillpoint::gc {

template <class T>
class ref;

namespace detail {

// The two directions between address spaces; neither costs an instruction.
template <class T>
STILLPOINT_GC_INLINE constexpr T *to_pointer(space<T> *p) noexcept {
  return (T *)p; // only a C-style cast changes the address space
}
template <class T>
STILLPOINT_GC_INLINE constexpr space<T> *to_space(T *p) noexcept {
  return (space<T> *)p;
}

template <class From, class To>
concept points_as = std::is_convertible_v<From *, To *>;

} // namespace detail

/// A reference to a T in the collected heap, or null. T may be const, void or incomplete. Copies like a raw pointer, so a moved-from reference
/// still refers to its object. Using a null reference with * or -> is undefined, as with raw pointers.
///
/// References belong to tasks: in local variables, parameters and results, captured in lambdas, in objects made by gc::make, in global
/// variables. In memory from new or malloc the collector does not see them: there use gc::global, or gc::allocator for containers.
/// Not for thread_local variables and not for exception objects.
template <class T>
class [[clang::trivial_abi]] ref {
public:
  static_assert(!std::is_reference_v<T> && !std::is_function_v<T>, "a reference refers to an object");
  static_assert(!std::is_array_v<T>, "arrays have their own kind of reference: gc::array");

  using element_type = T;
  using raw_type = detail::space<T> *;

  STILLPOINT_GC_INLINE constexpr ref() noexcept : pointer_(nullptr) {}
  STILLPOINT_GC_INLINE constexpr ref(std::nullptr_t) noexcept : pointer_(nullptr) {}
  STILLPOINT_GC_INLINE constexpr ref(const ref &other) noexcept : pointer_(other.pointer_) {}
  STILLPOINT_GC_INLINE constexpr ref(ref &&other) noexcept : pointer_(other.pointer_) {}
  ~ref() = default;

  /// From a reference to a derived class, to a less const T, or any to ref<void>; as raw pointers convert.
  template <class U>
    requires(!std::is_same_v<U, T>) && detail::points_as<U, T>
  STILLPOINT_GC_INLINE constexpr ref(const ref<U> &other) noexcept : pointer_(other.raw()) {}

  STILLPOINT_GC_INLINE constexpr ref &operator=(const ref &other) noexcept {
    pointer_ = other.pointer_;
    return *this;
  }
  STILLPOINT_GC_INLINE constexpr ref &operator=(ref &&other) noexcept {
    pointer_ = other.pointer_;
    return *this;
  }
  STILLPOINT_GC_INLINE constexpr ref &operator=(std::nullptr_t) noexcept {
    pointer_ = nullptr;
    return *this;
  }

  /// From a pointer in the collector's address space, as raw() gives it.
  STILLPOINT_GC_INLINE static constexpr ref from_raw(raw_type p) noexcept { return ref(from_raw_tag{}, p); }

  /// Not null.
  STILLPOINT_GC_INLINE constexpr explicit operator bool() const noexcept { return pointer_ != nullptr; }

  STILLPOINT_GC_INLINE constexpr std::add_lvalue_reference_t<T> operator*() const noexcept
    requires(!std::is_void_v<T>)
  {
    return *detail::to_pointer<T>(pointer_);
  }
  STILLPOINT_GC_INLINE constexpr T *operator->() const noexcept
    requires(!std::is_void_v<T>)
  {
    return detail::to_pointer<T>(pointer_);
  }

  /// The address, as a raw pointer. It keeps the object alive only as long as this function uses it or the reference: do not store it.
  STILLPOINT_GC_INLINE constexpr T *get() const noexcept { return detail::to_pointer<T>(pointer_); }

  /// The pointer in the collector's address space, for code that stores and passes it typed.
  STILLPOINT_GC_INLINE constexpr raw_type raw() const noexcept { return pointer_; }

  /// Whether both refer to the same address; also with null, and between classes of one hierarchy.
  STILLPOINT_GC_INLINE friend constexpr bool operator==(const ref &a, const ref &b) noexcept { return a.pointer_ == b.pointer_; }
  /// The order of addresses, a total one.
  STILLPOINT_GC_INLINE friend constexpr std::strong_ordering operator<=>(const ref &a, const ref &b) noexcept {
    return std::compare_three_way()(a.get(), b.get());
  }

private:
  struct from_raw_tag {};
  STILLPOINT_GC_INLINE constexpr ref(from_raw_tag, raw_type p) noexcept : pointer_(p) {}

  raw_type pointer_;
};

/// A reference to what `p` points to, which must be null or lie in the collected heap: an object made by gc::make, or a part of one, which
/// keeps the whole alive. For `this`, and for members: ref_to(&r->member).
template <class T>
STILLPOINT_GC_INLINE constexpr ref<T> ref_to(T *p) noexcept {
  return ref<T>::from_raw(detail::to_space<T>(p));
}

/// static_cast between references: down a class hierarchy (unchecked), or from ref<void>.
template <class To, class From>
STILLPOINT_GC_INLINE constexpr ref<To> static_pointer_cast(const ref<From> &r) noexcept {
  return ref<To>::from_raw(static_cast<detail::space<To> *>(r.raw()));
}

/// dynamic_cast between references; null if the object is no To.
template <class To, class From>
STILLPOINT_GC_INLINE ref<To> dynamic_pointer_cast(const ref<From> &r) noexcept {
  return ref_to(dynamic_cast<To *>(r.get()));
}

/// const_cast between references.
template <class To, class From>
STILLPOINT_GC_INLINE constexpr ref<To> const_pointer_cast(const ref<From> &r) noexcept {
  return ref<To>::from_raw(const_cast<detail::space<To> *>(r.raw()));
}

} // namespace stillpoint::gc

/// Of the address, which never changes.
template <class T>
struct std::hash<stillpoint::gc::ref<T>> {
  std::size_t operator()(const stillpoint::gc::ref<T> &r) const noexcept { return std::hash<T *>()(r.get()); }
};

#endif
