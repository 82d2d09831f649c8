// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: behind a call that never comes back there is no way on, and what stands there belongs to others. Names tell that of few
// functions.
//
// Mechanism: the callee's own code, if the file has it, is followed from its entry over branches and into its callees. If no way ends in a
// return, nor anywhere that is not known, it never returns.
//
// Invariant: "never" is said only of code that was seen as a whole.
#ifndef STILLPOINT_TOOLS_VERIFY_RETURNS_H
#define STILLPOINT_TOOLS_VERIFY_RETURNS_H

#include "operation.h"

#include <map>
#include <set>

namespace stillpoint::verify {

class returns {
public:
  returns(const tools::image &file, const model &m) : file_(file), model_(m) {}
  // Whether a call of the function at `address` never comes back.
  bool never(std::uint64_t address) { return !may_return(address, 0); }

private:
  bool may_return(std::uint64_t address, unsigned depth);
  bool finds_return(std::uint64_t address, unsigned depth);

  const tools::image &file_;
  const model &model_;
  std::map<std::uint64_t, bool> known_;
};

} // namespace stillpoint::verify

#endif
