// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An ELF file as the tools see it: code, function names, tables, sizes.
//
// Mechanism: a linked file is taken at the addresses it was linked for. In a relocatable file all sections are at address 0, so each gets
// an
// address of its own here, and the record sections' relocations are applied to copies; `shown` turns such an address back into the offset
// in the section that other tools print. Each record section gives one table; there are several in a relocatable file.
//
// Rejected: linking a relocatable file first (slow, and it needs a linker); LLVM's RuntimeDyld (made to run code).
#ifndef STILLPOINT_TOOLS_COMMON_IMAGE_H
#define STILLPOINT_TOOLS_COMMON_IMAGE_H

#include "map/reader.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Object/Binary.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace llvm {
class MCSubtargetInfo;
}

namespace stillpoint::tools {

struct section {
  std::string name;
  std::uint64_t address = 0;
  std::uint64_t bias = 0; // address - what is shown
  llvm::ArrayRef<std::uint8_t> contents;
  [[nodiscard]] std::uint64_t end() const { return address + contents.size(); }
  [[nodiscard]] bool contains(std::uint64_t at) const { return at >= address && at < end(); }
};

struct symbol {
  std::uint64_t address = 0;
  std::uint64_t size = 0;
  bool function = false;
  std::string name; // mangled
};

// A relocation in code: the assembler left the operand to the linker.
struct fixup {
  std::uint64_t address = 0;
  std::uint32_t type = 0;             // R_X86_64_*
  std::string target;                 // "symbol" or "symbol+8"
  std::string symbol;                 // without what is added
  std::optional<std::uint64_t> value; // where it points to, if that is in this file
};

struct table {
  std::string name; // of the record section
  map::table_view view;
  std::uint64_t maps_bias = 0;
};

struct image {
  std::string name; // "a.out", "lib.a(member.o)"
  bool relocatable = false;
  bool has_symbols = false;    // a symbol table, not only the dynamic one
  std::vector<section> code;   // by address
  std::vector<symbol> symbols; // by address, the best name of each first
  std::vector<fixup> fixups;   // by address
  std::vector<table> tables;
  section eh_frame;
  // For those who look at more than code and tables:
  std::vector<section> data;                // other sections that are loaded; in a relocatable file with what relocations can be applied
  std::vector<std::uint64_t> code_pointers; // ascending: addresses in code that words of data hold
  std::map<std::uint64_t, std::string> imports; // stubs of the PLT and words of the GOT: whose they are
  std::uint64_t text_bytes = 0;                 // all executable sections
  std::uint64_t eh_frame_bytes = 0;             // .eh_frame
  std::uint64_t records_bytes = 0;
  std::uint64_t maps_bytes = 0;
  std::uint64_t copies_bytes = 0;
  std::vector<std::unique_ptr<std::vector<std::uint8_t>>> patched; // relocated copies of sections

  [[nodiscard]] const section *code_at(std::uint64_t address) const;
  [[nodiscard]] const section *data_at(std::uint64_t address) const;
  // The best symbol at exactly this address, or null.
  [[nodiscard]] const symbol *symbol_at(std::uint64_t address) const;
  // The function or object that covers the address, or null.
  [[nodiscard]] const symbol *symbol_around(std::uint64_t address) const;
};

// A file and what its images point into.
struct loaded_file {
  std::unique_ptr<llvm::MemoryBuffer> buffer;
  std::vector<std::unique_ptr<llvm::object::Binary>> binaries;
  std::vector<std::unique_ptr<image>> images; // one, or those members of an archive that have tables
};

// Where a record's map is; nothing if the record holds it itself.
std::optional<std::uint64_t> map_address(const table &t, std::size_t record);

// Reads a file; the error says what is wrong with which file. A file without tables is an error. `imports` is filled if `features` are
// given.
llvm::Expected<loaded_file> load(llvm::StringRef path, const llvm::MCSubtargetInfo *features = nullptr);

} // namespace stillpoint::tools

#endif
