// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: what is in each general register and each word of the frame, in front of each instruction?
//
// Mechanism: an abstract interpretation, forward over the function's ways. A value is one of the few kinds that the proofs ask for (a
// distance from the
// CFA or from another fixed place of the stack, the caller's value of a register, an address in the file, an entry of a jump table) or
// plain; besides it has
// a number, the same for all copies of it, and notes: nobody has written it on some way, it cannot be a reference, it depends on the
// thread. Where values
// of different numbers meet, the place gets a number of its own.
//
// Invariants: a kind is claimed only if it holds on every way. A store through a pointer that is not known does not change words that the
// program made no pointer to; other words lose their values there and at calls.
#ifndef STILLPOINT_TOOLS_VERIFY_VALUES_H
#define STILLPOINT_TOOLS_VERIFY_VALUES_H

#include "liveness.h"

#include <map>
#include <set>
#include <unordered_map>

namespace stillpoint::verify {

using number = std::uint32_t;

// A place of the stack: bytes from the CFA (base 0) or from where the stack pointer was behind instruction `base` - 1.
struct place {
  std::uint32_t base = 0;
  std::int64_t offset = 0;
  auto operator<=>(const place &) const = default;
};

struct value {
  enum kind : std::uint8_t { plain, caller, stack, address, constant, table_entry, table_target, import };
  kind is = plain;
  bool unwritten = false;       // on some way nobody has set it
  bool never_written = false;   // on no way anybody has
  bool never_reference = false; // on every way it is what no reference is made of
  bool foreign = false;         // memory of the program's own, by the name of the function that gave it
  bool thread = false;          // on some way it is computed from the thread pointer
  number id = 0;
  std::uint32_t base = 0;  // of stack; the register of caller
  std::int64_t amount = 0; // of stack, address, constant; where a table is
  bool operator==(const value &) const = default;
};

struct values_state {
  std::array<value, general_count> registers;
  std::uint32_t thread_vectors = 0;
  std::map<place, value> words;
  bool operator==(const values_state &) const = default;
};

// The kinds of places where values come into being; each gives its own numbers.
enum tag : unsigned { entering, joining, nobodys, stored, by_call, computed, at_pad };

// The number of whatever a word holds that the program has a pointer to, behind a store or a call that may have changed it: it equals
// nothing.
inline constexpr number lost = 0;

// Where values come from: for those who ask whether one keeps the same object alive as another.
struct origin {
  enum kind : std::uint8_t { made, joined, offset, distance, chosen };
  kind is = made;
  index made_by = nowhere;             // the instruction, if it is one
  std::set<number> from;               // of offset and distance: what was added to or taken from; of chosen: any of which it may be
  index block = nowhere;               // of joined: where,
  std::map<index, number> by_way_from; // and what it is on the way from each block
};

class values {
public:
  explicit values(function &f);

  using state = values_state;
  [[nodiscard]] bool reached(index i) const { return reached_[f_.block_of[i]]; }
  // Calls visit(instruction, state in front of it) for each that is reached.
  void walk(llvm::function_ref<void(index, const state &)> visit);

  [[nodiscard]] std::optional<place> word_place(const state &s, const claim &c, std::int64_t word) const;
  // What a word holds: what came with the frame, if nobody has written it.
  value word(const state &s, place p);
  [[nodiscard]] const origin &origin_of(number id) const { return origins_[id]; }
  // Whether it is what a call has left in this register.
  [[nodiscard]] bool is_result(number id, unsigned r);
  // What was in a register when the function began.
  [[nodiscard]] number received(unsigned r) { return id_of(entering, r, 0); }
  [[nodiscard]] std::size_t count() const { return origins_.size(); }
  // Whether a word is the code generator's own, so that a reference in it has to be listed: it is listed somewhere and nobody points to
  // it, or nobody
  // can in a function that has no stack roots.
  [[nodiscard]] bool followed(place p) const;
  // Whether the program may have a pointer to this word.
  [[nodiscard]] bool exposed(place p) const;

  [[nodiscard]] const std::vector<word_use> &word_uses() const { return uses_; }
  [[nodiscard]] unsigned word_count() const { return static_cast<unsigned>(word_numbers_.size()); }
  [[nodiscard]] std::optional<unsigned> word_number(place p) const;
  [[nodiscard]] place word_by_number(unsigned n) const { return numbered_[n]; }

private:
  friend class stepper;
  void run();
  bool resolve_jumps();
  bool resolve_calls();
  number name_of(const std::string &symbol);
  std::vector<index> targets_of(index jump, const state &s);
  std::vector<index> table_targets(std::uint64_t table, bool relative);
  state entry_state();
  void enter(index block, const state &s);
  void leave(index block, const state &s);
  bool merge(value &into, const value &from, index block, place where);
  bool merge_words(std::map<place, value> &in, const std::map<place, value> &from, index block);
  void step(index i, state &s);
  number id_of(tag from, std::uint64_t a, std::uint64_t b, std::int64_t c = 0);
  void collect();

  function &f_;
  std::vector<state> in_;
  std::vector<bool> reached_;
  std::vector<index> work_;
  struct hash {
    std::size_t operator()(const std::array<std::int64_t, 4> &key) const;
    std::size_t operator()(place p) const;
  };
  std::unordered_map<std::array<std::int64_t, 4>, number, hash> ids_;
  std::vector<origin> origins_{1}; // the first is of `lost`
  bool recording_ = false;
  index leaving_ = nowhere;        // the block that is being left, while recording
  std::vector<std::string> names_; // of imported functions
  std::set<std::uint64_t> tables_; // where jump tables begin
  std::set<place> pointers_;       // places that registers other than RSP and RBP have pointed to
  bool has_roots_ = false;
  std::set<place> slots_; // words that the tables list as references somewhere: the code generator's own
  std::vector<word_use> uses_;
  std::unordered_map<place, unsigned, hash> word_numbers_;
  std::vector<place> numbered_;
};

} // namespace stillpoint::verify

#endif
