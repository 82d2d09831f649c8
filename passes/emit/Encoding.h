// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns the description of one fragment into the bytes that include/stillpoint/abi/map_format.h draws.
//
// Mechanism: plain structs describe the frame, the state of a point and the runs; `encodeMap` walks them in the format's order and hands
// every piece to a sink. The assembly printer is one sink (a length is a difference of two labels there), a vector of bytes another (a
// length is a number), so the encoding is tested without an assembler.
//
// Invariant: nothing of LLVM is used here.
#ifndef STILLPOINT_PASSES_EMIT_ENCODING_H
#define STILLPOINT_PASSES_EMIT_ENCODING_H

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
  Standard Sequence = Standard::None; // then only Kind counts, and it is kind_safe
  uint32_t Depth = 0;                 // words, only with frame_explicit
  LiveSet Live;
  bool operator==(const PointState &) const = default;
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
};

template <typename Label> struct Run {
  Label From, To;
  StateRef State;
};

template <typename Label> struct Fragment {
  FrameDescription Frame;
  std::vector<PointState> OwnStates;
  std::vector<Run<Label>> Runs;
};

/// The state's own code if it has one, else state_escape.
inline abi::state_code commonCode(const PointState &S) {
  if (S.Sequence == PointState::Standard::Prologue)
    return abi::state_prologue;
  if (S.Sequence == PointState::Standard::Epilogue)
    return abi::state_epilogue;
  if (S.Kind == abi::kind_unsafe && S.Form == abi::frame_unknown)
    return abi::state_unsafe;
  if (S.Kind != abi::kind_safe || S.HasLiveSet)
    return abi::state_escape;
  if (S.Form == abi::frame_whole)
    return S.VectorLive ? abi::state_safe_vector : abi::state_safe;
  return S.Form == abi::frame_entry ? abi::state_entry : abi::state_escape;
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
         (S.HasLiveSet ? abi::own_has_live_set : 0);
}

template <typename Sink> void encodeOwnState(Sink &Out, const PointState &S) {
  Out.uleb(ownFlags(S));
  if (S.Form == abi::frame_explicit)
    Out.uleb(S.Depth);
  if (!S.HasLiveSet)
    return;
  Out.uleb(S.Live.General);
  Out.uleb(S.Live.Vector);
  Out.uleb(S.Live.Other);
}

template <typename Sink> void encodeFrame(Sink &Out, const FrameDescription &F, bool HasOwnStates) {
  unsigned Extension = (F.ExplicitSlots ? abi::extension_explicit_slots : 0) | (HasOwnStates ? abi::extension_own_states : 0) |
                       (F.Nosplit ? abi::extension_nosplit : 0);
  Out.byte(static_cast<uint8_t>(F.Saved | (F.CfaIsRbp ? abi::frame_cfa_is_rbp : 0) | (Extension ? abi::frame_has_extension : 0)));
  if (Extension)
    Out.uleb(Extension);
  if (!F.CfaIsRbp)
    Out.uleb(F.Words);
  for (unsigned R = 0; F.ExplicitSlots && R != abi::saved_register_count; ++R)
    if (F.Saved >> R & 1)
      Out.uleb(F.Slots[R]);
}

/// A sink has byte(uint8_t), uleb(uint64_t), run(From, To, Code): ULEB128 of (To - From) << run_state_bits | Code, and comment(const char *).
template <typename Sink, typename Label> void encodeMap(Sink &Out, const Fragment<Label> &F) {
  encodeFrame(Out, F.Frame, !F.OwnStates.empty());
  if (!F.OwnStates.empty()) {
    Out.uleb(F.OwnStates.size());
    for (const PointState &S : F.OwnStates)
      encodeOwnState(Out, S);
  }
  for (const Run<Label> &R : F.Runs) {
    Out.run(R.From, R.To, R.State.Code);
    if (R.State.Code == abi::state_escape)
      Out.uleb(R.State.Own);
  }
  Out.uleb(abi::run_end);
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
  void run(uint64_t From, uint64_t To, abi::state_code Code) { uleb((To - From) << abi::run_state_bits | Code); }
};

} // namespace stillpoint::emit

#endif
