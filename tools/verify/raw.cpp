// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See raw.h.
#include "raw.h"

#include "llvm/ADT/STLExtras.h"

namespace stillpoint::verify {

using namespace llvm;

bool places::merge(const places &o) {
  const std::uint32_t old = registers;
  const bool more = o.words.test(words);
  registers |= o.registers;
  words |= o.words;
  return more || registers != old;
}

// Stack roots hold nothing but references.
void raw_places::note_rooted(index i, const values_state &s) {
  const claim &c = f_.code[i].says;
  for (const auto &[word, dest] : v_.word_uses()[i].copies) {
    const place p = v_.word_by_number(word);
    rooted_[i] = rooted_[i] || llvm::any_of(c.roots, [&](const auto &root) {
                   const std::optional<place> first = v_.word_place(s, c, root.first);
                   return first && first->base == p.base && p.offset >= first->offset &&
                          p.offset < first->offset + static_cast<std::int64_t>(root.second) * 8;
                 });
  }
}

void raw_places::note_listed(index i, const values_state &s) {
  const claim &c = f_.code[i].says;
  note_rooted(i, s);
  if (!c.scanned(f_.is_call(i)))
    return;
  listed_[i].registers = c.registers;
  for (unsigned r = 0; r != general_count; ++r)
    if ((c.registers >> r & 1) != 0)
      points_[s.registers[r].id].push_back(i);
  for (const std::int64_t word : c.slots) {
    const std::optional<place> at = v_.word_place(s, c, word);
    if (!at)
      continue;
    points_[v_.word(s, *at).id].push_back(i);
    if (const std::optional<unsigned> n = v_.word_number(*at))
      listed_[i].words.set(*n);
  }
}

// Whether an argument register goes on into the next call, which no instruction shows if it came into the function as an argument.
bool raw_places::is_passed_on(index from, unsigned r) const {
  const index end = f_.blocks[f_.block_of[from]].end;
  for (index at = from; at < end; ++at) {
    const instruction &next = f_.code[at];
    if (next.op.does == what::call)
      return (next.says.registers >> r & 1) != 0;
    if ((next.op.writes.general >> r & 1) != 0)
      return false;
  }
  return false;
}

// What an instruction copies from one place to others. The first place counts only if it is read again.
void raw_places::copy(index i, places &p) const {
  const operation &op = f_.code[i].op;
  const word_use &words = v_.word_uses()[i];
  const liveness::state &after = live_.after(i);
  const auto from_register = [&](unsigned r) {
    if ((after.registers.general >> r & 1) != 0 || (i + 1 != f_.blocks[f_.block_of[i]].end && is_passed_on(i + 1, r)))
      p.registers |= bit(r);
    return (p.registers >> r & 1) != 0;
  };
  const auto from_word = [&](unsigned w) {
    if (after.words.test(w))
      p.words.set(w);
    return p.words.test(w);
  };
  std::uint32_t raw_registers = 0;
  llvm::SmallVector<unsigned, 1> raw_words;
  switch (op.does) {
  case what::copy:
    raw_registers = from_register(op.source) ? bit(op.dest) : 0;
    break;
  case what::either:
    raw_registers = (p.registers & bit(op.dest)) | (op.source != no_register && from_register(op.source) ? bit(op.dest) : 0);
    break;
  case what::push:
    if (op.source != no_register && words.pushes != ~0u && from_register(op.source))
      raw_words.push_back(words.pushes);
    break;
  case what::store:
    if (op.source != no_register && !words.writes.empty() && from_register(op.source))
      raw_words.push_back(words.writes.front());
    break;
  default:
    if (op.writes.vector != 0)
      for (unsigned r = 0; r != general_count; ++r)
        if ((op.values.general >> r & 1) != 0)
          (void)from_register(r);
  }
  for (const auto &[word, dest] : words.copies)
    raw_registers |= from_word(word) && !rooted_[i] ? bit(dest) : 0;
  for (const unsigned w : words.reads)
    if ((op.writes.vector != 0 || op.does == what::either) && from_word(w) && op.does == what::either)
      raw_registers |= bit(op.dest);
  p.registers = (p.registers & ~op.writes.general) | raw_registers;
  for (const unsigned w : words.writes)
    p.words.reset(w);
  if (words.pushes != ~0u)
    p.words.reset(words.pushes);
  for (const unsigned w : raw_words)
    p.words.set(w);
}

void raw_places::step(index i, places &p) const {
  const operation &op = f_.code[i].op;
  if (op.does == what::exchange) {
    const bool first = (p.registers >> op.dest & 1) != 0, second = (p.registers >> op.source & 1) != 0;
    p.registers &= ~(bit(op.dest) | bit(op.source));
    p.registers |= (first ? bit(op.source) : 0) | (second ? bit(op.dest) : 0);
    return;
  }
  if (op.does != what::call)
    return copy(i, p);
  p.registers &= ~((listed_[i].registers & callee_saved) | clobbers_of(op).general);
  p.words.reset(listed_[i].words);
}

// Adds what is raw on one of the ways that part behind a block.
void raw_places::part(index from, const edge &e, places &p) const {
  const index here = f_.blocks[e.block].begin;
  if (!f_.code[here].says.scanned(f_.is_call(here)))
    return;
  for (const edge &other : f_.blocks[from].successors) {
    places more = listed_[f_.blocks[other.block].begin];
    more.registers &= ~listed_[here].registers;
    more.words.reset(listed_[here].words);
    const liveness::state &wanted = live_.entering(other.block);
    for (unsigned r = 0; r != general_count; ++r)
      if ((wanted.registers.general >> r & 1) == 0 && !is_passed_on(f_.blocks[other.block].begin, r))
        more.registers &= ~bit(r);
    more.words &= wanted.words;
    p.merge(more);
  }
}

void raw_places::propagate() {
  in_.assign(f_.blocks.size(), none_);
  before_.assign(f_.code.size(), none_);
  for (bool changed = true; changed;) {
    changed = false;
    for (index b = 0; b != f_.blocks.size(); ++b) {
      places p = in_[b];
      for (index i = f_.blocks[b].begin; i != f_.blocks[b].end; ++i) {
        before_[i] = p;
        step(i, p);
      }
      for (const edge &e : f_.blocks[b].successors) {
        places way = p;
        part(b, e, way);
        changed |= in_[e.block].merge(way);
      }
    }
  }
}

raw_places::raw_places(const function &f, values &v, const liveness &live) : f_(f), v_(v), live_(live) {
  none_.words.resize(v.word_count());
  listed_.assign(f.code.size(), none_);
  rooted_.assign(f.code.size(), false);
  v.walk([&](index i, const values_state &s) { note_listed(i, s); });
  propagate();
}

// The blocks at whose beginning the value is listed on some way on, before it is made anew.
const BitVector &raw_places::blocks_that_list(number id) {
  const auto [found, added] = later_.try_emplace(id, f_.blocks.size());
  BitVector &in = found->second;
  if (!added)
    return in;
  const origin &o = v_.origin_of(id);
  const auto listed = points_.find(id);
  BitVector stops(f_.blocks.size());
  if (o.made_by != nowhere)
    stops.set(f_.block_of[o.made_by]);
  if (listed != points_.end())
    for (const index i : listed->second)
      if (const index b = f_.block_of[i]; o.made_by == nowhere || f_.block_of[o.made_by] != b || i <= o.made_by)
        in.set(b);
  for (bool changed = true; changed;) {
    changed = false;
    for (index b = 0; b != f_.blocks.size(); ++b)
      if (!in.test(b) && !stops.test(b) &&
          llvm::any_of(f_.blocks[b].successors, [&](const edge &e) { return in.test(e.block) && e.block != o.block; })) {
        in.set(b);
        changed = true;
      }
  }
  return in;
}

bool raw_places::listed_later(index i, number id) {
  const origin &o = v_.origin_of(id);
  const BitVector &in = blocks_that_list(id);
  const index b = f_.block_of[i];
  const auto listed = points_.find(id);
  const index last = o.made_by != nowhere && f_.block_of[o.made_by] == b && o.made_by >= i ? o.made_by : f_.blocks[b].end;
  if (listed != points_.end() && llvm::any_of(listed->second, [&](index at) { return at > i && at <= last && f_.block_of[at] == b; }))
    return true;
  return last == f_.blocks[b].end &&
         llvm::any_of(f_.blocks[b].successors, [&](const edge &e) { return in.test(e.block) && e.block != o.block; });
}

} // namespace stillpoint::verify
