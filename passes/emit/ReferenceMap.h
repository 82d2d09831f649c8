// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parts of a map that exist only where references do: word lists, reference states, and the choice of codes for them.
//
// Mechanism: the fragment's runs name their states one by one (emit::internState); here, when all of them are known, every state gets its final
// way to be written: a common code if it has one in this map, else a place in the list of reference states, the most used ones first, because the
// first nine have a code of their own.
//
// Invariant: what cannot be said of a point is not said by halves: the point becomes unsafe.
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

/// Whether a map can say where the state's references are.
inline bool isDescribable(const PointState &S, const FrameDescription &F) {
  bool Words = !S.RefSlots.empty() || S.RootsReady;
  bool InSequence = S.Sequence != PointState::Standard::None;
  bool Whole = !InSequence && S.Form == abi::frame_whole;
  if (S.RefRegisters >> 4 & 1 || (InSequence && S.RootsReady) || (F.Base != SlotBase::Cfa && Words && !Whole))
    return false;
  if (!InSequence && S.Form == abi::frame_unknown)
    return !S.RefRegisters && !Words;
  bool RbpIsTaken = Whole && F.CfaIsRbp && (S.RefRegisters >> abi::encoding_rbp & 1);
  bool RbxIsTaken = F.Base == SlotBase::BasePointer && Words && (S.RefRegisters >> abi::encoding_rbx & 1);
  return !RbpIsTaken && !RbxIsTaken;
}

/// The states of one fragment as a map with references writes them.
class ReferenceStates {
public:
  /// How a run is written: `Code`, and behind the escape `Index`.
  struct Written {
    unsigned Code;
    uint32_t Index;
  };

  template <typename Label>
  explicit ReferenceStates(const Fragment<Label> &F) : Frame(F.Frame) {
    std::vector<uint32_t> Uses;
    for (const Run<Label> &R : F.Runs)
      note(describable(R.State, F.OwnStates), Uses);
    sortByUse(Uses);
    for (const PointState &S : Own)
      Slots.insert(Slots.end(), S.RefSlots.begin(), S.RefSlots.end());
    std::sort(Slots.begin(), Slots.end());
    Slots.erase(std::unique(Slots.begin(), Slots.end()), Slots.end());
  }

  PointState describable(const StateRef &R, const std::vector<PointState> &From) const {
    PointState S = stateOf(R, From);
    // Readiness is nothing where there is nothing to be ready.
    S.RootsReady = S.RootsReady && !Frame.StackRoots.empty();
    return isDescribable(S, Frame) ? S : PointState();
  }

  Written write(const PointState &S) const {
    abi::state_code Code = commonCodeHere(S);
    if (Code != abi::state_escape)
      return {Code, 0};
    auto Index = static_cast<uint32_t>(std::find(Own.begin(), Own.end(), S) - Own.begin());
    return {Index < abi::reference_run_own ? abi::state_own_0 + Index : abi::reference_run_escape, Index};
  }

  unsigned extension() const {
    return abi::extension_references | (Own.empty() ? 0 : abi::extension_own_states) | (Slots.empty() ? 0 : abi::extension_ref_slots) |
           (Frame.StackRoots.empty() ? 0 : abi::extension_stack_roots) |
           (Frame.Base == SlotBase::StackPointer ? abi::extension_base_rsp : 0) |
           (Frame.Base == SlotBase::BasePointer ? abi::extension_base_rbx : 0);
  }
  const std::vector<PointState> &own() const { return Own; }
  const std::vector<int32_t> &slots() const { return Slots; }

private:
  // In a map with stack roots the common states of the whole frame are ready.
  abi::state_code commonCodeHere(PointState S) const {
    bool Whole = S.Sequence == PointState::Standard::None && S.Form == abi::frame_whole;
    if (Whole && S.RootsReady == Frame.StackRoots.empty())
      return abi::state_escape;
    S.RootsReady = S.RootsReady && !Whole;
    return commonCode(S);
  }

  void note(const PointState &S, std::vector<uint32_t> &Uses) {
    if (commonCodeHere(S) != abi::state_escape)
      return;
    auto At = static_cast<size_t>(std::find(Own.begin(), Own.end(), S) - Own.begin());
    if (At == Own.size()) {
      Own.push_back(S);
      Uses.push_back(0);
    }
    ++Uses[At];
  }

  void sortByUse(const std::vector<uint32_t> &Uses) {
    std::vector<size_t> Order(Own.size());
    for (size_t I = 0; I != Order.size(); ++I)
      Order[I] = I;
    std::sort(Order.begin(), Order.end(), [&](size_t A, size_t B) { return Uses[A] != Uses[B] ? Uses[A] > Uses[B] : A < B; });
    std::vector<PointState> Sorted;
    for (size_t I : Order)
      Sorted.push_back(Own[I]);
    Own = std::move(Sorted);
  }

  const FrameDescription &Frame;
  std::vector<PointState> Own;
  std::vector<int32_t> Slots; // ascending, all that any state names
};

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

inline abi::reference_base referenceBase(const PointState &S) {
  if (S.Sequence == PointState::Standard::Prologue)
    return abi::reference_base_prologue;
  if (S.Sequence == PointState::Standard::Epilogue)
    return abi::reference_base_epilogue;
  if (S.HasLiveSet)
    return abi::reference_base_own;
  if (S.Kind == abi::kind_safe && S.Form == abi::frame_entry && !S.RootsReady)
    return abi::reference_base_entry;
  if (S.Form != abi::frame_whole)
    return abi::reference_base_own;
  if (S.Kind == abi::kind_safe)
    return S.VectorLive ? abi::reference_base_safe_vector : abi::reference_base_safe;
  if (S.Kind == abi::kind_pinned && S.VectorLive)
    return abi::reference_base_pinned;
  return S.Kind == abi::kind_unsafe && S.VectorLive && S.CalleeMayStop ? abi::reference_base_unsafe_call : abi::reference_base_own;
}

inline void encodeReferenceState(ByteSink &Out, const PointState &S, const std::vector<int32_t> &Slots, bool HasRoots) {
  abi::reference_base Base = referenceBase(S);
  uint64_t Bits = Base;
  unsigned Shift = abi::reference_base_bits;
  if (!Slots.empty())
    Bits |= static_cast<uint64_t>(!S.RefSlots.empty()) << Shift++;
  bool NeverReady = Base == abi::reference_base_entry || S.Sequence != PointState::Standard::None || S.Form == abi::frame_unknown;
  if (HasRoots)
    Bits |= static_cast<uint64_t>(!S.RootsReady && !NeverReady) << Shift++;
  for (unsigned I = 0; I != abi::reference_register_count; ++I)
    Bits |= static_cast<uint64_t>(S.RefRegisters >> abi::reference_register_order[I] & 1) << (Shift + I);
  Out.uleb(Bits);
  if (Base == abi::reference_base_own)
    encodeOwnState(Out, S);
  if (S.RefSlots.empty())
    return;
  std::vector<uint8_t> Set((Slots.size() + 7) / 8);
  for (int32_t Slot : S.RefSlots) {
    auto N = static_cast<size_t>(std::lower_bound(Slots.begin(), Slots.end(), Slot) - Slots.begin());
    Set[N / 8] = static_cast<uint8_t>(Set[N / 8] | 1u << N % 8);
  }
  for (uint8_t B : Set)
    Out.byte(B);
}

template <typename Sink>
void copyBlock(Sink &Out, const ByteSink &Block) {
  Out.uleb(Block.Bytes.size());
  for (uint8_t B : Block.Bytes)
    Out.byte(B);
}

/// Everything behind the frame in a map with references.
template <typename Sink, typename Label>
void encodeReferenceBody(Sink &Out, const Fragment<Label> &F, const ReferenceStates &States) {
  const std::vector<int32_t> &Slots = States.slots(), &Roots = F.Frame.StackRoots;
  if (!Slots.empty() || !Roots.empty()) {
    ByteSink Lists;
    if (!Slots.empty())
      encodeWords(Lists, Slots, /*Lengths=*/false);
    if (!Roots.empty())
      encodeWords(Lists, Roots, /*Lengths=*/true);
    copyBlock(Out, Lists);
  }
  if (!States.own().empty()) {
    ByteSink Own;
    for (const PointState &S : States.own())
      encodeReferenceState(Own, S, Slots, !Roots.empty());
    Out.uleb(States.own().size());
    copyBlock(Out, Own);
  }
  for (const Run<Label> &R : F.Runs) {
    PointState S = States.describable(R.State, F.OwnStates);
    ReferenceStates::Written W = States.write(S);
    Out.run(R.From, R.To, abi::reference_run_bits, W.Code, S);
    if (W.Code == abi::reference_run_escape)
      Out.uleb(W.Index);
  }
  Out.uleb(abi::run_end);
}

} // namespace stillpoint::emit

#endif
