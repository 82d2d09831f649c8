// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Unchecked copies (abi::copy_record) against the code: whether a task that is moved to the checked copy finds what it would have found had it been there
// all the time, and whether nobody enters an unchecked copy while the collector marks.
//
// Mechanism: both copies are disassembled, and these have to hold in each unchecked copy:
//   1. every instruction has its counterpart, which is the same instruction: of the same operands, or a jump on the same condition;
//   2. both go on at places of which one is the other's counterpart, or that are one, if jumps and padding are followed, and in the checked copy checks as
//      they are while the collector does not mark;
//   3. both have the same state;
//   4. there are no calls and no returns;
//   5. it is entered behind a check that found the flag clear only, and from that check to its first instruction no point allows a stop.
// A call right in front of one is taken for one that does not come back.
#ifndef STILLPOINT_TOOLS_COMMON_COPIES_H
#define STILLPOINT_TOOLS_COMMON_COPIES_H

#include "model.h"

namespace stillpoint::tools {

// The stretches of unchecked copies of a file, by their starts.
using stretch = std::vector<map::copy_piece>;
llvm::Expected<std::vector<stretch>> read_copies(const image &file);

// Of the sections with records of copies the one whose lists of pieces are in these maps.
map::bytes_at copies_of(const map::bytes_at &maps, llvm::ArrayRef<section> sections);

// A complaint with the address it is about.
struct copy_problem {
  std::uint64_t address = 0;
  std::string what;
};
std::vector<copy_problem> check_copies(const fragment &f, llvm::ArrayRef<stretch> all, disassembler &d);

} // namespace stillpoint::tools

#endif
