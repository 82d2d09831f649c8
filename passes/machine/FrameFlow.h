// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: at every point, where is the frame (the CFA) and where are the caller's callee-saved registers? The prologue and epilogue flags
// and the CFI directives are hints only; shrink-wrapping, pushed call arguments and dynamic areas make any fixed pattern wrong somewhere.
//
// Mechanism: an abstract interpretation of the instructions, forward over the control-flow graph. The state is how far RSP is below the
// CFA, whether RBP is the frame pointer, which callee-saved registers still hold the caller's values and where the others were pushed.
//
// Invariants: what is not understood becomes "unknown", never a guess; where paths disagree, unknown. A landing pad is entered with the
// state of the call that throws, less the argument area that the unwinder drops (DW_CFA_GNU_args_size).
#ifndef STILLPOINT_PASSES_MACHINE_FRAMEFLOW_H
#define STILLPOINT_PASSES_MACHINE_FRAMEFLOW_H

#include "passes/machine/Code.h"

#include <array>

namespace stillpoint {

struct FrameState {
  static constexpr int32_t Unknown = -1;
  enum class Rbp : uint8_t { Caller, Frame, Other }; // Frame: RBP = CFA - 16

  int32_t Depth = 8; // CFA - RSP in bytes
  int32_t Loose = 0; // where that is unknown: bytes at RSP that were pushed since, so that no saved register is among them
  Rbp FramePointer = Rbp::Caller;
  uint8_t Intact = (1u << abi::saved_register_count) - 1; // still hold the caller's values, in saved_register order
  std::array<int32_t, abi::saved_register_count> Slot{};  // CFA - address in bytes where the caller's value was pushed; 0: nowhere

  bool operator==(const FrameState &) const = default;
  uint8_t savedMask() const;
  /// Whether every callee-saved register of the caller can be found.
  bool recoverable() const { return (Intact | savedMask()) == (1u << abi::saved_register_count) - 1; }
};

class FrameFlow {
public:
  explicit FrameFlow(const Code &C);

  /// The state before instruction `Index`; an unreachable instruction's is unknown.
  const FrameState &before(unsigned Index) const { return States[Ids[Index]]; }
  /// The same as a small number: equal states have equal numbers.
  unsigned id(unsigned Index) const { return Ids[Index]; }
  const std::vector<FrameState> &states() const { return States; }

private:
  void step(const Instruction &I, FrameState &S) const;
  void definitions(const llvm::MachineInstr &MI, FrameState &S) const;
  void propagate();
  void enter(const llvm::MachineBasicBlock &B, const FrameState &S);
  void number();
  unsigned intern(const FrameState &S);
  void push(FrameState &S, unsigned Register) const;
  void pop(FrameState &S, unsigned Register) const;

  const Code &C;
  uint8_t MaySave = 0; // registers for which the frame has a slot
  std::vector<FrameState> In;
  std::vector<bool> Reached;
  std::vector<const llvm::MachineBasicBlock *> Work;
  std::vector<bool> Queued;
  std::vector<int32_t> ArgumentArea; // by instruction: DW_CFA_GNU_args_size in force; empty if there is none
  std::vector<FrameState> States;
  std::vector<uint32_t> Ids;
};

} // namespace stillpoint

#endif
