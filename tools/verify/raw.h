// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: a raw pointer and the reference that is made of it (gc::ref_to(p), beside p->value) are one value in the code, and so are a
// number and a reference that are loaded from the same word. Only the reference has to be listed; the raw pointer's object is kept by
// others. Which places of such a value may hold no more than the raw pointer?
//
// Mechanism: up to where the reference is made of it, the value is listed, because it is going to be one. What is left of the raw pointer
// then is in a place of its own, or on a way of its own. So a place may be raw
//  - behind an instruction that leaves the value in two places of which the first is read again (a copy, a spill, a conditional move);
//  - from where ways part, if the table lists it on another of them, and on this one not.
// It is none if the table lists it at a call behind that, or lists the same value again later: in between it has to be listed as well.
//
// Invariants: a value that has ever had one place only, and no other way to go, is never raw. What is said here takes a finding away, it
// makes none.
//
// Rejected: believing every end of a listing (a reference that is listed too short a time is the fault to be found); types from mangled
// names (there are none for locals).
#ifndef STILLPOINT_TOOLS_VERIFY_RAW_H
#define STILLPOINT_TOOLS_VERIFY_RAW_H

#include "values.h"

#include "llvm/ADT/BitVector.h"

namespace stillpoint::verify {

// Registers and words (by number, values.h).
struct places {
  std::uint32_t registers = 0;
  llvm::BitVector words;
  bool merge(const places &o);
};

class raw_places {
public:
  raw_places(const function &f, values &v, const liveness &live);
  // The places whose value may be raw in front of an instruction.
  [[nodiscard]] const places &before(index i) const { return before_[i]; }
  // Whether the table lists this very value somewhere on the ways on from an instruction.
  bool listed_later(index i, number id);

private:
  void note_rooted(index i, const values_state &s);
  void note_listed(index i, const values_state &s);
  void step(index i, places &p) const;
  void copy(index i, places &p) const;
  [[nodiscard]] bool is_passed_on(index from, unsigned r) const;
  void part(index from, const edge &e, places &p) const;
  void propagate();
  const llvm::BitVector &blocks_that_list(number id);

  const function &f_;
  values &v_;
  const liveness &live_;
  places none_;
  std::vector<places> listed_; // in front of calls, and where blocks begin
  std::vector<bool> rooted_;   // what loads a word of a stack root
  std::vector<places> in_, before_;
  std::map<number, std::vector<index>> points_; // that list a value
  std::map<number, llvm::BitVector> later_;     // see blocks_that_list
};

} // namespace stillpoint::verify

#endif
