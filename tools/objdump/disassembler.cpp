// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See disassembler.h.
#include "disassembler.h"

#include "llvm/MC/MCAsmInfo.h"
#include "llvm/MC/MCContext.h"
#include "llvm/MC/MCDisassembler/MCDisassembler.h"
#include "llvm/MC/MCInst.h"
#include "llvm/MC/MCInstPrinter.h"
#include "llvm/MC/MCInstrAnalysis.h"
#include "llvm/MC/MCInstrInfo.h"
#include "llvm/MC/MCRegisterInfo.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/MCTargetOptions.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"

namespace stillpoint::tools {

using namespace llvm;

namespace {

// Members are destroyed from the last to the first: what others refer to stands first.
class mc_disassembler final : public disassembler {
public:
  bool initialize(std::string &error);
  decoded decode(ArrayRef<std::uint8_t> bytes, std::uint64_t address, bool with_text) override;

private:
  std::string print(const MCInst &instruction, std::uint64_t next_address);

  Triple triple{"x86_64-unknown-linux-gnu"};
  MCTargetOptions options;
  std::unique_ptr<const MCRegisterInfo> registers;
  std::unique_ptr<const MCAsmInfo> syntax;
  std::unique_ptr<const MCInstrInfo> instructions;
  std::unique_ptr<const MCSubtargetInfo> features;
  std::unique_ptr<MCContext> context;
  std::unique_ptr<MCDisassembler> decoder;
  std::unique_ptr<MCInstPrinter> printer;
  std::unique_ptr<const MCInstrAnalysis> analysis;
};

bool mc_disassembler::initialize(std::string &error) {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86Disassembler();
  const Target *target = TargetRegistry::lookupTarget(triple, error);
  if (target == nullptr)
    return false;
  error = "LLVM's x86-64 disassembler is incomplete";
  registers.reset(target->createMCRegInfo(triple));
  instructions.reset(target->createMCInstrInfo());
  features.reset(target->createMCSubtargetInfo(triple, "", ""));
  if (!registers || !instructions || !features)
    return false;
  syntax.reset(target->createMCAsmInfo(*registers, triple, options));
  if (!syntax)
    return false;
  context = std::make_unique<MCContext>(triple, syntax.get(), registers.get(), features.get());
  decoder.reset(target->createMCDisassembler(*features, *context));
  printer.reset(target->createMCInstPrinter(triple, syntax->getAssemblerDialect(), *syntax, *instructions, *registers));
  analysis.reset(target->createMCInstrAnalysis(instructions.get()));
  if (!decoder || !printer || !analysis)
    return false;
  printer->setPrintImmHex(true);
  printer->setPrintBranchImmAsAddress(true);
  return true;
}

std::string mc_disassembler::print(const MCInst &instruction, std::uint64_t next_address) {
  std::string text;
  raw_string_ostream os(text);
  printer->printInst(&instruction, next_address, "", *features, os);
  StringRef trimmed = StringRef(text).trim();
  std::string result;
  for (const char c : trimmed)
    result += c == '\t' || c == '\n' ? ' ' : c;
  return result;
}

decoded mc_disassembler::decode(ArrayRef<std::uint8_t> bytes, std::uint64_t address, bool with_text) {
  decoded result;
  MCInst instruction;
  std::uint64_t size = 0;
  if (decoder->getInstruction(instruction, size, bytes, address, nulls()) != MCDisassembler::Success || size == 0) {
    result.text = "(bad)";
    return result;
  }
  result.ok = true;
  result.size = static_cast<unsigned>(size);
  if (!with_text)
    return result;
  result.text = print(instruction, address + size); // of x86, the printer wants the next instruction's address
  std::uint64_t target;
  if (analysis->evaluateBranch(instruction, address, size, target))
    result.target = target;
  else
    result.data = analysis->evaluateMemoryOperandAddress(instruction, features.get(), address, size);
  return result;
}

} // namespace

Expected<std::unique_ptr<disassembler>> disassembler::create() {
  auto result = std::make_unique<mc_disassembler>();
  std::string error;
  if (!result->initialize(error))
    return createStringError(inconvertibleErrorCode(), error);
  return std::move(result);
}

} // namespace stillpoint::tools
