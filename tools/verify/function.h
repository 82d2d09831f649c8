// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A function as the proofs see it: its instructions, what the tables claim of the point in front of each, and the ways on from each.
//
// Mechanism: fragments between which there are jumps (hot and cold parts) are one function. Ways come from branch targets, from the
// landing pads in
// .gcc_except_table, and from jump tables, which Values finds (values.h); an indirect jump that nothing resolves goes to every place inside
// the function that data points to.
//
// Invariants: instructions are in the order of their addresses; blocks partition them; `claim` is all that comes from the tables.
#ifndef STILLPOINT_TOOLS_VERIFY_FUNCTION_H
#define STILLPOINT_TOOLS_VERIFY_FUNCTION_H

#include "common/model.h"
#include "common/unwind.h"
#include "operation.h"

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace stillpoint::verify {

using index = std::uint32_t;
inline constexpr index nowhere = std::numeric_limits<index>::max();

// What the tables say of one point, with nothing left to decode.
struct claim {
  abi::point_kind kind = abi::kind_unsafe;
  bool callee_may_stop = false;
  bool callee_pinned = false;
  bool vector_live = true;
  bool has_live_set = false;
  map::frame_rule frame;
  map::live_set live;
  std::uint16_t registers = 0;         // that hold references
  abi::slot_base base = abi::base_cfa; // of slots and roots
  std::vector<std::int64_t> slots;     // in words
  std::vector<std::pair<std::int64_t, std::uint64_t>> roots;

  // Whether a task may be found here: stopped, or (at a call) below in the stack.
  [[nodiscard]] bool scanned(bool is_call) const { return kind != abi::kind_unsafe || (is_call && callee_may_stop); }
};
claim claim_of(const map::point &p);

struct instruction {
  std::uint64_t address = 0;
  std::uint32_t size = 0;
  bool decoded = false;
  operation op;
  claim says;
  index landing = nowhere;  // of a call: its landing pad
  std::int64_t dropped = 0; // bytes of pushed arguments that the unwinder drops on its way there
  [[nodiscard]] std::uint64_t end() const { return address + size; }
};

enum class way : std::uint8_t {
  next,  // falls through
  after, // falls through behind a call, which may never come back
  jump,
  pad // from a call to its landing pad
};

struct edge {
  index block = 0;
  way by = way::next;
};

struct block {
  index begin = 0, end = 0;
  std::vector<edge> successors;
  std::vector<edge> predecessors; // edge::block is where it comes from
  bool entry = false;
};

// What a function could not be checked for, by reason.
enum class limit : std::uint8_t {
  unresolved_jump,
  unknown_pads,
  unreached,
  unproven_slot,
  indirect_root,
  partly_written,
  maybe_raw,
  limit_count
};
inline constexpr std::size_t limit_count = static_cast<std::size_t>(limit::limit_count);
const char *limit_text(limit l);

class conventions;

struct function {
  const tools::image *file = nullptr;
  const conventions *others = nullptr; // what the file's other functions take and give, if that is known
  std::string name;
  std::vector<const tools::fragment *> parts; // by address; the first with the entry is parts[entry_part]
  std::vector<instruction> code;
  std::vector<block> blocks;
  std::vector<index> block_of;                                // by instruction
  std::vector<std::pair<index, std::vector<index>>> indirect; // resolved jumps: from, to
  std::array<std::uint64_t, limit_count> limits{};

  [[nodiscard]] index at(std::uint64_t address) const; // the instruction that begins there, or nowhere
  [[nodiscard]] bool is_call(index i) const { return code[i].op.does == what::call; }
  // Whether a jump leaves the function: a tail call.
  [[nodiscard]] bool leaves(const instruction &i) const;
  [[nodiscard]] std::uint64_t shown(std::uint64_t address) const { return parts.front()->shown(address); }
};

// Groups the fragments of one file into functions and decodes them; ways are still to be built.
std::vector<function> read_functions(const std::vector<tools::fragment> &fragments, const model &m);
// Sets each call's landing pad from the exception tables.
void find_landing_pads(function &f, const tools::unwind_info &unwind);
// Blocks and edges, with what `f.indirect` says of indirect jumps.
void build_blocks(function &f);

} // namespace stillpoint::verify

#endif
