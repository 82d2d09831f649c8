// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The names by which the front end, the IR passes and the machine pass speak to each other: they travel in IR, so they have to survive
// bitcode, and stand in one place.
#ifndef STILLPOINT_PASSES_MARKERS_H
#define STILLPOINT_PASSES_MARKERS_H

namespace stillpoint {

// Inline assembly (volatile, clobbers memory, no operands, no code) that opens and closes an unsafe region of the function that it ends up
// in. Regions nest (a function with a region is inlined into another region), so the depth counts; where control flow joins, the deepest.
inline constexpr char UnsafeBeginMarker[] = "#stillpoint.unsafe.begin";
inline constexpr char UnsafeEndMarker[] = "#stillpoint.unsafe.end";

// References (pointers in address space 1), from the end of IR optimization to the machine pass. None of these becomes an instruction.
//
//   RefMarker    inline assembly "=r,0" without side effects: its result is a reference, in whatever register it got.
//   KeepMarker   volatile inline assembly with one reference as its input: that reference is live up to here.
//   RootsMarker  volatile inline assembly that clobbers memory, with every stack object of the function that holds references as an indirect memory
//                operand: from here on, on every path, these objects hold references or null where their RootsMetadata says.
//   RootsMetadata  on an alloca (AllocaInst; the machine pass finds it by MachineFrameInfo::getObjectAllocation): one i64 for each offset in
//                  bytes, a multiple of 8, at which the object holds a reference once the RootsMarker is passed.
//   MembersMetadata  on an alloca, until it becomes a root: any of its words may hold a raw pointer that keeps its object alive.
//   EntryUnsafeAttribute  on a function: every point up to its RootsMarker is unsafe (it was passed references in memory and moves them first).
//   UndescribedAttribute  on a function: it holds references that no table can name. All its points are unsafe, and its callees may not be stopped.
inline constexpr unsigned ReferenceAddressSpace = 1;
inline constexpr char RefMarker[] = "#stillpoint.ref";
inline constexpr char KeepMarker[] = "#stillpoint.keep";
inline constexpr char RootsMarker[] = "#stillpoint.roots";
inline constexpr char RootsMetadata[] = "stillpoint.roots";
inline constexpr char MembersMetadata[] = "stillpoint.members";
inline constexpr char EntryUnsafeAttribute[] = "stillpoint-entry-unsafe";
inline constexpr char UndescribedAttribute[] = "stillpoint-undescribed";

// The runtime's write barrier: preserves nearly all registers, and never parks nor collects, so that nobody looks at its callers' frames.
inline constexpr char WriteBarrierFunction[] = "__stillpoint_write_barrier";

// Function attributes.
inline constexpr char NosplitAttribute[] = "stillpoint-nosplit";   // every point is unsafe
inline constexpr char IgnoreAttribute[] = "stillpoint-ignore";     // no table at all: the plugin's own code
inline constexpr char LivenessAttribute[] = "stillpoint-liveness"; // "full": live sets of every class; absent: what the collector needs

} // namespace stillpoint

#endif
