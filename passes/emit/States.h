// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the tables say of points, frames and fragments, as plain structs: what the machine pass hands over and the encoder writes.
//
// Invariant: nothing of LLVM is used here.
#ifndef STILLPOINT_PASSES_EMIT_STATES_H
#define STILLPOINT_PASSES_EMIT_STATES_H

#include "stillpoint/abi/map_format.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace stillpoint::emit {

/// The live registers of a point (liveness=full).
struct LiveSet {
  uint64_t General = 0;
  uint64_t Vector = 0;
  uint64_t Other = 0;
  bool operator==(const LiveSet &) const = default;
};

/// Everything the table says of a point.
struct PointState {
  enum class Standard : uint8_t { None, Prologue, Epilogue };
  abi::point_kind Kind = abi::kind_unsafe;
  abi::frame_form Form = abi::frame_unknown;
  bool VectorLive = true;
  bool HasLiveSet = false;
  bool CalleeMayStop = false;         // only of an unsafe state with a known frame
  bool CalleePinned = false;          // only with CalleeMayStop: on this thread
  Standard Sequence = Standard::None; // then only Kind counts, which is kind_safe, and the references
  uint32_t Depth = 0;                 // words, only with frame_explicit
  LiveSet Live;
  uint16_t RefRegisters = 0; // bit n: the general register with encoding number n holds a live reference
  std::vector<int32_t>
      RefSlots; // ascending, each once; words from the frame's slot base (FrameDescription::Base): below the CFA they are negative
  bool RootsReady = false; // the frame's stack roots hold references or null here
  bool operator==(const PointState &) const = default;
};

/// What slots and stack roots are counted from.
enum class SlotBase : uint8_t {
  Cfa,          // the CFA: every frame whose locals have a fixed distance to it
  StackPointer, // RSP in the whole frame: realigned frames
  BasePointer   // RBX: realigned frames with dynamic areas
};

/// How a state is written: a code, and for state_escape the index of an own state.
struct StateRef {
  abi::state_code Code = abi::state_unsafe;
  uint32_t Own = 0;
  bool operator==(const StateRef &) const = default;
};

/// The frame that a fragment's map describes.
struct FrameDescription {
  uint8_t Saved = 0;
  bool CfaIsRbp = false;
  bool ExplicitSlots = false;
  bool Nosplit = false;
  uint32_t Words = 1;
  uint32_t Slots[abi::saved_register_count] = {}; // (CFA - address) / 8, only with ExplicitSlots
  SlotBase Base = SlotBase::Cfa;
  std::vector<int32_t> StackRoots; // ascending words from Base: references or null at every point with RootsReady
};

template <typename Label>
struct Run {
  Label From, To;
  StateRef State;
  uint32_t MostBytes = ~0u; // no fewer than the run will have; only inline maps ask
};

/// Points of an unchecked copy: those from From on stand for those from Checked on, at the same distances; if Fixed, all stand for Checked itself.
template <typename Label>
struct CopyPiece {
  Label From, To;
  Label Checked;
  bool Fixed = false;
};

template <typename Label>
struct Fragment {
  FrameDescription Frame;
  std::vector<PointState> OwnStates;
  std::vector<Run<Label>> Runs;
  std::vector<std::vector<CopyPiece<Label>>> Copies; // stretches of unchecked copies, pieces without gaps; in the order of the code
};

inline bool hasReferences(const PointState &S) { return S.RefRegisters || !S.RefSlots.empty() || S.RootsReady; }

/// The state's own code if it has one, else state_escape.
inline abi::state_code commonCode(const PointState &S) {
  if (S.Sequence == PointState::Standard::None && S.Kind == abi::kind_unsafe && S.Form == abi::frame_unknown)
    return abi::state_unsafe; // nobody looks for references there
  if (hasReferences(S))
    return abi::state_escape;
  if (S.Sequence == PointState::Standard::Prologue)
    return abi::state_prologue;
  if (S.Sequence == PointState::Standard::Epilogue)
    return abi::state_epilogue;
  if (S.Kind != abi::kind_safe || S.HasLiveSet)
    return abi::state_escape;
  if (S.Form == abi::frame_whole)
    return S.VectorLive ? abi::state_safe_vector : abi::state_safe;
  return S.Form == abi::frame_entry ? abi::state_entry : abi::state_escape;
}

/// The state that a common code stands for, but for what it leaves open (vector registers where they are taken as live).
inline PointState commonState(abi::state_code Code) {
  PointState S;
  if (Code == abi::state_unsafe)
    return S;
  S.Kind = abi::kind_safe;
  S.VectorLive = Code != abi::state_safe;
  switch (Code) {
  case abi::state_prologue:
    S.Sequence = PointState::Standard::Prologue;
    break;
  case abi::state_epilogue:
    S.Sequence = PointState::Standard::Epilogue;
    break;
  default:
    S.Form = Code == abi::state_entry ? abi::frame_entry : abi::frame_whole;
    break;
  }
  return S;
}

/// Finds or adds the way to write `S`. The first own state gets the short code.
inline StateRef internState(std::vector<PointState> &Own, const PointState &S) {
  abi::state_code Code = commonCode(S);
  if (Code != abi::state_escape)
    return {Code, 0};
  for (size_t I = Own.size(); I-- > 0;)
    if (Own[I] == S)
      return {I == 0 ? abi::state_own_0 : abi::state_escape, static_cast<uint32_t>(I)};
  Own.push_back(S);
  auto Index = static_cast<uint32_t>(Own.size() - 1);
  return {Index == 0 ? abi::state_own_0 : abi::state_escape, Index};
}

inline unsigned ownFlags(const PointState &S) {
  return S.Kind | (S.VectorLive ? abi::own_vector_live : 0) | (static_cast<unsigned>(S.Form) << abi::own_frame_shift) |
         (S.HasLiveSet ? abi::own_has_live_set : 0) | (S.CalleeMayStop ? abi::own_callee_may_stop : 0) |
         (S.CalleePinned ? abi::own_callee_pinned : 0);
}

/// The state that a run of the fragment names.
inline PointState stateOf(const StateRef &R, const std::vector<PointState> &Own) {
  return R.Code == abi::state_own_0 || R.Code == abi::state_escape ? Own[R.Own] : commonState(R.Code);
}

template <typename Sink>
void encodeOwnState(Sink &Out, const PointState &S) {
  Out.uleb(ownFlags(S));
  if (S.Form == abi::frame_explicit)
    Out.uleb(S.Depth);
  if (!S.HasLiveSet)
    return;
  Out.uleb(S.Live.General);
  Out.uleb(S.Live.Vector);
  Out.uleb(S.Live.Other);
}

inline size_t ulebSize(uint64_t V) {
  size_t Bytes = 1;
  for (; V >= 0x80; V >>= 7)
    ++Bytes;
  return Bytes;
}

/// Collects bytes; labels are offsets.
class ByteSink {
public:
  std::vector<uint8_t> Bytes;
  void byte(uint8_t B) { Bytes.push_back(B); }
  void uleb(uint64_t V) {
    for (; V >= 0x80; V >>= 7)
      byte(static_cast<uint8_t>(V | 0x80));
    byte(static_cast<uint8_t>(V));
  }
  void run(uint64_t From, uint64_t To, unsigned Bits, unsigned Code, const PointState &) { uleb((To - From) << Bits | Code); }
};

} // namespace stillpoint::emit

#endif
