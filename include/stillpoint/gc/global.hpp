// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// gc::global<T>: a reference outside of tasks and collected objects: in memory from new or malloc, in containers, in thread_local variables.
//
// Mechanism: each registers its own address as a root as long as it lives. That costs a lock, so it is for few and long-lived references; a
// plain gc::ref as a global variable needs none of it (the plugin lists those).
#ifndef STILLPOINT_GC_GLOBAL_HPP
#define STILLPOINT_GC_GLOBAL_HPP

#include <stillpoint/gc/ref.hpp>

#include <cstddef>

namespace stillpoint::gc {

/// A reference to a T, or null, that keeps its object alive wherever it is itself. Not for members of collected objects: those would never
/// die. May be made and destroyed on any thread; assigned and read by tasks, one at a time.
template <class T>
class global {
public:
  using element_type = T;

  /// Throws std::bad_alloc if there is no memory to register it.
  global() { add(); }
  global(const ref<T> &value) : value_(value) { add(); }
  global(const global &other) : value_(other.value_) { add(); }
  ~global() { detail::remove_root(reinterpret_cast<detail::raw_ref *>(&value_)); }

  global &operator=(const ref<T> &value) noexcept {
    value_ = value;
    return *this;
  }
  global &operator=(const global &other) noexcept {
    value_ = other.value_;
    return *this;
  }

  STILLPOINT_GC_INLINE operator ref<T>() const noexcept { return value_; }
  [[nodiscard]] STILLPOINT_GC_INLINE ref<T> get() const noexcept { return value_; }
  STILLPOINT_GC_INLINE explicit operator bool() const noexcept { return static_cast<bool>(value_); }
  STILLPOINT_GC_INLINE std::add_lvalue_reference_t<T> operator*() const noexcept { return *value_; }
  STILLPOINT_GC_INLINE T *operator->() const noexcept { return value_.operator->(); }

private:
  void add() { detail::add_root(reinterpret_cast<detail::raw_ref *>(&value_)); }

  ref<T> value_;
};

} // namespace stillpoint::gc

#endif
