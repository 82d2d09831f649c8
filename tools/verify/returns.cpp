// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See returns.h.
#include "returns.h"

namespace stillpoint::verify {

namespace {

constexpr unsigned deepest = 16;  // callees of callees
constexpr unsigned longest = 512; // instructions; what ends a program or throws is short

} // namespace

bool returns::may_return(std::uint64_t address, unsigned depth) {
  const auto [known, added] = known_.try_emplace(address, true); // while it is looked at: one that calls itself may return
  if (!added)
    return known->second;
  const bool may = depth == deepest || finds_return(address, depth);
  return known_[address] = may;
}

bool returns::finds_return(std::uint64_t address, unsigned depth) {
  std::set<std::uint64_t> seen;
  std::vector<std::uint64_t> work{address};
  while (!work.empty()) {
    const std::uint64_t at = work.back();
    work.pop_back();
    const tools::section *const code = file_.code_at(at);
    if (code == nullptr || seen.size() == longest)
      return true;
    if (!seen.insert(at).second)
      continue;
    operation op;
    const unsigned size = model_.decode(file_, code->contents.drop_front(at - code->address), at, op);
    if (size == 0 || op.returns || (op.indirect && op.does == what::jump))
      return true;
    if (op.does == what::leaves || op.no_return) // an instruction that traps, or a callee that is known by its name
      continue;
    if (op.does == what::call && op.target && !may_return(*op.target, depth + 1))
      continue;
    if (op.does == what::jump || op.does == what::branch) {
      if (!op.target)
        return true;
      work.push_back(*op.target);
    }
    if (op.does != what::jump)
      work.push_back(at + size);
  }
  return false;
}

} // namespace stillpoint::verify
