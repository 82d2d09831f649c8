// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tables of X86Model, read from LLVM's names (see X86Model.h for why).
#include "passes/machine/X86Model.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/CodeGen/TargetInstrInfo.h"
#include "llvm/CodeGen/TargetRegisterInfo.h"

using namespace llvm;

namespace stillpoint {

namespace {

struct NamedClass {
  const char *Name;
  OpClass Class;
};

constexpr NamedClass NamedOpcodes[] = {
    {"PUSH64r", OpClass::Push},
    {"PUSH64rmr", OpClass::PushOther},
    {"PUSH64rmm", OpClass::PushOther},
    {"PUSH64i8", OpClass::PushOther},
    {"PUSH64i32", OpClass::PushOther},
    {"PUSHF64", OpClass::PushOther},
    {"POP64r", OpClass::Pop},
    {"POP64rmm", OpClass::PopOther},
    {"POPF64", OpClass::PopOther},
    {"ADD64ri8", OpClass::AddImmediate},
    {"ADD64ri32", OpClass::AddImmediate},
    {"SUB64ri8", OpClass::SubImmediate},
    {"SUB64ri32", OpClass::SubImmediate},
    {"LEA64r", OpClass::LoadAddress},
    {"MOV64rr", OpClass::Move},
    {"MOV64rm", OpClass::Load},
    {"MOV64mr", OpClass::Store},
    {"LEAVE64", OpClass::Leave},
    {"XOR32rr", OpClass::Zero},
    {"XOR64rr", OpClass::Zero},
    {"SUB32rr", OpClass::Zero},
    {"SUB64rr", OpClass::Zero},
    {"TLS_addr64", OpClass::TlsAddress},
    {"TLS_base_addr64", OpClass::TlsAddress},
    {"TLS_desc64", OpClass::TlsAddress},
    {"RDFSBASE", OpClass::ReadSegment},
    {"RDFSBASE64", OpClass::ReadSegment},
    {"RDGSBASE", OpClass::ReadSegment},
    {"RDGSBASE64", OpClass::ReadSegment},
    {"WRFSBASE", OpClass::WriteSegment},
    {"WRFSBASE64", OpClass::WriteSegment},
    {"WRGSBASE", OpClass::WriteSegment},
    {"WRGSBASE64", OpClass::WriteSegment},
    {"VZEROUPPER", OpClass::KeepsVectors},
    {"CMP8mi", OpClass::CompareByte},
    {"JCC_1", OpClass::JumpIf},
    {"JMP_1", OpClass::Jump},
    // Not marked as pseudo instructions by LLVM everywhere, but the printer makes more or other code of them.
    {"STATEPOINT", OpClass::Expanded},
    {"PATCHPOINT", OpClass::Expanded},
    {"STACKMAP", OpClass::Expanded},
    {"FAULTING_OP", OpClass::Expanded},
    {"FENTRY_CALL", OpClass::Expanded},
    {"PATCHABLE_OP", OpClass::Expanded},
    {"PATCHABLE_FUNCTION_ENTER", OpClass::Expanded},
    {"PATCHABLE_RET", OpClass::Expanded},
    {"PATCHABLE_FUNCTION_EXIT", OpClass::Expanded},
    {"PATCHABLE_TAIL_CALL", OpClass::Expanded},
    {"PATCHABLE_EVENT_CALL", OpClass::Expanded},
    {"PATCHABLE_TYPED_EVENT_CALL", OpClass::Expanded},
};

// By the beginnings of their names: what follows is the form of the operands.
struct NamedValue {
  const char *Prefix;
  ValueOp Op;
};

constexpr NamedValue ValueOps[] = {
    {"CMOV64r", ValueOp::Either},        {"AND64r", ValueOp::Either},       {"OR64r", ValueOp::Either},
    {"ADD64r", ValueOp::Offset},         {"LEA64r", ValueOp::Offset},       {"INC64r", ValueOp::Offset},
    {"DEC64r", ValueOp::Offset},         {"SUB64r", ValueOp::Difference},   {"XCHG64rr", ValueOp::Exchange},
    {"XCHG64ar", ValueOp::Exchange},     {"MOV64toPQIrr", ValueOp::Vector}, {"VMOV64toPQIrr", ValueOp::Vector},
    {"VMOV64toPQIZrr", ValueOp::Vector}, {"MOV64toSDrr", ValueOp::Vector},  {"VMOV64toSDrr", ValueOp::Vector},
    {"VMOV64toSDZrr", ValueOp::Vector},  {"MOVPQIto64rr", ValueOp::Vector}, {"VMOVPQIto64rr", ValueOp::Vector},
    {"VMOVPQIto64Zrr", ValueOp::Vector}, {"MOVSDto64rr", ValueOp::Vector},  {"VMOVSDto64rr", ValueOp::Vector},
    {"VMOVSDto64Zrr", ValueOp::Vector},  {"PEXTRQrr", ValueOp::Vector},     {"VPEXTRQrr", ValueOp::Vector},
    {"VPEXTRQZrr", ValueOp::Vector},
};

// Pseudo instructions of which the printer makes one instruction or none.
constexpr const char *SinglePseudos[] = {"TAILJMPr64",    "TAILJMPm64",    "TAILJMPd64",     "TAILJMPr64_REX", "TAILJMPm64_REX",
                                         "TAILJMPd64_CC", "MEMBARRIER",    "Int_MemBarrier", "RET64",          "CALL64r",
                                         "CALL64m",       "CALL64pcrel32", "CALL64r_NT",     "CALL64m_NT",     "JMP64r",
                                         "JMP64m",        "LOCK_PREFIX",   "REP_PREFIX",     "ENDBR64",        "TRAP"};

RegInfo classify(StringRef Name) {
  unsigned Number = 0;
  auto Numbered = [&](StringRef Prefix) {
    StringRef Rest = Name;
    return Rest.consume_front(Prefix) && !Rest.getAsInteger(10, Number);
  };
  if (Name == "EFLAGS")
    return {RegClass::Flags, 0, 0};
  for (auto [Prefix, Width] : {std::pair("XMM", 16), std::pair("YMM", 32), std::pair("ZMM", 64)})
    if (Numbered(Prefix))
      return {RegClass::Vector, static_cast<uint8_t>(Width), 1u << Number};
  if (Name.size() == 5 && Name[0] == 'K' && Name[2] == '_') // pairs: K0_K1
    return {RegClass::Mask, 0, 3u << (Name[1] - '0')};
  if (Numbered("K"))
    return {RegClass::Mask, 0, 1u << Number};
  if (Numbered("ST") || Numbered("FP") || Numbered("MM") || Name == "FPSW" || Name == "FPCW")
    return {RegClass::X87, 0, 1u << (Number & 7)};
  if (Name.starts_with("TMM") || Name == "TMMCFG")
    return {RegClass::Tile, 0, 0};
  return {};
}

} // namespace

X86Model::X86Model(const TargetInstrInfo &TII, const TargetRegisterInfo &TRI) {
  readRegisters(TRI);
  readOpcodes(TII);
}

void X86Model::readRegisters(const TargetRegisterInfo &TRI) {
  static constexpr const char *GeneralNames[] = {"RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
                                                 "R8",  "R9",  "R10", "R11", "R12", "R13", "R14", "R15"};
  StringMap<MCRegister> ByName;
  Registers.resize(TRI.getNumRegs());
  for (unsigned R = 1; R != TRI.getNumRegs(); ++R) {
    StringRef Name = TRI.getName(R);
    ByName[Name] = MCRegister(R);
    RegInfo Info = Registers[R] = classify(Name);
    if (Info.Class == RegClass::Vector)
      Vectors[llvm::countr_zero(Info.Bits)][Info.Width == 16 ? 0 : Info.Width == 32 ? 1 : 2] = MCRegister(R);
    if (Info.Class == RegClass::Mask && llvm::popcount(Info.Bits) == 1)
      Masks[llvm::countr_zero(Info.Bits)] = MCRegister(R);
  }
  auto AddParts = [&](MCRegister Whole, RegClass Class, uint32_t Bits) {
    for (MCPhysReg Part : TRI.subregs_inclusive(Whole)) {
      StringRef Name = TRI.getName(Part);
      bool Artificial = TRI.isArtificial(Part);
      unsigned Width = Part == Whole ? 8 : Artificial ? 1 : TRI.getRegSizeInBits(*TRI.getMinimalPhysRegClass(Part)) / 8;
      (void)Name;
      Registers[Part] = {Class, static_cast<uint8_t>(Width), Bits};
    }
  };
  for (unsigned I = 0; I != GeneralCount; ++I) {
    General[I] = ByName.lookup(GeneralNames[I]);
    AddParts(General[I], RegClass::General, 1u << I);
  }
  for (unsigned I = 16; I != 32; ++I)
    if (MCRegister R = ByName.lookup(("R" + Twine(I)).str()))
      AddParts(R, RegClass::ExtendedGeneral, 1u << (I - 16));
  Fs = ByName.lookup("FS");
  Gs = ByName.lookup("GS");
}

void X86Model::readOpcodes(const TargetInstrInfo &TII) {
  StringMap<OpClass> ByName;
  for (const NamedClass &N : NamedOpcodes)
    ByName[N.Name] = N.Class;
  StringMap<bool> Single;
  for (const char *Name : SinglePseudos)
    Single[Name] = true;
  Opcodes.resize(TII.getNumOpcodes(), OpClass::Plain);
  for (unsigned Op = 0; Op != TII.getNumOpcodes(); ++Op) {
    StringRef Name = TII.getName(Op);
    if (auto Found = ByName.find(Name); Found != ByName.end())
      Opcodes[Op] = Found->second;
    else if (TII.get(Op).isPseudo() && Op != TargetOpcode::INLINEASM && Op != TargetOpcode::INLINEASM_BR && !Single.contains(Name))
      Opcodes[Op] = OpClass::Expanded;
  }
  Values.resize(TII.getNumOpcodes(), ValueOp::Other);
  for (unsigned Op = 0; Op != TII.getNumOpcodes(); ++Op)
    for (const NamedValue &N : ValueOps)
      if (TII.getName(Op).starts_with(N.Prefix))
        Values[Op] = N.Op;
}

const X86Model &X86Model::get(const TargetInstrInfo &TII, const TargetRegisterInfo &TRI) {
  static const X86Model Model(TII, TRI);
  return Model;
}

MemoryOperands memoryOperands(const MachineInstr &MI) {
  const MCInstrDesc &Description = MI.getDesc();
  unsigned Count = Description.getNumOperands();
  for (unsigned I = 0; I + 4 < Count; ++I)
    if (Description.operands()[I].OperandType == MCOI::OPERAND_MEMORY)
      return {&MI.getOperand(I), &MI.getOperand(I + 1), &MI.getOperand(I + 2), &MI.getOperand(I + 3), &MI.getOperand(I + 4), I};
  return {};
}

} // namespace stillpoint
