// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whether a fragment's map fits into its record (an inline map in include/stillpoint/abi/map_format.h).
//
// Invariant: nothing of LLVM is used here. What is matched reads back as what was described, but for vector registers: live anywhere is live everywhere.
#ifndef STILLPOINT_PASSES_EMIT_INLINEMAP_H
#define STILLPOINT_PASSES_EMIT_INLINEMAP_H

#include "passes/emit/States.h"

namespace stillpoint::emit {

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
    if (Shape == sizeof abi::inline_shapes || F.Frame.Nosplit || F.Frame.ExplicitSlots || !F.OwnStates.empty() ||
        !F.Frame.StackRoots.empty() || !room())
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

} // namespace stillpoint::emit

#endif
