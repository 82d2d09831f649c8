// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: which registers will still be read? A stop at a point without live vector registers need not save them, a thread-local address
// that nobody reads pins nothing, and liveness=full names them all.
//
// Mechanism: backward data flow over the operands and register masks of the printed instructions. Vector registers are three layers of bits
// (XMM, the upper half of YMM, the upper half of ZMM), so that a definition of a part does not end the rest.
//
// Invariants: too much may be live, never too little. A function that touches x87 or MMX, or that keeps vector registers for its caller,
// has vector state live everywhere. Whatever is live into a landing pad is live at every call that may lead there.
//
// What the flow does not say, because no instruction reads it: a caller's values that are still in their registers, which an unwinder finds there
// even where this function never returns, and the register that the frame is found by. liveSet() adds them.
//
// Rejected: the live-in lists of the blocks, which passes behind register allocation do not all keep.
#ifndef STILLPOINT_PASSES_MACHINE_LIVENESS_H
#define STILLPOINT_PASSES_MACHINE_LIVENESS_H

#include "passes/emit/Encoding.h"
#include "passes/machine/Code.h"

#include "llvm/ADT/DenseMap.h"

namespace stillpoint {

/// A set of registers.
struct RegisterSet {
  uint64_t Low = 0;  // XMM0-31 (bits 0-31), general registers (32-47), flags (48), K0-7 (56-63)
  uint64_t High = 0; // upper half of YMM (0-31), upper half of ZMM (32-63)

  static constexpr unsigned GeneralShift = 32, FlagsBit = 48, MaskShift = 56;
  static constexpr uint64_t LowVectors = 0xff000000ffffffffULL;

  bool operator==(const RegisterSet &) const = default;
  RegisterSet operator|(const RegisterSet &O) const { return {Low | O.Low, High | O.High}; }
  RegisterSet without(const RegisterSet &O) const { return {Low & ~O.Low, High & ~O.High}; }
  bool anyVector() const { return (Low & LowVectors) || High; }
  uint32_t general() const { return static_cast<uint32_t>(Low >> GeneralShift) & 0xffff; }
  uint32_t vectors() const { return static_cast<uint32_t>(Low) | static_cast<uint32_t>(High) | static_cast<uint32_t>(High >> 32); }
};

class Liveness {
public:
  explicit Liveness(const Code &C);
  /// What is live before instruction `Index`.
  const RegisterSet &before(unsigned Index) const { return Before[Index]; }
  bool usesX87() const { return X87; }
  bool usesTiles() const { return Tiles; }
  bool usesExtendedGeneral() const { return ExtendedGeneral; }
  bool vectorLive(unsigned Index) const { return VectorEverywhere || Before[Index].anyVector(); }
  /// `Unread`: general registers, by encoding number, that are live although nothing reads them.
  emit::LiveSet liveSet(unsigned Index, uint32_t Unread) const;
  /// The general registers that belong to the caller.
  uint32_t callersGeneral() const { return ReturnUses.general(); }

private:
  struct Effect {
    RegisterSet Uses, Kills;
  };
  Effect effect(const Instruction &I);
  void addOperand(const llvm::MachineOperand &O, bool KeepsVectors, Effect &E);
  const RegisterSet &clobbers(const uint32_t *Mask);
  RegisterSet calleeSaved() const;
  void propagate();
  void record();
  RegisterSet liveOut(const llvm::MachineBasicBlock &B, bool Pads) const;

  const Code &C;
  bool X87 = false, Tiles = false, ExtendedGeneral = false, VectorEverywhere = false;
  RegisterSet ReturnUses;
  llvm::DenseMap<const uint32_t *, RegisterSet> Masks;
  std::vector<Effect> Effects; // by instruction
  std::vector<RegisterSet> In; // by block
  std::vector<RegisterSet> Before;
};

/// The bits of one register operand as a use; as a definition, what it ends for sure.
RegisterSet usedBits(const RegInfo &I);
RegisterSet killedBits(const RegInfo &I);

} // namespace stillpoint

#endif
