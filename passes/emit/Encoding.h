// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns the description of one fragment into the bytes that include/stillpoint/abi/map_format.h draws.
//
// Mechanism: plain structs describe the frame, the state of a point and the runs; `encodeMap` walks them in the format's order and hands
// every piece to a sink. The assembly printer is one sink (a length is a difference of two labels there), a vector of bytes another (a
// length is a number), so the encoding is tested without an assembler. ReferenceMap.h has what only maps with references have, InlineMap.h those
// that lie in the record.
//
// Invariant: nothing of LLVM is used here.
#ifndef STILLPOINT_PASSES_EMIT_ENCODING_H
#define STILLPOINT_PASSES_EMIT_ENCODING_H

#include "passes/emit/InlineMap.h"
#include "passes/emit/ReferenceMap.h"
#include "passes/emit/States.h"

namespace stillpoint::emit {

template <typename Sink>
void encodeFrame(Sink &Out, const FrameDescription &F, unsigned Extension) {
  Extension |= (F.ExplicitSlots ? abi::extension_explicit_slots : 0) | (F.Nosplit ? abi::extension_nosplit : 0);
  Out.byte(static_cast<uint8_t>(F.Saved | (F.CfaIsRbp ? abi::frame_cfa_is_rbp : 0) | (Extension ? abi::frame_has_extension : 0)));
  if (Extension)
    Out.uleb(Extension);
  if (!F.CfaIsRbp)
    Out.uleb(F.Words);
  for (unsigned R = 0; F.ExplicitSlots && R != abi::saved_register_count; ++R)
    if (F.Saved >> R & 1)
      Out.uleb(F.Slots[R]);
}

template <typename Sink>
void encodeOwnStates(Sink &Out, const std::vector<PointState> &Own) {
  if (Own.empty())
    return;
  Out.uleb(Own.size());
  for (const PointState &S : Own)
    encodeOwnState(Out, S);
}

/// A sink has byte(uint8_t), uleb(uint64_t), and run(From, To, Bits, Code, State): ULEB128 of (To - From) << Bits | Code; the state is for comments.
template <typename Sink, typename Label>
void encodeMap(Sink &Out, const Fragment<Label> &F) {
  if (hasReferences(F)) {
    ReferenceStates States(F);
    encodeFrame(Out, F.Frame, States.extension(F.Frame));
    encodeLists(Out, States.Slots, F.Frame.StackRoots);
    encodeOwnStates(Out, States.Own);
    encodeSteps(Out, F, States);
    return;
  }
  encodeFrame(Out, F.Frame, F.OwnStates.empty() ? 0 : abi::extension_own_states);
  encodeOwnStates(Out, F.OwnStates);
  for (const Run<Label> &R : F.Runs) {
    Out.run(R.From, R.To, abi::run_state_bits, R.State.Code, stateOf(R.State, F.OwnStates));
    if (R.State.Code == abi::state_escape)
      Out.uleb(R.State.Own);
  }
  Out.uleb(abi::run_end);
}

} // namespace stillpoint::emit

#endif
