// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: a table that lists a value nowhere does not say that it is a reference. What does?
//
// Mechanism: what the code does with it, in places that can hold nothing but references. The plugin refuses types in which a word is a
// reference sometimes, so
//  - what the allocator gives is a reference, and
//  - what a callee takes that lists it, and whose name has no parameters but numbers and gc::ref (conventions.h);
//  - words of memory keep their types: if one load of a word makes a listed value, so does another by the same pointer, where it is
//    dereferenced (a reference may be loaded as a number, to be compared).
//
// Invariants: nothing is said of values that may be raw pointers, but for the last, of which raw.h has the word.
//
// Rejected: words of stack roots (they hold other things as well, where the optimizer has put objects into one another's place), and of
// them those whose value is listed when it is loaded again (lengths and raw pointers are, where an object is copied word by word); taking
// what others' tables list behind calls for the type of what is returned: a callee may return a raw pointer that it lists because it is
// the reference as well, and one caller may make a reference of it and another not.
#ifndef STILLPOINT_TOOLS_VERIFY_TYPED_H
#define STILLPOINT_TOOLS_VERIFY_TYPED_H

#include "values.h"

#include "llvm/ADT/BitVector.h"

namespace stillpoint::verify {

class typed_values {
public:
  explicit typed_values(const function &f) : f_(f) {}
  // For each instruction, in the order of values::walk.
  void note(index i, const values_state &s);

  struct evidence {
    number id;
    index at;
    auto operator<=>(const evidence &) const = default;
  };
  [[nodiscard]] const std::vector<evidence> &references() const { return references_; }
  // Loads of one word each, by what they load.
  using loads = std::map<std::pair<number, std::int64_t>, std::set<evidence>>;
  [[nodiscard]] const loads &words() const { return words_; }
  [[nodiscard]] bool dereferenced(number id) const { return id < dereferenced_.size() && dereferenced_.test(id); }

private:
  void note_given(index i, const values_state &s);

  const function &f_;
  std::vector<evidence> references_;
  loads words_;
  llvm::BitVector dereferenced_;
  index loads_at_ = nowhere; // an instruction that loads a word by a pointer: which
  std::pair<number, std::int64_t> word_;
};

} // namespace stillpoint::verify

#endif
