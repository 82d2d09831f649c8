// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// gc::atomic<ref<T>> and gc::atomic_ref: references that several tasks read and write at the same time, without locks.
//
// Problem: Clang turns every atomic operation on a pointer into one on an integer, in which the collector's compiler passes do not see the
// reference.
//
// Mechanism: the operations are calls of four functions that nobody defines; the plugin replaces each by one atomic instruction on a pointer
// in address space 1 (passes/ir/ReferenceAtomics.cpp).
//
// Memory orders are taken as in std::atomic; what is done may be stronger than what was asked for (on x86-64 that costs nothing, but for
// stores that are sequentially consistent).
#ifndef STILLPOINT_GC_ATOMIC_HPP
#define STILLPOINT_GC_ATOMIC_HPP

#include <stillpoint/gc/array.hpp>
#include <stillpoint/gc/ref.hpp>

#include <atomic>
#include <type_traits>

extern "C" {
stillpoint::gc::detail::raw_ref __stillpoint_reference_load(const stillpoint::gc::detail::raw_ref *from) noexcept;
void __stillpoint_reference_store(stillpoint::gc::detail::raw_ref *to, stillpoint::gc::detail::raw_ref value) noexcept; // release
stillpoint::gc::detail::raw_ref __stillpoint_reference_exchange(stillpoint::gc::detail::raw_ref *to,
                                                                stillpoint::gc::detail::raw_ref value) noexcept;
// Gives what was there before; it has stored `desired` if that is `expected`.
stillpoint::gc::detail::raw_ref __stillpoint_reference_compare_exchange(stillpoint::gc::detail::raw_ref *at,
                                                                        stillpoint::gc::detail::raw_ref expected,
                                                                        stillpoint::gc::detail::raw_ref desired) noexcept;
}

namespace stillpoint::gc {

namespace detail {

// gc::ref and gc::array: one word.
template <class R>
concept one_reference = requires(typename R::raw_type raw) {
  { R::from_raw(raw) } -> std::same_as<R>;
} && sizeof(R) == sizeof(raw_ref);

// The operations on one word, whoever owns it.
template <one_reference R>
class atomic_word {
public:
  using value_type = R;
  static constexpr bool is_always_lock_free = true;
  [[nodiscard]] bool is_lock_free() const noexcept { return true; }

protected:
  STILLPOINT_GC_INLINE static R load(const R *at) noexcept {
    return typed(__stillpoint_reference_load(reinterpret_cast<const raw_ref *>(at)));
  }
  STILLPOINT_GC_INLINE static void store(R *at, R value, std::memory_order order) noexcept {
    if (order == std::memory_order_seq_cst)
      static_cast<void>(__stillpoint_reference_exchange(reinterpret_cast<raw_ref *>(at), value.raw()));
    else
      __stillpoint_reference_store(reinterpret_cast<raw_ref *>(at), value.raw());
  }
  STILLPOINT_GC_INLINE static R exchange(R *at, R value) noexcept {
    return typed(__stillpoint_reference_exchange(reinterpret_cast<raw_ref *>(at), value.raw()));
  }
  STILLPOINT_GC_INLINE static bool compare_exchange(R *at, R &expected, R desired) noexcept {
    const R before = typed(__stillpoint_reference_compare_exchange(reinterpret_cast<raw_ref *>(at), expected.raw(), desired.raw()));
    if (before == expected)
      return true;
    expected = before;
    return false;
  }

private:
  STILLPOINT_GC_INLINE static R typed(raw_ref p) noexcept { return R::from_raw(static_cast<typename R::raw_type>(p)); }
};

} // namespace detail

/// std::atomic for references: gc::atomic<gc::ref<T>>, gc::atomic<gc::array<T>>. Lock-free. Any task; the collector sees the reference in it
/// wherever it would see a gc::ref.
template <detail::one_reference R>
class atomic : public detail::atomic_word<R> {
  using word = detail::atomic_word<R>;

public:
  constexpr atomic() noexcept = default;
  STILLPOINT_GC_INLINE constexpr atomic(R value) noexcept : value_(value) {}
  atomic(const atomic &) = delete;
  atomic &operator=(const atomic &) = delete;

  [[nodiscard]] STILLPOINT_GC_INLINE R load(std::memory_order = std::memory_order_seq_cst) const noexcept { return word::load(&value_); }
  STILLPOINT_GC_INLINE void store(R value, std::memory_order order = std::memory_order_seq_cst) noexcept {
    word::store(&value_, value, order);
  }
  STILLPOINT_GC_INLINE R exchange(R value, std::memory_order = std::memory_order_seq_cst) noexcept {
    return word::exchange(&value_, value);
  }
  /// Stores `desired` and gives true if the value is `expected`; else puts the value into `expected`.
  STILLPOINT_GC_INLINE bool compare_exchange_strong(R &expected, R desired, std::memory_order = std::memory_order_seq_cst,
                                                    std::memory_order = std::memory_order_seq_cst) noexcept {
    return word::compare_exchange(&value_, expected, desired);
  }
  /// The same: it never fails without reason here.
  STILLPOINT_GC_INLINE bool compare_exchange_weak(R &expected, R desired, std::memory_order = std::memory_order_seq_cst,
                                                  std::memory_order = std::memory_order_seq_cst) noexcept {
    return word::compare_exchange(&value_, expected, desired);
  }

  STILLPOINT_GC_INLINE operator R() const noexcept { return load(); }
  STILLPOINT_GC_INLINE R operator=(R value) noexcept {
    store(value);
    return value;
  }

private:
  R value_;
};

/// std::atomic_ref for references: atomic operations on a gc::ref or gc::array that is declared elsewhere. While one exists for it, every
/// access to that reference goes through such an object.
template <detail::one_reference R>
class atomic_ref : public detail::atomic_word<R> {
  using word = detail::atomic_word<R>;

public:
  STILLPOINT_GC_INLINE explicit atomic_ref(R &target) noexcept : target_(&target) {}
  atomic_ref(const atomic_ref &) noexcept = default;
  atomic_ref &operator=(const atomic_ref &) = delete;

  [[nodiscard]] STILLPOINT_GC_INLINE R load(std::memory_order = std::memory_order_seq_cst) const noexcept { return word::load(target_); }
  STILLPOINT_GC_INLINE void store(R value, std::memory_order order = std::memory_order_seq_cst) const noexcept {
    word::store(target_, value, order);
  }
  STILLPOINT_GC_INLINE R exchange(R value, std::memory_order = std::memory_order_seq_cst) const noexcept {
    return word::exchange(target_, value);
  }
  STILLPOINT_GC_INLINE bool compare_exchange_strong(R &expected, R desired, std::memory_order = std::memory_order_seq_cst,
                                                    std::memory_order = std::memory_order_seq_cst) const noexcept {
    return word::compare_exchange(target_, expected, desired);
  }
  STILLPOINT_GC_INLINE bool compare_exchange_weak(R &expected, R desired, std::memory_order = std::memory_order_seq_cst,
                                                  std::memory_order = std::memory_order_seq_cst) const noexcept {
    return word::compare_exchange(target_, expected, desired);
  }

  STILLPOINT_GC_INLINE operator R() const noexcept { return load(); }
  STILLPOINT_GC_INLINE R operator=(R value) const noexcept {
    store(value);
    return value;
  }

private:
  R *target_;
};

} // namespace stillpoint::gc

#endif
