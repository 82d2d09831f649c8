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
  bool CalleeMayStop = false;         // only of an unsafe state with a known frame
  Standard Sequence = Standard::None; // then only Kind counts, and it is kind_safe
  uint32_t Depth = 0;                 // words, only with frame_explicit
  LiveSet Live;
  uint16_t RefRegisters = 0;     // bit n: the general register with encoding number n holds a live reference
  std::vector<int32_t> RefSlots; // ascending; words from the frame's slot base (FrameDescription::Base): below the CFA they are negative
  bool RootsReady = false;       // the frame's stack roots hold references or null here
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

template <typename Label>
struct Fragment {
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
         (S.HasLiveSet ? abi::own_has_live_set : 0) | (S.CalleeMayStop ? abi::own_callee_may_stop : 0);
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

template <typename Sink>
void encodeFrame(Sink &Out, const FrameDescription &F, bool HasOwnStates) {
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
template <typename Sink, typename Label>
void encodeMap(Sink &Out, const Fragment<Label> &F) {
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

/// An inline map: Constant + body length + tail length << inline_tail_shift, provided that each of Exact has its length. Without a tail, TailFrom and
/// TailTo are the same label.
template <typename Label>
struct InlineMap {
  struct ExactRun {
    Label From, To;
    unsigned Bytes;
  };
  uint32_t Constant = 0;
  Label BodyFrom{}, BodyTo{}, TailFrom{}, TailTo{};
  std::vector<ExactRun> Exact;
};

/// Reads a fragment's runs as an inline map. One pass, from the first run to the last.
template <typename Label>
class InlineMatcher {
public:
  explicit InlineMatcher(const Fragment<Label> &F) : F(F) {}

  /// Whether there is an inline map for the fragment, if the lengths of Result.Exact hold.
  bool match(InlineMap<Label> &Result) {
    Out = &Result;
    unsigned Shape = shape();
    if (Shape == sizeof abi::inline_shapes || F.Frame.Nosplit || F.Frame.ExplicitSlots || !F.OwnStates.empty() || !room())
      return false;
    Out->Constant = Shape << abi::inline_shape_shift | Room << abi::inline_room_shift;
    bool Framed = F.Frame.Saved || Room;
    if (Framed && !exact(F.Frame.Saved ? abi::state_prologue : abi::state_entry, pushBytes(true) + abi::inline_room_size(Room)))
      return false;
    if (!whole(abi::inline_body_bits, Out->BodyFrom, Out->BodyTo))
      return false;
    Out->TailFrom = Out->TailTo = Out->BodyTo;
    if (Next == F.Runs.size())
      return finish(abi::inline_no_return);
    if (!Framed || (F.Frame.Saved && !exact(abi::state_epilogue, pushBytes(false))) || !exact(abi::state_entry, 1))
      return false;
    return (Next == F.Runs.size() || whole(abi::inline_tail_bits, Out->TailFrom, Out->TailTo)) && Next == F.Runs.size() &&
           finish(abi::inline_returns);
  }

private:
  unsigned shape() const {
    unsigned Wanted = F.Frame.Saved | (F.Frame.CfaIsRbp ? abi::frame_cfa_is_rbp : 0);
    unsigned I = 0;
    while (I != sizeof abi::inline_shapes && abi::inline_shapes[I] != Wanted)
      ++I;
    return I;
  }

  bool room() {
    if (F.Frame.CfaIsRbp)
      return true;
    Room = F.Frame.Words - 1 - static_cast<unsigned>(__builtin_popcount(F.Frame.Saved));
    return Room < 1u << abi::inline_room_bits;
  }

  unsigned pushBytes(bool Prologue) const {
    unsigned Bytes = Prologue && F.Frame.CfaIsRbp ? abi::frame_pointer_setup_size : 0;
    for (unsigned R = 0; R != abi::saved_register_count; ++R)
      Bytes += F.Frame.Saved >> R & 1 ? abi::saved_register_push_size(R) : 0;
    return Bytes;
  }

  bool exact(abi::state_code Code, unsigned Bytes) {
    if (Next == F.Runs.size() || F.Runs[Next].State.Code != Code)
      return false;
    Out->Exact.push_back({F.Runs[Next].From, F.Runs[Next].To, Bytes});
    ++Next;
    return true;
  }

  // Runs in the whole frame, taken as one.
  bool whole(unsigned Bits, Label &From, Label &To) {
    uint64_t Most = 0;
    size_t Begin = Next;
    for (; Next != F.Runs.size(); ++Next) {
      abi::state_code Code = F.Runs[Next].State.Code;
      if (Code != abi::state_safe && Code != abi::state_safe_vector)
        break;
      Vector |= Code == abi::state_safe_vector;
      Most += F.Runs[Next].MostBytes;
    }
    if (Begin == Next || Most >= uint64_t(1) << Bits)
      return false;
    From = F.Runs[Begin].From;
    To = F.Runs[Next - 1].To;
    return true;
  }

  bool finish(uint32_t Return) {
    Out->Constant |= Return | (Vector ? abi::inline_vector : 0);
    return true;
  }

  const Fragment<Label> &F;
  InlineMap<Label> *Out = nullptr;
  size_t Next = 0;
  unsigned Room = 0;
  bool Vector = false;
};

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
