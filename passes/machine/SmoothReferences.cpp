// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rule that SmoothReferences.h states.
#include "passes/machine/SmoothReferences.h"

#include "llvm/CodeGen/TargetInstrInfo.h"
#include "llvm/CodeGen/TargetSubtargetInfo.h"

using namespace llvm;

namespace stillpoint {

namespace {

using emit::PointState;

constexpr unsigned LongestStale = 16;

// A set of locations: general registers, and slots as they stand in the table.
struct Listed {
  uint16_t Registers = 0;
  std::vector<int32_t> Slots;
  explicit Listed(const PointState &S) : Registers(S.RefRegisters), Slots(S.RefSlots) {}
  bool has(int32_t Slot) const { return binary_search(Slots, Slot); }
};

// Which value is where in one block. Values are numbered; an interior reference knows the value that it was made from.
class Values {
public:
  Values(const Code &C, const References &Refs) : C(C), Refs(Refs) {}

  void enterBlock() {
    Parents.clear();
    Slots.clear();
    for (unsigned &R : Registers)
      R = fresh();
  }
  void step(unsigned Index);
  unsigned ofRegister(unsigned R) const { return Registers[R]; }
  unsigned ofSlot(int32_t Slot) {
    auto [Entry, New] = Slots.try_emplace(Slot, 0);
    if (New)
      Entry->second = fresh();
    return Entry->second;
  }
  static constexpr unsigned None = ~0u;
  unsigned parent(unsigned Value) const { return Parents[Value]; }

private:
  unsigned fresh(unsigned Parent = None) {
    Parents.push_back(Parent);
    return static_cast<unsigned>(Parents.size() - 1);
  }
  unsigned result(unsigned Index);

  const Code &C;
  const References &Refs;
  unsigned Registers[GeneralCount] = {};
  DenseMap<int32_t, unsigned> Slots;
  std::vector<unsigned> Parents;
};

// The value that operand 0 gets.
unsigned Values::result(unsigned Index) {
  const Instruction &I = C.Instructions[Index];
  const MachineInstr &MI = *I.MI;
  if (auto Copy = C.MF.getSubtarget().getInstrInfo()->isCopyInstr(MI)) {
    unsigned From = C.Model.general64(Copy->Source->getReg());
    return From == NoGeneral ? fresh() : Registers[From];
  }
  if (std::optional<int32_t> Slot = Refs.reloads(Index))
    return ofSlot(*Slot);
  uint16_t Base = Refs.offsetBase(Index);
  return popcount(Base) == 1 ? fresh(Registers[countr_zero(Base)]) : fresh();
}

void Values::step(unsigned Index) {
  const Instruction &I = C.Instructions[Index];
  if (isMarker(I.Class))
    return;
  const MachineInstr &MI = *I.MI;
  unsigned To = !MI.isCall() && MI.getNumExplicitDefs() == 1 && MI.getOperand(0).isReg() ? C.Model.general64(MI.getOperand(0).getReg())
                                                                                         : unsigned(NoGeneral);
  unsigned New = To == NoGeneral ? None : result(Index);
  std::optional<std::pair<int32_t, unsigned>> Spill = Refs.spills(Index);
  unsigned Stored = Spill ? Registers[Spill->second] : None;
  for (uint16_t Bits = Refs.writtenRegisters(Index); Bits; Bits &= Bits - 1)
    Registers[countr_zero(Bits)] = fresh();
  for (int32_t Slot : Refs.writtenSlots(Index))
    Slots[Slot] = fresh();
  if (To != NoGeneral)
    Registers[To] = New;
  if (Spill)
    Slots[Spill->first] = Stored;
}

bool sameButReferences(const PointState &A, const PointState &B) {
  PointState X = A;
  X.RefRegisters = B.RefRegisters;
  X.RefSlots = B.RefSlots;
  return X == B;
}

class Smoother {
public:
  Smoother(const Code &C, const References &Refs, std::vector<PointState> &States) : C(C), Refs(Refs), States(States), Now(C, Refs) {}

  void run() {
    for (const MachineBasicBlock &B : C.MF) {
      const BlockRange &R = C.range(B);
      Now.enterBlock();
      Stale = 0;
      for (unsigned I = R.Begin; I + 1 < R.End; ++I) {
        Now.step(I);
        if (mayStay(I)) {
          bool Exact = States[I].RefRegisters == States[I + 1].RefRegisters && States[I].RefSlots == States[I + 1].RefSlots;
          Stale = Exact ? 0 : Stale + 1;
          States[I + 1].RefRegisters = States[I].RefRegisters;
          States[I + 1].RefSlots = States[I].RefSlots;
        } else {
          Stale = 0;
        }
      }
    }
  }

private:
  bool mayStay(unsigned I);
  bool isIntact(unsigned I, const Listed &Old, const Listed &Exact) const;
  bool covers(const Listed &Old, const Listed &Exact);
  static bool showsTheSame(const Listed &Old, const Listed &Exact) {
    return ((Old.Registers ^ Exact.Registers) & References::FoundInOuterFrames) == 0 && Old.Slots == Exact.Slots;
  }

  const Code &C;
  const References &Refs;
  std::vector<PointState> &States;
  Values Now; // in front of I + 1
  unsigned Stale = 0;
};

bool Smoother::isIntact(unsigned I, const Listed &Old, const Listed &Exact) const {
  if (Old.Registers & Refs.writtenRegisters(I) & ~Exact.Registers)
    return false;
  return none_of(Refs.writtenSlots(I), [&](int32_t S) { return Old.has(S) && !Exact.has(S); });
}

bool Smoother::covers(const Listed &Old, const Listed &Exact) {
  SmallVector<unsigned, 16> Held;
  for (unsigned R = 0; R != GeneralCount; ++R)
    if (Old.Registers >> R & 1)
      Held.push_back(Now.ofRegister(R));
  for (int32_t S : Old.Slots)
    Held.push_back(Now.ofSlot(S));
  auto IsHeld = [&](unsigned Value) {
    for (; Value != Values::None; Value = Now.parent(Value))
      if (is_contained(Held, Value))
        return true;
    return false;
  };
  for (unsigned R = 0; R != GeneralCount; ++R)
    if (Exact.Registers >> R & 1 && !IsHeld(Now.ofRegister(R)))
      return false;
  return all_of(Exact.Slots, [&](int32_t S) { return IsHeld(Now.ofSlot(S)); });
}

// Whether what is listed in front of instruction I may stay listed behind it. Values::step(I) has been done.
bool Smoother::mayStay(unsigned I) {
  if (Stale >= LongestStale || !sameButReferences(States[I], States[I + 1]))
    return false;
  bool Unlisted = States[I].Kind == abi::kind_unsafe && !States[I].CalleeMayStop;
  if (Unlisted || C.Instructions[I].MI->modifiesRegister(C.Model.general(RSP), &C.TRI))
    return Unlisted;
  Listed Old(States[I]), Exact(States[I + 1]);
  if (C.Instructions[I + 1].MI->isCall() && !showsTheSame(Old, Exact))
    return false;
  return isIntact(I, Old, Exact) && covers(Old, Exact);
}

} // namespace

void smoothReferences(const Code &C, const References &Refs, std::vector<PointState> &States) {
  if (Refs.any())
    Smoother(C, Refs, States).run();
}

} // namespace stillpoint
