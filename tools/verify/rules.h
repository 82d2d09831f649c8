// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the tables claim, against what the code does.
#ifndef STILLPOINT_TOOLS_VERIFY_RULES_H
#define STILLPOINT_TOOLS_VERIFY_RULES_H

#include "values.h"

namespace stillpoint::verify {

enum class rule : std::uint8_t { structure, frame, saved, written, kind, missing, thread, vector, live, restart, rule_count };
inline constexpr std::size_t rule_count = static_cast<std::size_t>(rule::rule_count);
const char *rule_text(rule r);

struct finding {
  std::uint64_t address = 0; // as shown
  std::string function;
  rule broken = rule::structure;
  std::string reason;
};

struct counts {
  std::uint64_t functions = 0;
  std::uint64_t points[tools::kind_count] = {}; // by abi::point_kind, of reached instructions
  std::uint64_t frames = 0;                     // points whose frame was compared
  std::uint64_t references = 0;                 // listed locations that were looked at
  std::uint64_t wanted = 0;                     // live values that had to be listed
  std::array<std::uint64_t, limit_count> limits{};
  void add(const counts &more);
};

// All findings about one function, whose landing pads have been set; by address.
std::vector<finding> check_function(function &f, counts &into);

} // namespace stillpoint::verify

#endif
