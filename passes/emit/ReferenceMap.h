// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parts of a map that exist only where references do: word lists, and steps instead of runs.
//
// Mechanism: a step says what changes, not what is. The writer keeps the state that a reader has at that place (StepWriter), and writes the cheapest
// sequence of steps from there to the state wanted; all but the last are of length 0.
//
// Invariant: what cannot be said of a point is not said by halves: the point becomes unsafe. Where nobody looks for references (a frame that is not
// known; unsafe, and its callees may not stop either) they stay as they were: that costs nothing.
//
// Rejected: a list of states and a code for each run, as without references. On code that does nothing but chase and store references, at -O2, that took 31%
// of .text, steps take 22%: nearly all changes are one register more or less, and a state is seldom seen twice.
#ifndef STILLPOINT_PASSES_EMIT_REFERENCEMAP_H
#define STILLPOINT_PASSES_EMIT_REFERENCEMAP_H

#include "passes/emit/States.h"

#include <algorithm>

namespace stillpoint::emit {

/// Whether the fragment needs a map with references.
template <typename Label>
bool hasReferences(const Fragment<Label> &F) {
  return !F.Frame.StackRoots.empty() ||
         std::any_of(F.OwnStates.begin(), F.OwnStates.end(), [](const PointState &S) { return hasReferences(S); });
}

inline bool inSequence(const PointState &S) { return S.Sequence != PointState::Standard::None; }

/// Whether anybody looks for references there.
inline bool wantsReferences(const PointState &S) {
  return inSequence(S) || (S.Form != abi::frame_unknown && (S.Kind != abi::kind_unsafe || S.CalleeMayStop));
}

/// Whether a map can say where the state's references are.
inline bool isDescribable(const PointState &S, const FrameDescription &F) {
  bool Words = !S.RefSlots.empty() || S.RootsReady;
  bool Whole = !inSequence(S) && S.Form == abi::frame_whole;
  if (S.RefRegisters >> abi::encoding_rsp & 1 || (inSequence(S) && S.RootsReady) || (F.Base != SlotBase::Cfa && Words && !Whole))
    return false;
  if (!wantsReferences(S))
    return true;
  bool RbpIsTaken = Whole && F.CfaIsRbp && (S.RefRegisters >> abi::encoding_rbp & 1);
  bool RbxIsTaken = F.Base == SlotBase::BasePointer && Words && (S.RefRegisters >> abi::encoding_rbx & 1);
  return !RbpIsTaken && !RbxIsTaken;
}

/// The state without its references. An entry frame with stack roots needs a state of its own: the common one never has them ready.
inline PointState withoutReferences(PointState S) {
  S.RefRegisters = 0;
  S.RefSlots.clear();
  S.RootsReady = false;
  return S;
}

inline StateRef internBase(std::vector<PointState> &Own, const PointState &S) {
  PointState Base = withoutReferences(S);
  if (!S.RootsReady || commonCode(Base) != abi::state_entry)
    return internState(Own, Base);
  auto At = static_cast<uint32_t>(std::find(Own.begin(), Own.end(), Base) - Own.begin());
  if (At == Own.size())
    Own.push_back(Base);
  return {At == 0 ? abi::state_own_0 : abi::state_escape, At};
}

/// A list of words, ascending, in ranges; without lengths every word is a range.
inline void encodeWords(ByteSink &Out, const std::vector<int32_t> &Words, bool Lengths) {
  std::vector<std::pair<int64_t, uint64_t>> Ranges;
  for (int64_t Word : Words)
    if (Lengths && !Ranges.empty() && Ranges.back().first + static_cast<int64_t>(Ranges.back().second) == Word)
      ++Ranges.back().second;
    else
      Ranges.emplace_back(Word, 1);
  Out.uleb(Ranges.size());
  int64_t Next = 0;
  for (size_t I = 0; I != Ranges.size(); ++I) {
    auto [Word, Length] = Ranges[I];
    int64_t Gap = Word - Next;
    Out.uleb(static_cast<uint64_t>(I != 0 ? Gap : Gap < 0 ? -2 * Gap - 1 : 2 * Gap));
    if (Lengths)
      Out.uleb(Length);
    Next = Word + static_cast<int64_t>(Length);
  }
}

/// One step without its length.
struct Step {
  unsigned Op;
  bool HasOperand = false;
  uint64_t Operand = 0;
  unsigned bits() const { return abi::is_long_step(Op) ? abi::step_long_bits : abi::step_short_bits; }
  size_t bytes() const { return 1 + (HasOperand ? ulebSize(Operand) : 0); }
};

inline size_t bytesOf(const std::vector<Step> &Steps) {
  size_t Bytes = 0;
  for (const Step &S : Steps)
    Bytes += S.bytes();
  return Bytes;
}

/// Finds the steps from the state that a reader has to the next.
class StepWriter {
public:
  StepWriter(const FrameDescription &F, const std::vector<int32_t> &Slots)
      : Slots(Slots), Base{abi::first_step_base(F.Saved), 0}, HasRoots(!F.StackRoots.empty()) {}

  /// At least one. `B` is how the state is written without its references.
  std::vector<Step> to(const PointState &S, StateRef B) {
    std::vector<Step> Steps;
    if (wantsReferences(S))
      Steps = referenceSteps(S);
    bool ReadyCounts = HasRoots && wantsReferences(S) && !inSequence(S) && B.Code != abi::state_entry;
    if (ReadyCounts && S.RootsReady != Ready) {
      Steps.insert(Steps.begin(), {abi::step_ready});
      Ready = S.RootsReady;
    }
    if (!(B == Base) || Steps.empty()) {
      Step ToBase = baseStep(B);
      // The last one has the length: short ones leave it more room.
      bool Behind = !Steps.empty() && Steps.back().bits() > ToBase.bits();
      Steps.insert(Behind ? Steps.end() : Steps.begin(), ToBase);
    }
    Base = B;
    return Steps;
  }

private:
  static Step baseStep(const StateRef &B) {
    switch (B.Code) {
    case abi::state_unsafe:
      return {abi::step_unsafe};
    case abi::state_safe:
      return {abi::step_safe};
    case abi::state_safe_vector:
      return {abi::step_safe_vector};
    case abi::state_entry:
      return {abi::step_entry};
    case abi::state_prologue:
      return {abi::step_prologue};
    case abi::state_epilogue:
      return {abi::step_epilogue};
    case abi::state_own_0:
    case abi::state_escape:
      break;
    }
    return {abi::step_own, true, B.Own};
  }

  // Toggles from the given registers and slots.
  std::vector<Step> toggles(uint16_t From, const std::vector<int32_t> &FromSlots, const PointState &S) const {
    std::vector<Step> Steps;
    std::vector<int32_t> Changed;
    std::set_symmetric_difference(FromSlots.begin(), FromSlots.end(), S.RefSlots.begin(), S.RefSlots.end(), std::back_inserter(Changed));
    for (int32_t Slot : Changed)
      Steps.push_back({abi::step_slot, true, static_cast<uint64_t>(std::lower_bound(Slots.begin(), Slots.end(), Slot) - Slots.begin())});
    uint64_t Mask = 0;
    std::vector<Step> Single;
    // Short steps last: the last of all has the length.
    for (unsigned I = abi::step_register_count; I-- != 0;)
      if ((From ^ S.RefRegisters) >> abi::step_registers[I] & 1) {
        Mask |= uint64_t(1) << I;
        Single.push_back({abi::step_toggle(I)});
      }
    Step All{abi::step_mask, true, Mask};
    if (Single.size() > All.bytes())
      Single.assign(1, All);
    Steps.insert(Steps.end(), Single.begin(), Single.end());
    return Steps;
  }

  std::vector<Step> referenceSteps(const PointState &S) {
    struct Start {
      unsigned Op;
      uint16_t Kept, Set;
      bool Slots;
    };
    static constexpr Start Starts[] = {{abi::step_call, abi::callee_saved_registers, 0, true},
                                       {abi::step_call_result, abi::callee_saved_registers, 1, true},
                                       {abi::step_clear, 0, 0, false}};
    std::vector<Step> Best = toggles(Registers, Live, S);
    for (const Start &B : Starts) {
      std::vector<Step> Steps = toggles((Registers & B.Kept) | B.Set, B.Slots ? Live : std::vector<int32_t>(), S);
      Steps.insert(Steps.begin(), {B.Op});
      if (bytesOf(Steps) < bytesOf(Best))
        Best = std::move(Steps);
    }
    Registers = S.RefRegisters;
    Live = S.RefSlots;
    return Best;
  }

  const std::vector<int32_t> &Slots;
  StateRef Base;
  uint16_t Registers = 0;
  std::vector<int32_t> Live;
  bool Ready = false;
  bool HasRoots;
};

/// A fragment's states as a map with references writes them.
struct ReferenceStates {
  std::vector<PointState> Own;   // without references
  std::vector<int32_t> Slots;    // ascending, all that any state names
  std::vector<PointState> AtRun; // describable
  std::vector<StateRef> Bases;   // of AtRun

  template <typename Label>
  explicit ReferenceStates(const Fragment<Label> &F) {
    for (const Run<Label> &R : F.Runs) {
      PointState S = stateOf(R.State, F.OwnStates);
      // Readiness is nothing where there is nothing to be ready.
      S.RootsReady = S.RootsReady && !F.Frame.StackRoots.empty();
      if (!isDescribable(S, F.Frame))
        S = {};
      Bases.push_back(internBase(Own, S));
      if (wantsReferences(S))
        Slots.insert(Slots.end(), S.RefSlots.begin(), S.RefSlots.end());
      AtRun.push_back(std::move(S));
    }
    std::sort(Slots.begin(), Slots.end());
    Slots.erase(std::unique(Slots.begin(), Slots.end()), Slots.end());
  }

  unsigned extension(const FrameDescription &F) const {
    return abi::extension_references | (Own.empty() ? 0 : abi::extension_own_states) | (Slots.empty() ? 0 : abi::extension_ref_slots) |
           (F.StackRoots.empty() ? 0 : abi::extension_stack_roots) | (F.Base == SlotBase::StackPointer ? abi::extension_base_rsp : 0) |
           (F.Base == SlotBase::BasePointer ? abi::extension_base_rbx : 0);
  }
};

template <typename Sink>
void encodeLists(Sink &Out, const std::vector<int32_t> &Slots, const std::vector<int32_t> &Roots) {
  if (Slots.empty() && Roots.empty())
    return;
  ByteSink Lists;
  if (!Slots.empty())
    encodeWords(Lists, Slots, /*Lengths=*/false);
  if (!Roots.empty())
    encodeWords(Lists, Roots, /*Lengths=*/true);
  Out.uleb(Lists.Bytes.size());
  for (uint8_t B : Lists.Bytes)
    Out.byte(B);
}

template <typename Sink, typename Label>
void encodeSteps(Sink &Out, const Fragment<Label> &F, const ReferenceStates &States) {
  StepWriter Writer(F.Frame, States.Slots);
  for (size_t I = 0; I != F.Runs.size(); ++I) {
    const Run<Label> &R = F.Runs[I];
    std::vector<Step> Steps = Writer.to(States.AtRun[I], States.Bases[I]);
    for (const Step &S : Steps) {
      if (&S == &Steps.back())
        Out.run(R.From, R.To, S.bits(), S.Op, States.AtRun[I]);
      else
        Out.uleb(S.Op);
      if (S.HasOperand)
        Out.uleb(S.Operand);
    }
  }
  Out.uleb(abi::step_end);
}

} // namespace stillpoint::emit

#endif
