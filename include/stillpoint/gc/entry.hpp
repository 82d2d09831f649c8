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

namespace stillpoint::gc::detail {

/// A pointer into the collected heap, or null.
using raw_ref = void __attribute__((address_space(1))) *;

/// The layout of T. Declared here for every type, defined by the compiler plugin for those that are used: an undefined reference at link time
/// means that the file was compiled without it.
template <class T>
struct layout_of {
  static abi::layout value;
};

/// Memory for one object, zeroed, aligned as the layout says. Tasks only (std::logic_error elsewhere); throws std::bad_alloc beyond the hard
/// limit. May collect, so the caller's references must be where the tables say: managed code only.
STILLPOINT_API raw_ref allocate(abi::layout &type);

/// Memory for `count` elements behind a header of 16 bytes that begins with `count`; the result points to the header. `header` false: without
/// it (a container's buffer). Throws std::bad_array_new_length if the size overflows.
STILLPOINT_API raw_ref allocate_array(abi::layout &element, std::size_t count, bool header);

/// The object is whole: its destructor is to be run when it dies. Only for layouts with `destroy`; without it an object whose constructor has
/// thrown is never destroyed.
STILLPOINT_API void constructed(raw_ref object, abi::layout &type) noexcept;

/// A weak cell for `object`: an object of its own whose target is forgotten when `object` dies. weak_target gives a reference or null.
STILLPOINT_API raw_ref make_weak(raw_ref object);
STILLPOINT_API raw_ref weak_target(raw_ref cell) noexcept;

/// Registers `address`, a variable outside of the collected heap that holds one reference, as a root, or takes it back. Any thread.
STILLPOINT_API void add_root(raw_ref *address);
STILLPOINT_API void remove_root(raw_ref *address) noexcept;

/// Memory outside of the collected heap for one object of `type`, whose references are roots until it is given back (closures of tasks).
STILLPOINT_API void *allocate_rooted(abi::layout &type);
STILLPOINT_API void free_rooted(void *object) noexcept;

} // namespace stillpoint::gc::detail

/// What compiled code calls while references are being marked (passes/ir/WriteBarrier.cpp): `stored` has just been stored to memory that the
/// collector may have looked at already. Keeps all registers but R11, never parks, never collects.
extern "C" STILLPOINT_API void __stillpoint_write_barrier(stillpoint::gc::detail::raw_ref stored) noexcept;

#endif
