// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: which registers and words of the frame will be read again, for certain, on some way on?
//
// Mechanism: backward data flow over the operands of the instructions. Of what the file does not say (which arguments a callee takes, what
// a caller takes
// back) only that counts which a definition shows: compilers do not set an argument register that nobody reads.
//
// Invariants: too little may be live (a write to a part of a register ends the rest as well), never too much, so that "live, but the table
// does not say so" is a fault of the table. An edge behind a call
// that never comes back would make too much live: `find_calls_without_return` removes those that can be told.
#ifndef STILLPOINT_TOOLS_VERIFY_LIVENESS_H
#define STILLPOINT_TOOLS_VERIFY_LIVENESS_H

#include "function.h"

#include "llvm/ADT/BitVector.h"

namespace stillpoint::verify {

// What an instruction does to the words of the frame that are followed, by number (values.h).
struct word_use {
  llvm::SmallVector<unsigned, 2> reads;
  llvm::SmallVector<unsigned, 2> writes;                      // wholly
  llvm::SmallVector<std::pair<unsigned, unsigned>, 1> copies; // into a register: wanted if that is
  unsigned pushes = ~0u;                                      // copies its register there: wanted if the word is
};

class liveness {
public:
  // `words`: by instruction; empty if none are followed yet. `unread_too`: with what must be arguments and results because nothing else
  // reads it.
  liveness(const function &f, const std::vector<word_use> &words, unsigned word_count, bool unread_too = true);

  struct state {
    register_set registers;
    llvm::BitVector words;
    bool merge(const state &o);
  };
  [[nodiscard]] const state &before(index i) const { return before_[i]; }
  [[nodiscard]] const state &after(index i) const { return after_[i]; }
  // What is live across a call: behind it, and not made by it.
  [[nodiscard]] state across(index call) const;
  [[nodiscard]] const state &entering(index block) const { return in_[block]; }

private:
  [[nodiscard]] std::uint32_t listed_in_epilogue(index last) const;
  void find_proven();
  void find_arguments();
  void step_arguments(index i, register_set &unread);
  void step(index i, state &s) const;
  state leaving(const block &b) const;
  void propagate();
  void record();

  const function &f_;
  const std::vector<word_use> &words_;
  state empty_;
  bool keeps_ = false;
  std::vector<register_set> arguments_; // by instruction: of calls and returns
  std::vector<register_set> proven_;    // of them those that callees or callers read
  std::vector<state> in_, before_, after_;
};

inline constexpr std::uint32_t argument_general = bit(rdi) | bit(rsi) | bit(rdx) | bit(rcx) | bit(r8) | bit(r9);
inline constexpr std::uint32_t result_general = bit(rax) | bit(rdx) | bit(rcx); // LLVM returns up to three words

// What a call destroys.
register_set clobbers_of(const operation &call);
// The runtime's write barrier: it keeps nearly all registers, and nobody is stopped or looks at frames under it.
bool is_write_barrier(const operation &call);
// Takes away the ways behind calls that never return: by their names, or because what is wanted there is what no call leaves alone.
void remove_calls_without_return(function &f, const liveness &live);

} // namespace stillpoint::verify

#endif
