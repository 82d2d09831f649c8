// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: a table that leaves a reference out is wrong only if the reference matters there. Whether it does has to be told without
// the analysis whose findings are tried.
//
// Mechanism: one value at a time, from the instruction that makes it, forward over all ways. A moment is an instruction and the exact
// places that hold the value, or an address inside the same object, in front of it; where a conditional move or the ways part, each outcome
// is a moment of its own, so nothing is ever joined. There are few of them, because a value has few places. A moment wants the value if an
// instruction on some way on dereferences it, stores it to memory, computes with it, passes it to a call or returns it.
//
// Invariants: the tables as the compiler wrote them are taken for true: where they stop listing the value at all, what is left of it is a
// raw pointer that others keep, and its uses are none of the reference's. `surely` holds it on this way for certain, `maybe` is what it
// may be in: words that a callee may have written, distances.
//
// Rejected: the verifier's own values and liveness (a rule that is wrong would agree with itself); running the programs (a use on a way
// that is not taken is one).
#ifndef STILLPOINT_TEST_VERIFY_FOLLOWED_H
#define STILLPOINT_TEST_VERIFY_FOLLOWED_H

#include "values.h"

#include <set>
#include <vector>

namespace stillpoint::verify {

struct holders {
  std::uint32_t registers = 0;
  std::set<place> words;
  auto operator<=>(const holders &) const = default;
  [[nodiscard]] bool none() const { return registers == 0 && words.empty(); }
};

inline void put(holders &h, unsigned r, bool there) { h.registers = (h.registers & ~bit(r)) | (there ? bit(r) : 0); }
inline bool has(const holders &h, unsigned r) { return r < general_count && (h.registers >> r & 1) != 0; }

struct held {
  holders surely, maybe;
  auto operator<=>(const held &) const = default;
};

// One thing that a table lists: a register, or a word in front of a certain instruction.
struct spot {
  unsigned register_number = no_register;
  std::int64_t word = 0;
};

enum class fate : std::uint8_t { wanted, elsewhere, unwanted, constant };

class followed {
public:
  // `f`: with its blocks, and with tables that are true. `through_memory`: also where others may write, in stack objects.
  followed(const function &f, bool through_memory);
  // What becomes of the value in `s`, which the true table lists in front of `i`, if the table were `instead` there.
  [[nodiscard]] fate of(index i, const spot &s, const claim &instead) const;
  // Whether the tables `instead` (of all points) list what is in the spot, in a register or slot, anywhere before or later.
  [[nodiscard]] bool named_elsewhere(index i, const spot &s, const std::vector<claim> &instead) const;
  // The points up to where the spot is written anew, on all ways from `i` on, `i` itself included.
  [[nodiscard]] std::vector<index> until_written(index i, const spot &s) const;
  [[nodiscard]] std::optional<place> word_place(index i, const claim &c, std::int64_t word) const;
  [[nodiscard]] std::size_t moments() const { return moments_.size(); }
  [[nodiscard]] bool complete() const { return complete_; }

private:
  // Which registers and words hold addresses of the frame.
  struct frame_addresses {
    std::array<std::optional<place>, general_count> registers;
    std::map<place, place> words;
    bool operator==(const frame_addresses &) const = default;
    std::optional<place> &operator[](unsigned r) { return registers[r]; }
    const std::optional<place> &operator[](unsigned r) const { return registers[r]; }
  };
  struct moment {
    index at = 0;
    held in;
    std::vector<unsigned> next, before;
    bool wanted = false;
  };

  static std::optional<place> place_of(const memory_operand &m, const frame_addresses &s);
  static void meet(frame_addresses &in, const frame_addresses &way);
  void find_stack();
  void step_stack(index i, frame_addresses &s) const;
  void find_words();
  [[nodiscard]] bool exposed(place p) const;
  [[nodiscard]] std::optional<place> operand_place(index i) const;
  void follow_all();
  void follow_made_by(index i);
  void follow(const std::vector<std::pair<index, held>> &from);
  unsigned moment_of(index i, const held &h);
  [[nodiscard]] std::vector<std::pair<index, way>> ways_from(index i) const;
  [[nodiscard]] bool uses(index i, const held &h) const;
  [[nodiscard]] bool passes(index i, const held &h) const;
  [[nodiscard]] std::vector<held> step(index i, const held &h) const;
  static std::vector<held> load(held h, unsigned dest, const std::optional<place> &word);
  [[nodiscard]] std::vector<held> lose_exposed(const held &h) const;
  [[nodiscard]] std::vector<held> call(index i, held h) const;
  [[nodiscard]] std::vector<held> store(index i, held h) const;
  void step_sum(index i, held &h) const;
  static held at_pad(held h);
  [[nodiscard]] bool is_pointer(index i, unsigned r) const;
  [[nodiscard]] bool lists(index i, const claim &c, const holders &h, bool under) const;
  [[nodiscard]] bool names(index i, const claim &c, const holders &h) const;
  [[nodiscard]] bool kept_under(index i, const held &behind) const;
  void find_wanted();

  const function &f_;
  const bool through_memory_;
  std::vector<frame_addresses> stack_;
  std::set<place> pointers_; // to the frame, that registers other than RSP and RBP have held
  std::set<place> spilled_;  // words that the tables list as slots: the code generator's own, nobody has pointers to them
  std::set<place> loaded_;   // words that some instruction reads
  std::vector<moment> moments_;
  std::map<std::pair<index, held>, unsigned> numbers_;
  std::vector<std::vector<unsigned>> at_; // by instruction
  bool complete_ = true;
};

} // namespace stillpoint::verify

#endif
