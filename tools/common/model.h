// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tables and code put together: what both the text and the JSON form print.
//
// Invariant: a table that the shared reader does not accept as a whole is an error here; nothing of it is shown.
#ifndef STILLPOINT_TOOLS_COMMON_MODEL_H
#define STILLPOINT_TOOLS_COMMON_MODEL_H

#include "disassembler.h"
#include "image.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <cstdint>
#include <string>
#include <vector>

namespace stillpoint::tools {

inline constexpr unsigned kind_count = 3; // indexed by abi::point_kind

struct counts {
  std::uint64_t points[kind_count] = {};
  std::uint64_t bytes[kind_count] = {};
  [[nodiscard]] std::uint64_t all_points() const { return points[0] + points[1] + points[2]; }
  [[nodiscard]] std::uint64_t all_bytes() const { return bytes[0] + bytes[1] + bytes[2]; }
  void add(const counts &more);
};

struct state_run {
  map::run run;
  map::point at_start;
};

// One record: a contiguous fragment of a function. Most functions are one.
struct fragment {
  const image *file = nullptr;
  const section *code = nullptr; // null if the record's range is in no executable section
  std::size_t record = 0;        // index in its table
  std::uint64_t end = 0;
  std::uint64_t map_bytes = 0;   // 0: the record holds the map
  std::uint64_t symbol_size = 0; // 0 if not known
  map::fragment header;
  std::string mangled;   // empty if the file does not say
  std::string demangled; // the same as `mangled` for C names
  std::vector<state_run> runs;

  [[nodiscard]] std::uint64_t start() const { return header.start; }
  [[nodiscard]] std::uint64_t shown(std::uint64_t address) const { return address - (code != nullptr ? code->bias : 0); }
  // A part split off another function (hot/cold splitting, basic-block sections).
  [[nodiscard]] bool is_part() const;
};

struct instruction {
  std::uint64_t address = 0;
  decoded code;
  map::point state;
  bool changed = false; // the state differs from the one before, or this is the first
};

struct summary {
  std::uint64_t functions = 0;
  std::uint64_t fragments = 0;
  std::uint64_t runs = 0;
  std::uint64_t code_bytes = 0;       // of managed code
  std::uint64_t map_bytes = 0;        // of the functions counted
  std::uint64_t reference_points = 0; // points that list a reference or a stack root
  counts states;
};

// A place of a point's references: the word at [`base` + `offset`]; `words` of them from there on.
struct reference_words {
  std::string base; // of a register
  std::int64_t offset = 0;
  std::uint64_t words = 1;
};

// The references of one point, as its frame is there.
struct point_references {
  std::vector<std::string> registers;
  std::vector<reference_words> slots;
  std::vector<reference_words> roots; // references or null
  [[nodiscard]] bool none() const { return registers.empty() && slots.empty() && roots.empty(); }
};
point_references references_of(const map::point &p);

const char *kind_name(abi::point_kind kind);
const char *register_name(unsigned saved_register);
const char *general_register_name(unsigned encoding);
bool same_state(const map::point &a, const map::point &b);

// Every record of the file in address order.
llvm::Expected<std::vector<fragment>> read_fragments(const image &file);

using instruction_visitor = llvm::function_ref<void(const instruction &)>;
// Disassembles a fragment. Bytes that are no instruction are visited one by one, with code.ok false.
void each_instruction(const fragment &f, disassembler &d, bool with_text, instruction_visitor visit);

summary summarize(llvm::ArrayRef<fragment> fragments, disassembler &d);

// Whether tables and code fit together; one line for each thing that does not (check.cpp).
std::vector<std::string> check(llvm::ArrayRef<fragment> fragments, disassembler &d);

} // namespace stillpoint::tools

#endif
