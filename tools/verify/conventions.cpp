// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See conventions.h.
#include "conventions.h"
#include "liveness.h"
#include "signature.h"

namespace stillpoint::verify {

namespace {

constexpr unsigned most_rounds = 3; // arguments that are passed on through so many functions

// The runtime's functions that make an object and return a reference to it.
bool is_allocation(llvm::StringRef name) {
  return name.starts_with("_ZN10stillpoint2gc6detail8allocateE") || name.starts_with("_ZN10stillpoint2gc6detail14allocate_arrayE");
}

} // namespace

std::uint64_t conventions::callee_of(const operation &call) const {
  if (call.target && takes_.contains(*call.target))
    return *call.target;
  const auto named = call.callee.empty() ? names_.end() : names_.find(call.callee);
  return named != names_.end() ? named->second : 0;
}

std::uint32_t conventions::taken_by(const operation &call) const {
  const auto found = takes_.find(callee_of(call));
  return found != takes_.end() ? found->second : 0;
}

std::uint32_t conventions::taken_from(const function &f) const {
  std::uint32_t given = 0;
  for (const tools::fragment *part : f.parts)
    if (const auto found = gives_.find(part->start()); found != gives_.end())
      given |= found->second;
  return given;
}

bool conventions::allocates_reference(const operation &call) { return is_allocation(call.callee); }

std::uint32_t conventions::references_taken_by(const operation &call) const {
  const auto found = takes_references_.find(callee_of(call));
  return found != takes_references_.end() ? found->second : 0;
}

// What the table lists of what came into the function, before anything can have changed it.
void conventions::find_reference_takers(const function &f) {
  const std::uint32_t possible = arguments_without_raw_pointers(f.parts.front()->demangled);
  for (const block &b : f.blocks) {
    std::uint32_t same = b.entry ? possible : 0, listed = 0;
    for (index i = b.begin; i != b.end && same != 0; ++i) {
      if (f.code[i].says.kind != abi::kind_unsafe)
        listed |= f.code[i].says.registers & same;
      same &= ~f.code[i].op.writes.general;
      if (f.is_call(i))
        break;
    }
    if (listed != 0)
      takes_references_[f.code[b.begin].address] = listed;
  }
}

bool conventions::gives_reference(const operation &call) const {
  return is_allocation(call.callee) || references_.contains(callee_of(call));
}

// Whether RAX is listed wherever the function returns, or passes on what another gives.
bool conventions::ends_in_reference(const function &f) const {
  bool returns = false;
  for (const instruction &i : f.code) {
    const bool tail_call = i.op.does == what::jump && f.leaves(i);
    if (!i.op.returns && !tail_call)
      continue;
    returns = true;
    const bool listed = i.op.returns && i.says.kind != abi::kind_unsafe && (i.says.registers >> rax & 1) != 0;
    if (!listed && !(tail_call && gives_reference(i.op)))
      return false;
  }
  return returns;
}

void conventions::find_reference_givers(const std::vector<function> &all) {
  for (bool more = true; more;) {
    more = false;
    for (const function &f : all)
      if (ends_in_reference(f))
        for (const block &b : f.blocks)
          if (b.entry)
            more |= references_.insert(f.code[b.begin].address).second;
  }
}

// Whether anything was learned that was not known.
bool conventions::look_at(const function &f, bool results) {
  const liveness live(f, {}, 0, /*unread_too=*/false);
  bool more = false;
  const auto learn = [&](std::uint32_t &known, std::uint32_t now) {
    more |= (now & ~known) != 0;
    known |= now;
  };
  for (index b = 0; !results && b != f.blocks.size(); ++b)
    if (f.blocks[b].entry)
      learn(takes_[f.code[f.blocks[b].begin].address], live.entering(b).registers.general & argument_general);
  const std::uint32_t given = taken_from(f);
  for (index i = 0; results && i != f.code.size(); ++i) {
    const operation &op = f.code[i].op;
    const std::uint64_t callee = callee_of(op);
    if (callee == 0)
      continue;
    if (op.does == what::call)
      learn(gives_[callee], live.after(i).registers.general & bit(rax)); // RDX is left over too often
    else if (op.does == what::jump && f.leaves(f.code[i]))
      learn(gives_[callee], given);
  }
  return more;
}

conventions::conventions(std::vector<function> &all) {
  for (function &f : all) {
    build_blocks(f);
    remove_calls_without_return(f, liveness(f, {}, 0));
    f.others = this;
    for (const block &b : f.blocks)
      if (b.entry)
        takes_[f.code[b.begin].address] = 0;
    for (const tools::fragment *part : f.parts)
      if (!part->mangled.empty())
        names_.emplace(part->mangled, part->start());
  }
  // Arguments first: what is returned must not make anybody take what nobody has set.
  for (const bool results : {false, true}) {
    bool more = true;
    for (unsigned round = 0; more && round != most_rounds; ++round) {
      more = false;
      for (const function &f : all)
        more |= look_at(f, results);
    }
  }
  find_reference_givers(all);
  for (const function &f : all)
    find_reference_takers(f);
}

} // namespace stillpoint::verify
