// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: a reference that is only passed on, or returned, is read by no instruction of the function that has it.
//
// Mechanism: the other functions of the file tell. What a callee reads before it writes it, it takes; what a caller reads behind a call,
// the callee gives. Callees pass on what they take, so that is repeated a few times.
//
// What a function returns is a reference if its table lists RAX at each of its returns: a raw pointer that is returned is listed at none.
//
// Invariants: but for that, nothing here comes from the tables. Too little may be known (callees and callers in other files, through
// pointers), never too much.
//
// Rejected: the types in mangled names, which have no results and no C.
#ifndef STILLPOINT_TOOLS_VERIFY_CONVENTIONS_H
#define STILLPOINT_TOOLS_VERIFY_CONVENTIONS_H

#include "function.h"

#include <unordered_map>
#include <unordered_set>

namespace stillpoint::verify {

class conventions {
public:
  // All functions of one file, with their landing pads; builds their blocks, and tells them.
  explicit conventions(std::vector<function> &all);
  conventions(const conventions &) = delete;
  conventions &operator=(const conventions &) = delete;
  // General registers that the callee of a call or tail call takes.
  [[nodiscard]] std::uint32_t taken_by(const operation &call) const;
  // General registers that somebody takes from a function that returns.
  [[nodiscard]] std::uint32_t taken_from(const function &f) const;
  // Whether what a call gives in RAX is a reference from the beginning, by the callee's table.
  [[nodiscard]] bool gives_reference(const operation &call) const;
  // Whether the callee is the runtime's allocator.
  [[nodiscard]] static bool allocates_reference(const operation &call);
  // General registers in which the callee takes references, and nothing else: by its name and its table.
  [[nodiscard]] std::uint32_t references_taken_by(const operation &call) const;

private:
  void find_reference_takers(const function &f);
  bool look_at(const function &f, bool results);
  void find_reference_givers(const std::vector<function> &all);
  [[nodiscard]] bool ends_in_reference(const function &f) const;
  [[nodiscard]] std::uint64_t callee_of(const operation &call) const;

  std::unordered_map<std::string, std::uint64_t> names_;
  std::unordered_map<std::uint64_t, std::uint32_t> takes_; // by the address of the entry
  std::unordered_map<std::uint64_t, std::uint32_t> gives_;
  std::unordered_map<std::uint64_t, std::uint32_t> takes_references_;
  std::unordered_set<std::uint64_t> references_; // functions that give one
};

} // namespace stillpoint::verify

#endif
