// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions of the runtime that the headers of include/stillpoint/gc call; not for users. Raw references (pointers in address space 1)
// come and go typed, so that the compiler sees them.
#ifndef STILLPOINT_GC_ENTRY_HPP
#define STILLPOINT_GC_ENTRY_HPP

#include <stillpoint/abi/layout_format.h>
#include <stillpoint/export.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace stillpoint::gc::detail {

/// A pointer into the collected heap, or null.
using raw_ref = void __attribute__((address_space(1))) *;

/// What every layout refers to until the plugin has completed it (plugin/Layouts.cpp). Nobody defines it: that it is undefined at link
/// time means that a file with references went through a compiler without the plugin's front end.
extern "C" const std::uint32_t stillpoint_layouts_need_the_compiler_plugin[];

template <class T>
void destroy(void *object) {
  static_cast<T *>(object)->~T();
}

template <class T>
constexpr void (*destroyer())(void *) {
  if constexpr (std::is_trivially_destructible_v<T>)
    return nullptr;
  else
    return &destroy<T>;
}

/// The layout of T. Where it is used, Clang makes it from this template, in the usual linkage for T, and the plugin puts in the references
/// and the name.
template <class T>
struct layout_of {
  static_assert(std::is_object_v<T> && !std::is_const_v<T> && !std::is_volatile_v<T>);
  [[gnu::visibility("hidden")]] static inline constinit abi::layout value = {
      abi::layout_version, sizeof(T), alignof(T), 0, stillpoint_layouts_need_the_compiler_plugin, 0, destroyer<T>(), nullptr, {}};
};

/// Memory for one object, zeroed, aligned as the layout says. Tasks only (std::logic_error elsewhere); throws std::bad_alloc beyond the
/// hard limit. May collect, so the caller's references must be where the tables say: managed code only.
STILLPOINT_API raw_ref allocate(abi::layout &type);

/// Memory for `count` elements behind a header of 16 bytes that begins with `count`; the result points to the header. `header` false:
/// without it (a container's buffer). Throws std::bad_array_new_length if the size overflows.
STILLPOINT_API raw_ref allocate_array(abi::layout &element, std::size_t count, bool header);

/// The object is whole: its destructor is to be run when it dies. Only for layouts with `destroy`; without it an object whose constructor
/// has thrown is never destroyed.
STILLPOINT_API void constructed(raw_ref object, abi::layout &type) noexcept;

/// A weak cell for `object`: an object of its own whose target is forgotten when `object` dies. weak_target gives a reference or null.
STILLPOINT_API raw_ref make_weak(raw_ref object);
STILLPOINT_API raw_ref weak_target(raw_ref cell) noexcept;

/// Registers `address`, a variable outside of the collected heap that holds one reference, as a root, or takes it back. Any thread.
STILLPOINT_API void add_root(raw_ref *address);
STILLPOINT_API void remove_root(raw_ref *address) noexcept;

/// Memory outside of the collected heap for `count` objects of `type`, zeroed, whose references are roots until it is given back (closures of
/// tasks, buffers of channels). Throws std::bad_alloc.
STILLPOINT_API void *allocate_rooted(abi::layout &type, std::size_t count = 1);
STILLPOINT_API void free_rooted(void *object) noexcept;

} // namespace stillpoint::gc::detail

/// What compiled code calls while references are being marked (passes/ir/WriteBarrier.cpp): `stored` has just been stored to memory that
/// the collector may have looked at already. Keeps all registers but R11, never parks, never collects.
extern "C" STILLPOINT_API void __stillpoint_write_barrier(stillpoint::gc::detail::raw_ref stored) noexcept;

/// What compiled code calls instead of memmove where the memory holds references and the copy is large, of unknown size, or may overlap
/// (passes/ir/ReferenceMemory.cpp). `to` and `from` are equally far from a multiple of 8. May be a place where the task is stopped.
extern "C" STILLPOINT_API void __stillpoint_copy_references(void *to, const void *from, std::size_t bytes);

#endif
