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

// Function attributes.
inline constexpr char NosplitAttribute[] = "stillpoint-nosplit";   // every point is unsafe
inline constexpr char IgnoreAttribute[] = "stillpoint-ignore";     // no table at all: the plugin's own code
inline constexpr char LivenessAttribute[] = "stillpoint-liveness"; // "full": live sets of every class; absent: what the collector needs

} // namespace stillpoint

#endif
