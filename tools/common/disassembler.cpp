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
  unsigned decode_instruction(ArrayRef<std::uint8_t> bytes, std::uint64_t address, MCInst &into) override;
  [[nodiscard]] const MCInstrInfo &instructions() const override { return *instructions_; }
  [[nodiscard]] const MCRegisterInfo &registers() const override { return *registers_; }
  [[nodiscard]] const MCSubtargetInfo &features() const override { return *features_; }

private:
  std::string print(const MCInst &instruction, std::uint64_t next_address);

  Triple triple_{"x86_64-unknown-linux-gnu"};
  MCTargetOptions options_;
  std::unique_ptr<const MCRegisterInfo> registers_;
  std::unique_ptr<const MCAsmInfo> syntax_;
  std::unique_ptr<const MCInstrInfo> instructions_;
  std::unique_ptr<const MCSubtargetInfo> features_;
  std::unique_ptr<MCContext> context_;
  std::unique_ptr<MCDisassembler> decoder_;
  std::unique_ptr<MCInstPrinter> printer_;
  std::unique_ptr<const MCInstrAnalysis> analysis_;
};

bool mc_disassembler::initialize(std::string &error) {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86Disassembler();
  const Target *target = TargetRegistry::lookupTarget(triple_, error);
  if (target == nullptr)
    return false;
  error = "LLVM's x86-64 disassembler is incomplete";
  registers_.reset(target->createMCRegInfo(triple_));
  instructions_.reset(target->createMCInstrInfo());
  features_.reset(target->createMCSubtargetInfo(triple_, "", ""));
  if (!registers_ || !instructions_ || !features_)
    return false;
  syntax_.reset(target->createMCAsmInfo(*registers_, triple_, options_));
  if (!syntax_)
    return false;
  context_ = std::make_unique<MCContext>(triple_, syntax_.get(), registers_.get(), features_.get());
  decoder_.reset(target->createMCDisassembler(*features_, *context_));
  printer_.reset(target->createMCInstPrinter(triple_, syntax_->getAssemblerDialect(), *syntax_, *instructions_, *registers_));
  analysis_.reset(target->createMCInstrAnalysis(instructions_.get()));
  if (!decoder_ || !printer_ || !analysis_)
    return false;
  printer_->setPrintImmHex(true);
  printer_->setPrintBranchImmAsAddress(true);
  return true;
}

std::string mc_disassembler::print(const MCInst &instruction, std::uint64_t next_address) {
  std::string text;
  raw_string_ostream os(text);
  printer_->printInst(&instruction, next_address, "", *features_, os);
  StringRef trimmed = StringRef(text).trim();
  std::string result;
  for (const char c : trimmed)
    result += c == '\t' || c == '\n' ? ' ' : c;
  return result;
}

unsigned mc_disassembler::decode_instruction(ArrayRef<std::uint8_t> bytes, std::uint64_t address, MCInst &into) {
  std::uint64_t size = 0;
  const auto status = decoder_->getInstruction(into, size, bytes, address, nulls());
  return status == MCDisassembler::Success ? static_cast<unsigned>(size) : 0;
}

decoded mc_disassembler::decode(ArrayRef<std::uint8_t> bytes, std::uint64_t address, bool with_text) {
  decoded result;
  MCInst instruction;
  const unsigned size = decode_instruction(bytes, address, instruction);
  if (size == 0) {
    result.text = "(bad)";
    return result;
  }
  result.ok = true;
  result.size = size;
  if (!with_text)
    return result;
  result.text = print(instruction, address + size); // of x86, the printer wants the next instruction's address
  std::uint64_t target;
  if (analysis_->evaluateBranch(instruction, address, size, target))
    result.target = target;
  else
    result.data = analysis_->evaluateMemoryOperandAddress(instruction, features_.get(), address, size);
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
