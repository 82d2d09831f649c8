// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLVM's x86-64 disassembler behind one function: bytes and address in, size and text of one instruction out. The state is per object;
// nothing is global but LLVM's registry of targets.
#ifndef STILLPOINT_TOOLS_COMMON_DISASSEMBLER_H
#define STILLPOINT_TOOLS_COMMON_DISASSEMBLER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace llvm {
class MCInst;
class MCInstrInfo;
class MCRegisterInfo;
class MCSubtargetInfo;
} // namespace llvm

namespace stillpoint::tools {

struct decoded {
  unsigned size = 1; // 1 if `ok` is false
  bool ok = false;
  std::string text;                    // only if asked for
  std::optional<std::uint64_t> target; // of a direct branch or call
  std::optional<std::uint64_t> data;   // of a PC-relative memory operand
};

class disassembler {
public:
  static llvm::Expected<std::unique_ptr<disassembler>> create();
  virtual ~disassembler() = default;
  // `bytes` begins with the instruction; `address` is its address as shown.
  virtual decoded decode(llvm::ArrayRef<std::uint8_t> bytes, std::uint64_t address, bool with_text) = 0;

  // For those who want to know what an instruction does. The size is 0 if the bytes are none.
  virtual unsigned decode_instruction(llvm::ArrayRef<std::uint8_t> bytes, std::uint64_t address, llvm::MCInst &into) = 0;
  [[nodiscard]] virtual const llvm::MCInstrInfo &instructions() const = 0;
  [[nodiscard]] virtual const llvm::MCRegisterInfo &registers() const = 0;
  [[nodiscard]] virtual const llvm::MCSubtargetInfo &features() const = 0;
};

} // namespace stillpoint::tools

#endif
