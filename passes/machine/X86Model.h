// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: LLVM installs no headers of its X86 back end, so a pass outside LLVM has neither opcode nor register enumerators.
//
// Mechanism: the names are public (TargetInstrInfo::getName, TargetRegisterInfo::getName). Once per process, every opcode and every
// register is put into a small class by its name, into tables indexed by number.
//
// Invariants: built once, then constant, so that the parallel back ends of ThinLTO share it. An unknown opcode is OpClass::Plain, which
// promises nothing: whatever it defines is looked at operand by operand.
//
// Rejected: copying the generated enumerators, which change with every patch release.
#ifndef STILLPOINT_PASSES_MACHINE_X86MODEL_H
#define STILLPOINT_PASSES_MACHINE_X86MODEL_H

#include "stillpoint/abi/map_format.h"

#include "llvm/CodeGen/MachineInstr.h"
#include "llvm/CodeGen/Register.h"

#include <cstdint>
#include <vector>

namespace llvm {
class TargetInstrInfo;
class TargetRegisterInfo;
} // namespace llvm

namespace stillpoint {

enum class OpClass : uint8_t {
  Plain,
  Push,         // PUSH64r
  PushOther,    // another push of 8 bytes
  Pop,          // POP64r
  PopOther,     // another pop of 8 bytes, not into a register
  AddImmediate, // ADD64ri8, ADD64ri32
  SubImmediate, // SUB64ri8, SUB64ri32
  LoadAddress,  // LEA64r
  Move,         // MOV64rr
  Load,         // MOV64rm
  Store,        // MOV64mr
  Leave,        // LEAVE64
  Zero,         // XOR32rr, SUB32rr and the like: zero if both sources are one register
  TlsAddress,   // TLS_addr64 and relatives: several instructions, RAX is thread-local
  ReadSegment,  // RDFSBASE, RDGSBASE
  WriteSegment, // WRFSBASE, WRGSBASE
  KeepsVectors, // VZEROUPPER: its definitions destroy nothing that is live
  CompareByte,  // CMP8mi
  JumpIf,       // JCC_1: to operand 0, on condition operand 1
  Jump,         // JMP_1
  Expanded,     // a pseudo instruction that the printer turns into several instructions or into other code
  RefMarker,    // Markers.h: its result is a reference
  KeepMarker,   // its operand is a reference that lives up to here
  RootsMarker   // stack roots are references or null from here on
};

/// What becomes of a reference among the operands of an instruction that is no plain copy.
enum class ValueOp : uint8_t {
  Other,      // nothing that is one
  Either,     // CMOV, AND, OR: the result may be any of the values
  Offset,     // ADD, LEA, INC, DEC: a reference and something else is an interior reference
  Difference, // SUB: an interior reference, unless both are references
  Exchange,   // XCHG of two registers
  Vector      // a move between general and vector registers
};

enum class RegClass : uint8_t {
  Other,
  General, // RAX to R15 and their parts
  Vector,
  Mask,
  Flags,
  X87, // ST, FP, MM and the x87 status word
  Tile,
  ExtendedGeneral // R16 to R31
};

struct RegInfo {
  RegClass Class = RegClass::Other;
  uint8_t Width = 0; // General: 1, 2, 4, 8 bytes. Vector: 16, 32, 64 bytes
  uint32_t Bits = 0; // set of encoding numbers
};

/// Encoding numbers of the general registers.
enum GeneralRegister : unsigned {
  RAX,
  RCX,
  RDX,
  RBX,
  RSP,
  RBP,
  RSI,
  RDI,
  R8,
  R9,
  R10,
  R11,
  R12,
  R13,
  R14,
  R15,
  GeneralCount,
  NoGeneral = ~0u
};

class X86Model {
public:
  /// The model; the first call builds it from the names.
  static const X86Model &get(const llvm::TargetInstrInfo &TII, const llvm::TargetRegisterInfo &TRI);

  OpClass classOf(const llvm::MachineInstr &MI) const { return Opcodes[MI.getOpcode()]; }
  ValueOp valueOf(const llvm::MachineInstr &MI) const { return Values[MI.getOpcode()]; }
  const RegInfo &info(llvm::Register R) const { return Registers[R.id()]; }
  llvm::MCRegister general(unsigned Number) const { return General[Number]; }
  llvm::MCRegister vector(unsigned Number, unsigned WidthIndex) const { return Vectors[Number][WidthIndex]; }
  llvm::MCRegister mask(unsigned Number) const { return Masks[Number]; }
  bool isSegmentRegister(llvm::Register R) const { return R.isValid() && (R == Fs || R == Gs); }
  bool isFs(llvm::Register R) const { return R.isValid() && R == Fs; }

  /// The register's number if it is a whole 64-bit general register.
  unsigned general64(llvm::Register R) const {
    const RegInfo &I = info(R);
    return I.Class == RegClass::General && I.Width == 8 ? static_cast<unsigned>(__builtin_ctz(I.Bits)) : NoGeneral;
  }

private:
  X86Model(const llvm::TargetInstrInfo &TII, const llvm::TargetRegisterInfo &TRI);
  void readRegisters(const llvm::TargetRegisterInfo &TRI);
  void readOpcodes(const llvm::TargetInstrInfo &TII);

  std::vector<OpClass> Opcodes;
  std::vector<ValueOp> Values;
  std::vector<RegInfo> Registers;
  llvm::MCRegister General[GeneralCount];
  llvm::MCRegister Vectors[32][3];
  llvm::MCRegister Masks[8];
  llvm::MCRegister Fs, Gs;
};

/// The general register behind each bit of abi::saved_register.
inline constexpr unsigned SavedRegisterNumber[abi::saved_register_count] = {RBP, R15, R14, R13, R12, RBX};

/// The abi::saved_register of a general register, or saved_register_count.
inline unsigned savedRegisterIndex(unsigned Number) {
  for (unsigned I = 0; I != abi::saved_register_count; ++I)
    if (SavedRegisterNumber[I] == Number)
      return I;
  return abi::saved_register_count;
}

/// Operand 1 of a JumpIf.
enum Condition : unsigned { ConditionEqual = 4, ConditionNotEqual = 5 };

/// The five operands of an x86 memory reference, found by the operand types of the instruction's description.
struct MemoryOperands {
  const llvm::MachineOperand *Base = nullptr;
  const llvm::MachineOperand *Scale = nullptr;
  const llvm::MachineOperand *Index = nullptr;
  const llvm::MachineOperand *Displacement = nullptr;
  const llvm::MachineOperand *Segment = nullptr;
  unsigned First = ~0u; // operand number of Base
  explicit operator bool() const { return Base != nullptr; }
  bool contains(unsigned Operand) const { return Operand >= First && Operand - First < 5; }
};
MemoryOperands memoryOperands(const llvm::MachineInstr &MI);

} // namespace stillpoint

#endif
