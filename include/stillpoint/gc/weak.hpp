// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// gc::weak<T>: a reference that does not keep its object alive.
//
// Mechanism: it refers to a cell in the collected heap, which copies share; the collector clears the cell's target when the object dies, in
// the same stop in which it decides that. So lock() needs no synchronisation with the collector.
#ifndef STILLPOINT_GC_WEAK_HPP
#define STILLPOINT_GC_WEAK_HPP

#include <stillpoint/gc/ref.hpp>

#include <cstddef>

namespace stillpoint::gc {

/// A weak reference to a T, or none. Itself a reference as far as where it may be kept is concerned (see gc::ref).
template <class T>
class [[clang::trivial_abi]] weak {
public:
  using element_type = T;

  STILLPOINT_GC_INLINE constexpr weak() noexcept : cell_(nullptr) {}
  STILLPOINT_GC_INLINE constexpr weak(std::nullptr_t) noexcept : cell_(nullptr) {}
  /// Allocates: tasks only, and it throws as gc::make does.
  weak(const ref<T> &target)
      : cell_(target ? detail::make_weak(const_cast<detail::raw_ref>(static_cast<const volatile detail::space<void> *>(target.raw())))
                     : nullptr) {}
  STILLPOINT_GC_INLINE constexpr weak(const weak &other) noexcept : cell_(other.cell_) {}
  STILLPOINT_GC_INLINE constexpr weak(weak &&other) noexcept : cell_(other.cell_) {}
  ~weak() = default;

  STILLPOINT_GC_INLINE constexpr weak &operator=(const weak &other) noexcept {
    cell_ = other.cell_;
    return *this;
  }
  STILLPOINT_GC_INLINE constexpr weak &operator=(weak &&other) noexcept {
    cell_ = other.cell_;
    return *this;
  }

  /// The object, or null if it has died (its destructor may be still to run) or there never was one.
  [[nodiscard]] STILLPOINT_GC_INLINE ref<T> lock() const noexcept {
    return ref<T>::from_raw(static_cast<detail::space<T> *>(detail::weak_target(cell_)));
  }
  /// Whether lock() would give null. True is final; false may have changed by the time it is looked at.
  [[nodiscard]] STILLPOINT_GC_INLINE bool expired() const noexcept { return !lock(); }
  STILLPOINT_GC_INLINE constexpr void reset() noexcept { cell_ = nullptr; }

private:
  detail::raw_ref cell_;
};

template <class T>
weak(ref<T>) -> weak<T>;

} // namespace stillpoint::gc

#endif
