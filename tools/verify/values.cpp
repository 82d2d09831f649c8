// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The flow over blocks: see values.h; step.cpp has what single instructions do. Jump tables and the flow need one another, so both are
// repeated until no
// jump is resolved anew.
#include "values.h"

#include "llvm/ADT/Hashing.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Endian.h"

namespace stillpoint::verify {

using namespace llvm;

namespace {

constexpr std::uint32_t register_base = ~0u; // as a place: registers
constexpr std::int64_t widest_table = 4096;

} // namespace

std::size_t values::hash::operator()(const std::array<std::int64_t, 4> &key) const { return hash_combine(key[0], key[1], key[2], key[3]); }

std::size_t values::hash::operator()(place p) const { return hash_combine(p.base, p.offset); }

// `a` is the block of what is joined, and the instruction of what instructions make.
number values::id_of(tag from, std::uint64_t a, std::uint64_t b, std::int64_t c) {
  const auto [at, added] = ids_.try_emplace({from, static_cast<std::int64_t>(a), static_cast<std::int64_t>(b), c}, origins_.size());
  if (added) {
    origin &made = origins_.emplace_back();
    if (from == joining)
      made.block = static_cast<index>(a);
    else if (from >= stored)
      made.made_by = static_cast<index>(a);
  }
  return at->second;
}

values::state values::entry_state() {
  state s;
  for (unsigned r = 0; r != general_count; ++r) {
    value &v = s.registers[r];
    v.id = id_of(entering, r, 0);
    if (r == rsp) {
      v = {.is = value::stack, .id = v.id, .amount = -8};
    } else if ((callee_saved >> r & 1) != 0) {
      v.is = value::caller;
      v.base = r;
    } else {
      v.unwritten = v.never_written = r == rax || r == r11;
    }
  }
  return s;
}

bool values::merge(value &into, const value &from, index block, place where) {
  if (recording_) {
    const number joined = id_of(joining, block, where.base, where.offset);
    if (into.id == joined) {
      origins_[joined].is = origin::joined;
      origins_[joined].by_way_from[leaving_] = from.id;
    }
  }
  if (into == from)
    return false;
  const value old = into;
  if (into.id != from.id && origins_[into.id].block != block) // else it is joined here already
    into.id = id_of(joining, block, where.base, where.offset);
  const bool same = into.is == from.is && into.base == from.base && into.amount == from.amount;
  if (!same) {
    into.is = value::plain;
    into.base = 0;
    into.amount = 0;
  }
  into.unwritten |= from.unwritten;
  into.never_written &= from.never_written;
  into.never_reference &= from.never_reference;
  into.foreign &= from.foreign;
  into.thread |= from.thread;
  return !(old == into);
}

// Words that one way has not written hold what nobody wrote, or what came with the frame.
bool values::merge_words(std::map<place, value> &in, const std::map<place, value> &from, index block) {
  const auto nobody = [&](place p) {
    const bool inside = p.base != 0 || p.offset < 0;
    return value{.unwritten = inside, .never_written = inside, .id = id_of(nobodys, p.base, 0, p.offset)};
  };
  bool changed = false;
  auto other = from.begin();
  const auto add = [&](auto before) {
    value mixed = nobody(other->first);
    merge(mixed, other->second, block, other->first);
    in.emplace_hint(before, other->first, mixed);
    changed = true;
  };
  for (auto at = in.begin(); at != in.end(); ++at) {
    for (; other != from.end() && other->first < at->first; ++other)
      add(at);
    const bool both = other != from.end() && other->first == at->first;
    changed |= merge(at->second, both ? other->second : nobody(at->first), block, at->first);
    if (both)
      ++other;
  }
  for (; other != from.end(); ++other)
    add(in.end());
  return changed;
}

void values::enter(index block, const state &s) {
  bool changed = !reached_[block];
  if (!reached_[block]) {
    reached_[block] = true;
    in_[block] = s;
  } else {
    state &in = in_[block];
    for (unsigned r = 0; r != general_count; ++r)
      changed |= merge(in.registers[r], s.registers[r], block, {register_base, r});
    changed |= (s.thread_vectors & ~in.thread_vectors) != 0;
    in.thread_vectors |= s.thread_vectors;
    changed |= merge_words(in.words, s.words, block);
  }
  if (changed && !is_contained(work_, block))
    work_.push_back(block);
}

void values::run() {
  in_.assign(f_.blocks.size(), {});
  reached_.assign(f_.blocks.size(), false);
  const state entry = entry_state();
  for (index b = 0; b != f_.blocks.size(); ++b)
    if (f_.blocks[b].entry)
      enter(b, entry);
  while (!work_.empty()) {
    // Lowest first: nearer to the order of execution, so fewer rounds.
    const auto lowest = llvm::min_element(work_);
    const index b = *lowest;
    work_.erase(lowest);
    state s = in_[b];
    for (index i = f_.blocks[b].begin; i != f_.blocks[b].end; ++i)
      step(i, s);
    leave(b, s);
  }
}

void values::leave(index block, const state &s) {
  for (const edge &e : f_.blocks[block].successors) {
    if (e.by != way::pad) {
      enter(e.block, s);
      continue;
    }
    // The unwinder has dropped pushed arguments and set RAX and RDX.
    state pad = s;
    const index call = f_.blocks[block].end - 1;
    for (const unsigned r : {rax, rdx})
      pad.registers[r] = {.never_reference = true, .id = id_of(at_pad, call, r)};
    pad.registers[rcx].unwritten = pad.registers[rcx].never_written = true;
    if (value &sp = pad.registers[rsp]; sp.is == value::stack)
      sp.amount += f_.code[call].dropped;
    enter(e.block, pad);
  }
}

std::optional<place> values::word_place(const state &s, const claim &c, std::int64_t word) const {
  const auto from = [&](general r, std::int64_t bytes) -> std::optional<place> {
    const value &v = s.registers[r];
    if (v.is != value::stack)
      return std::nullopt;
    return place{v.base, v.amount + bytes};
  };
  switch (c.base) {
  case abi::base_cfa:
    return place{0, word * 8};
  case abi::base_stack_pointer:
    return from(rsp, word * 8);
  case abi::base_rbx:
    return from(rbx, word * 8);
  }
  return std::nullopt;
}

bool values::exposed(place p) const {
  const auto above = pointers_.upper_bound(p);
  return above != pointers_.begin() && std::prev(above)->base == p.base;
}

bool values::followed(place p) const { return (slots_.contains(p) && !pointers_.contains(p)) || (!has_roots_ && !exposed(p)); }

value values::word(const state &s, place p) {
  const auto found = s.words.find(p);
  if (found != s.words.end())
    return found->second;
  const bool unwritten = (p.base != 0 || p.offset < 0) && !exposed(p);
  return {.unwritten = unwritten, .never_written = unwritten, .id = id_of(nobodys, p.base, 0, p.offset)};
}

bool values::is_result(number id, unsigned r) {
  const origin &o = origins_[id];
  return o.made_by != nowhere && ids_.contains({by_call, o.made_by, r, 0}) && ids_.at({by_call, o.made_by, r, 0}) == id;
}

std::optional<unsigned> values::word_number(place p) const {
  const auto found = word_numbers_.find(p);
  return found == word_numbers_.end() ? std::nullopt : std::optional(found->second);
}

void values::walk(function_ref<void(index, const state &)> visit) {
  for (index b = 0; b != f_.blocks.size(); ++b) {
    if (!reached_[b])
      continue;
    state s = in_[b];
    for (index i = f_.blocks[b].begin; i != f_.blocks[b].end; ++i) {
      visit(i, s);
      step(i, s);
    }
  }
}

// The entries of a jump table, up to the first that leads nowhere in the function, or to where another table begins.
std::vector<index> values::table_targets(std::uint64_t table, bool relative) {
  std::vector<index> found;
  const tools::section *const s = f_.file->data_at(table);
  if (s == nullptr)
    return found;
  const std::uint64_t width = relative ? 4 : 8;
  for (std::int64_t n = 0; n != widest_table; ++n) {
    const std::uint64_t at = table + static_cast<std::uint64_t>(n) * width;
    if (at + width > s->end() || (n != 0 && tables_.contains(at)))
      break;
    const std::uint8_t *const bytes = s->contents.data() + (at - s->address);
    const std::uint64_t target =
        relative ? table + static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(support::endian::read32le(bytes))})
                 : support::endian::read64le(bytes);
    const index to = f_.at(target);
    if (to == nowhere)
      break;
    found.push_back(to);
  }
  sort(found);
  found.erase(unique(found), found.end());
  return found;
}

std::vector<index> values::targets_of(index jump, const state &s) {
  const operation &op = f_.code[jump].op;
  if (op.source != no_register && s.registers[op.source].is == value::table_target)
    return table_targets(static_cast<std::uint64_t>(s.registers[op.source].amount), /*relative=*/true);
  if (op.memory.present && op.memory.index != no_register && op.memory.scale == 8) {
    if (op.memory.target)
      return table_targets(*op.memory.target, /*relative=*/false);
    if (op.memory.base < general_count && s.registers[op.memory.base].is == value::address)
      return table_targets(static_cast<std::uint64_t>(s.registers[op.memory.base].amount + op.memory.displacement), /*relative=*/false);
  }
  return {};
}

// Whether a jump was resolved that was not before.
bool values::resolve_jumps() {
  std::map<index, std::vector<index>> found;
  std::vector<index> unresolved;
  std::vector<std::pair<index, state>> jumps;
  walk([&](index i, const state &s) {
    const operation &op = f_.code[i].op;
    if (op.does != what::jump || !op.indirect)
      return;
    if (op.source != no_register && s.registers[op.source].is == value::table_target)
      tables_.insert(static_cast<std::uint64_t>(s.registers[op.source].amount));
    if (op.memory.target)
      tables_.insert(*op.memory.target);
    jumps.emplace_back(i, s);
  });
  for (auto &[i, s] : jumps) {
    std::vector<index> targets = targets_of(i, s);
    const value &sp = s.registers[rsp];
    const bool tail_call = sp.is == value::stack && sp.base == 0 && sp.amount == -8;
    if (targets.empty() && !tail_call)
      for (const std::uint64_t at : f_.file->code_pointers)
        if (const index to = f_.at(at); to != nowhere && !f_.blocks[f_.block_of[to]].entry) // a function's address is no label's
          targets.push_back(to);
    if (!targets.empty())
      found[i] = std::move(targets);
    else if (!tail_call)
      unresolved.push_back(i);
  }
  f_.limits[static_cast<std::size_t>(limit::unresolved_jump)] = unresolved.size();
  const std::vector<std::pair<index, std::vector<index>>> now(found.begin(), found.end());
  if (now == f_.indirect)
    return false;
  f_.indirect = now;
  return true;
}

number values::name_of(const std::string &symbol) {
  const auto found = llvm::find(names_, symbol);
  const auto at = static_cast<number>(found - names_.begin());
  if (found == names_.end())
    names_.push_back(symbol);
  return at;
}

// Names the callees of calls through registers that hold a function's address on every way. Whether one was named that was not before.
bool values::resolve_calls() {
  std::vector<std::pair<index, std::string>> found;
  walk([&](index i, const state &s) {
    const operation &op = f_.code[i].op;
    if (op.does != what::call || op.source == no_register || !op.callee.empty())
      return;
    const value &target = s.registers[op.source];
    const tools::symbol *const known =
        target.is == value::address ? f_.file->symbol_at(static_cast<std::uint64_t>(target.amount)) : nullptr;
    if (target.is == value::import)
      found.emplace_back(i, names_[static_cast<std::size_t>(target.amount)]);
    else if (known != nullptr)
      found.emplace_back(i, known->name);
  });
  for (auto &[i, name] : found)
    name_callee(f_.code[i].op, std::move(name));
  return !found.empty();
}

// What the finished flow says of words, and where values come from.
void values::collect() {
  uses_.assign(f_.code.size(), {});
  word_numbers_.clear();
  numbered_.clear();
  recording_ = true;
  // Each way into a block once more, so that joined values know what meets.
  const state entry = entry_state();
  for (index b = 0; b != f_.blocks.size(); ++b) {
    if (!reached_[b])
      continue;
    state s = in_[b];
    for (index i = f_.blocks[b].begin; i != f_.blocks[b].end; ++i)
      step(i, s);
    leaving_ = b;
    leave(b, s);
    leaving_ = nowhere;
    if (f_.blocks[b].entry)
      enter(b, entry);
  }
  work_.clear();
  recording_ = false;
}

values::values(function &f) : f_(f) {
  has_roots_ = llvm::any_of(f.code, [](const instruction &i) { return !i.says.roots.empty(); });
  constexpr unsigned most_rounds = 16;
  for (unsigned round = 0; round != most_rounds; ++round) {
    build_blocks(f_);
    remove_calls_without_return(f_, liveness(f_, {}, 0));
    pointers_.clear();
    slots_.clear();
    // Which words the program has pointers to is known behind the first flow only.
    run();
    const bool calls = resolve_calls(), jumps = resolve_jumps();
    if (!calls && !jumps) {
      run();
      break;
    }
  }
  collect();
  for (index b = 0; b != f_.blocks.size(); ++b)
    if (!reached_[b])
      f_.limits[static_cast<std::size_t>(limit::unreached)] += f_.blocks[b].end - f_.blocks[b].begin;
}

} // namespace stillpoint::verify
