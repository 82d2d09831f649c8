// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The type that the compiler knows references by: pointers in address space 1 (passes/Markers.h). On x86-64 they have the same bits as any.
#ifndef STILLPOINT_GC_SPACE_HPP
#define STILLPOINT_GC_SPACE_HPP

#ifndef __STILLPOINT__
#error "references to collected memory need the compiler plugin: compile with -fplugin=stillpoint-plugin.so"
#endif

namespace stillpoint::gc::detail {

template <class T>
using space = T __attribute__((address_space(1)));

} // namespace stillpoint::gc::detail

/// Inlined at -O0 too; debuggers step over it.
#define STILLPOINT_GC_INLINE [[gnu::always_inline, gnu::artificial]] inline

#endif
