// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The reader of Stillpoint's tables (include/stillpoint/abi/map_format.h draws the bytes), shared by the runtime and the tools.
//
// Invariants: every function here is async-signal safe, allocates nothing, reads only inside the spans that a table_view names, and for any
// bytes whatever gives an answer or `status::corrupt`. Addresses are virtual addresses: for the running program those of the mapped
// sections themselves, for a tool those the file was linked at.
#ifndef STILLPOINT_RUNTIME_MAP_READER_H
#define STILLPOINT_RUNTIME_MAP_READER_H

#include "map/cursor.h"
#include "stillpoint/abi/map_format.h"

#include <cstddef>
#include <cstdint>

namespace stillpoint::map {

enum class status : std::uint8_t {
  ok,
  not_managed, // no record covers the PC
  corrupt      // the bytes contradict the format
};

// One section's bytes and the address of the first.
struct bytes_at {
  const unsigned char *data = nullptr;
  std::size_t size = 0;
  std::uint64_t address = 0;
};

struct table_view {
  bytes_at records;
  bytes_at maps;
  bytes_at copies{};
  [[nodiscard]] std::size_t record_count() const noexcept { return records.size / sizeof(abi::record); }
};

// Where a frame is at one point, resolved: no form or code is left to interpret.
struct frame_rule {
  bool known = false;
  bool cfa_is_rbp = false;                            // CFA = (cfa_is_rbp ? RBP : RSP) + cfa_offset
  std::uint64_t cfa_offset = 0;                       // bytes
  std::uint8_t saved = 0;                             // bit set of abi::saved_register, only those already saved at this point
  std::uint64_t slot[abi::saved_register_count] = {}; // bytes below the CFA, for the bits set in `saved`
};

struct live_set {
  std::uint64_t general = 0; // bits as abi::live_flags_bit says
  std::uint64_t vector = 0;
  std::uint64_t other = 0;
};

// The live references of one point. Its words stay in the map until each_slot() and each_stack_root() are asked for them, so it must not outlive
// the table. All zero where nothing is a reference, and where no frame is known.
struct references {
  std::uint16_t registers = 0;         // bit n: the general register with encoding number n holds a live reference
  bool roots_ready = false;            // the frame's stack roots hold references or null
  abi::slot_base base = abi::base_cfa; // what words are counted from, as it is at this point
  // The rest is for each_slot() and each_stack_root().
  bool has_slot_list = false;
  std::uint64_t slots = 0; // of the first 64 words of the list
  cursor lists;
  cursor steps; // all that led to this point, if the list is longer than 64 words
};

// What the table says of one PC.
struct point {
  abi::point_kind kind = abi::kind_unsafe;
  bool vector_live = true;
  bool has_live_set = false;
  bool callee_may_stop =
      false;                  // while a call here runs. Not at unsafe points, but for those that forbid a stop only of the function itself
  bool callee_pinned = false; // it must go on in this thread
  abi::state_code code = abi::state_unsafe; // as encoded, for display
  frame_rule frame;
  live_set live;
  references refs;
};

// Which of the 64 slots from `first` on are live behind `steps`; for lists of more than 64 words.
std::uint64_t live_slots(cursor steps, std::uint64_t first) noexcept;

// Calls visit(word) for every slot of the frame that holds a live reference: it is at base + 8 * word.
template <class Visitor>
void each_slot(const references &refs, Visitor &&visit) noexcept {
  constexpr std::uint64_t at_once = 64;
  std::uint64_t live = refs.slots;
  if (live == 0 && refs.steps.at == nullptr)
    return;
  cursor bytes = refs.lists;
  word_list list;
  if (!list.open(bytes, /*lengths=*/false))
    return;
  std::int64_t word;
  std::uint64_t length;
  for (std::uint64_t n = 0; list.next(word, length); ++n) {
    if (n != 0 && n % at_once == 0) // only a long list has more
      live = live_slots(refs.steps, n);
    if ((live >> n % at_once & 1) != 0)
      visit(word);
  }
}

// Calls visit(word, count) for every range of words that holds the frame's stack roots, if they are ready here.
template <class Visitor>
void each_stack_root(const references &refs, Visitor &&visit) noexcept {
  if (!refs.roots_ready)
    return;
  cursor bytes = refs.lists;
  word_list list;
  std::int64_t word;
  std::uint64_t count;
  if (refs.has_slot_list) {
    if (!list.open(bytes, /*lengths=*/false))
      return;
    while (list.next(word, count)) {
    }
  }
  if (!list.open(bytes, /*lengths=*/true))
    return;
  while (list.next(word, count))
    visit(word, count);
}

// One fragment's header, decoded.
struct fragment {
  std::uint64_t start = 0;
  std::uint8_t saved = 0;
  bool cfa_is_rbp = false;
  bool nosplit = false;
  bool explicit_slots = false;
  bool has_references = false;
  bool has_root_list = false;
  abi::slot_base base = abi::base_cfa;
  cursor lists;                                       // of slots and stack roots: see references
  std::uint64_t slot_count = 0;                       // words in the list of slots
  std::uint64_t words = 0;                            // 0 if cfa_is_rbp
  std::uint64_t slot[abi::saved_register_count] = {}; // bytes below the CFA, for the bits set in `saved`
};

struct run {
  std::uint64_t start = 0;
  std::uint64_t length = 0;
  abi::state_code code = abi::state_unsafe; // but for references; own states are state_own_0 or state_escape
  std::uint64_t own_index = 0;
};

// Finds the record that covers `pc` (binary search) and decodes its map up to `pc`. For a return address ask for pc - 1: the state of a
// call holds while it runs. A PC inside a standard prologue or epilogue that starts none of its instructions is unsafe with an unknown
// frame; inside the instructions of other runs the reader cannot tell. `out` is meaningful only with status::ok.
status find(const table_view &table, std::uint64_t pc, point &out) noexcept;

// Called for every run of one fragment in order; return false to stop.
using run_visitor = bool (*)(void *context, const run &r, const point &at_start);

// The point `offset` bytes into a run (offset <= length), from the point at the run's start: differs from it only in a standard prologue
// or epilogue. Pure; for those who walk a fragment's instructions, where a find() for each would be quadratic.
void resolve_in_run(const fragment &header, const run &r, const point &at_start, std::uint64_t offset, point &out) noexcept;

// Walks the index-th record's runs. `end` receives the address behind the last run visited; `visit` may be null. Runs before the place where
// a map turns out to be corrupt have been visited by then. Cost: linear in the fragment's map.
status visit_fragment(const table_view &table, std::size_t index, fragment &header, std::uint64_t &end, run_visitor visit,
                      void *context) noexcept;

// Where `pc` of an unchecked copy has its counterpart in the checked one; 0 if `pc` lies in no unchecked copy. `pc` is a point (the start of an
// instruction, or padding that is executed). Cost: a binary search, and linear in the stretch's pieces.
std::uint64_t checked_place(const table_view &table, std::uint64_t pc) noexcept;

// One piece of an unchecked copy, resolved.
struct copy_piece {
  std::uint64_t start = 0;
  std::uint64_t length = 0;
  std::uint64_t counterpart = 0;
  bool fixed = false;
};

// Visits the pieces of the index-th stretch (of copies.size / sizeof(abi::copy_record)) in order; return false to stop.
using piece_visitor = bool (*)(void *context, const copy_piece &piece);
status visit_copy(const table_view &table, std::size_t index, piece_visitor visit, void *context) noexcept;

// Whether all stretches are well formed, ascending and without overlaps, and they and their counterparts lie in [low, high).
status validate_copies(const table_view &table, std::uint64_t low, std::uint64_t high, std::size_t &bad_record) noexcept;

// Checks the whole table but its copies: records ascending and not overlapping, every map well formed and inside the section. On failure `bad_record` is
// the first offending index. Cost: linear in the table.
status validate(const table_view &table, std::size_t &bad_record) noexcept;

} // namespace stillpoint::map

#endif
