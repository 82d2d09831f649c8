// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See followed.h; followed_step.cpp has what single instructions do. Steps: 1. where registers point to in the frame; 2. each value from where it is made; 3. backward over the moments: which
// want it.
#include "followed.h"

namespace stillpoint::verify {

namespace {

constexpr std::int64_t word_bytes = 8;
constexpr std::size_t most_moments = 200000;

} // namespace

// 1.
void followed::step_stack(index i, frame_addresses &s) const {
  const operation &op = f_.code[i].op;
  const auto moved = [](std::optional<place> p, std::int64_t by) {
    if (p)
      p->offset += by;
    return p;
  };
  const std::optional<place> word = place_of(op.memory, s);
  const auto from_word = [&](const std::optional<place> &p) {
    const auto found = p ? s.words.find(*p) : s.words.end();
    return found != s.words.end() ? std::optional(found->second) : std::nullopt;
  };
  const auto to_word = [&](const std::optional<place> &p, unsigned source) {
    if (p && source != no_register && s[source])
      s.words.insert_or_assign(*p, *s[source]);
    else if (p)
      s.words.erase(*p);
  };
  switch (op.does) {
  case what::nothing:
    return;
  case what::call:
    for (unsigned r = 0; r != general_count; ++r)
      if ((clobbers_of(op).general >> r & 1) != 0)
        s[r].reset();
    std::erase_if(s.words, [&](const auto &w) { return exposed(w.first); });
    return;
  case what::push:
    s[rsp] = moved(s[rsp], -word_bytes);
    to_word(s[rsp], op.source);
    return;
  case what::pop: {
    const std::optional<place> popped = from_word(s[rsp]);
    s[rsp] = moved(s[rsp], word_bytes);
    if (op.dest != no_register)
      s[op.dest] = popped;
    return;
  }
  case what::leave:
    s[rsp] = moved(s[rbp], word_bytes);
    s[rbp].reset();
    return;
  case what::copy:
    s[op.dest] = s[op.source];
    return;
  case what::load:
    s[op.dest] = from_word(word);
    return;
  case what::store:
    if (word)
      to_word(word, op.source);
    else
      std::erase_if(s.words, [&](const auto &w) { return exposed(w.first); });
    return;
  case what::exchange:
    std::swap(s[op.dest], s[op.source]);
    return;
  case what::add:
    if (op.dest != no_register && op.immediate) {
      s[op.dest] = moved(s[op.dest], *op.immediate);
      return;
    }
    break;
  case what::address:
    if (op.memory.base < general_count && op.memory.index == no_register && !op.memory.fixed_up) {
      s[op.dest] = moved(s[op.memory.base], op.memory.displacement);
      return;
    }
    break;
  default:
    break;
  }
  if (op.stores)
    std::erase_if(s.words, [&](const auto &w) { return exposed(w.first) || (word && std::abs(w.first.offset - word->offset) < 64); });
  for (unsigned r = 0; r != general_count; ++r)
    if ((op.writes.general >> r & 1) != 0)
      s[r].reset();
  if (!s[rsp])
    s[rsp] = place{i + 1, 0}; // counted from here on
}

void followed::meet(frame_addresses &in, const frame_addresses &way) {
  for (unsigned r = 0; r != general_count; ++r)
    if (in[r] != way[r])
      in[r].reset();
  std::erase_if(in.words, [&](const auto &w) {
    const auto other = way.words.find(w.first);
    return other == way.words.end() || other->second != w.second;
  });
}

void followed::find_stack() {
  std::vector<std::optional<frame_addresses>> in(f_.blocks.size());
  std::vector<index> work;
  for (index b = 0; b != f_.blocks.size(); ++b)
    if (f_.blocks[b].entry) {
      in[b].emplace();
      (*in[b])[rsp] = place{0, -word_bytes};
      work.push_back(b);
    }
  stack_.assign(f_.code.size(), {});
  while (!work.empty()) {
    const index b = work.back();
    work.pop_back();
    frame_addresses s = *in[b];
    for (index i = f_.blocks[b].begin; i != f_.blocks[b].end; ++i) {
      stack_[i] = s;
      step_stack(i, s);
    }
    for (const edge &e : f_.blocks[b].successors) {
      frame_addresses way = s;
      if (e.by == way::pad && way[rsp])
        way[rsp]->offset += f_.code[f_.blocks[b].end - 1].dropped;
      const std::optional<frame_addresses> old = in[e.block];
      if (!in[e.block])
        in[e.block] = way;
      else
        meet(*in[e.block], way);
      if (old != in[e.block])
        work.push_back(e.block);
    }
  }
}

std::optional<place> followed::place_of(const memory_operand &m, const frame_addresses &s) {
  if (!m.present || m.base >= general_count || m.index != no_register || m.segment || !s[m.base])
    return std::nullopt;
  return place{s[m.base]->base, s[m.base]->offset + m.displacement};
}

std::optional<place> followed::operand_place(index i) const { return place_of(f_.code[i].op.memory, stack_[i]); }

std::optional<place> followed::word_place(index i, const claim &c, std::int64_t word) const {
  if (c.base == abi::base_cfa)
    return place{0, word * word_bytes};
  const std::optional<place> &from = stack_[i][c.base == abi::base_rbx ? rbx : rsp];
  return from ? std::optional(place{from->base, from->offset + word * word_bytes}) : std::nullopt;
}

// Which words others may have pointers to, and which are read.
void followed::find_words() {
  pointers_.clear();
  loaded_.clear();
  for (index i = 0; i != f_.code.size(); ++i) {
    for (const std::int64_t word : f_.code[i].says.slots)
      if (const std::optional<place> p = word_place(i, f_.code[i].says, word))
        spilled_.insert(*p);
    frame_addresses after = stack_[i];
    step_stack(i, after);
    for (unsigned r = 0; r != general_count; ++r)
      if (r != rsp && r != rbp && after[r])
        pointers_.insert(*after[r]);
    const operation &op = f_.code[i].op;
    if (op.does == what::address && op.memory.base < general_count && op.memory.index != no_register && stack_[i][op.memory.base])
      pointers_.insert({stack_[i][op.memory.base]->base, stack_[i][op.memory.base]->offset + op.memory.displacement});
    if (op.loads)
      if (const std::optional<place> p = operand_place(i))
        loaded_.insert(*p);
    if (op.does == what::pop && stack_[i][rsp])
      loaded_.insert(*stack_[i][rsp]);
  }
}

// Whether the program may have a pointer to this word: one to it, or to what is below, in the same object perhaps.
bool followed::exposed(place p) const {
  if (spilled_.contains(p))
    return false;
  const auto above = pointers_.upper_bound(p);
  return above != pointers_.begin() && std::prev(above)->base == p.base;
}

// 2.
std::vector<std::pair<index, way>> followed::ways_from(index i) const {
  const block &b = f_.blocks[f_.block_of[i]];
  if (i + 1 != b.end)
    return {{i + 1, way::next}};
  std::vector<std::pair<index, way>> all;
  for (const edge &e : b.successors)
    all.emplace_back(f_.blocks[e.block].begin, e.by);
  return all;
}

unsigned followed::moment_of(index i, const held &h) {
  const auto [at, added] = numbers_.try_emplace({i, h}, static_cast<unsigned>(moments_.size()));
  if (added) {
    moments_.push_back({i, h, {}, {}});
    at_[i].push_back(at->second);
  }
  return at->second;
}

// Moments are shared by all values: what becomes of one does not depend on where it was made.
void followed::follow(const std::vector<std::pair<index, held>> &from) {
  std::size_t done = moments_.size();
  for (const auto &[i, h] : from)
    if (!h.maybe.none())
      (void)moment_of(i, h);
  for (; done != moments_.size() && (complete_ = moments_.size() < most_moments); ++done) {
    const index i = moments_[done].at;
    const std::vector<held> outcomes = step(i, held(moments_[done].in));
    std::vector<unsigned> next;
    for (const auto &[to, by] : ways_from(i))
      for (const held &h : outcomes)
        if (const held there = by == way::pad ? at_pad(h) : h; !there.maybe.none())
          next.push_back(moment_of(to, there));
    for (const unsigned to : next)
      moments_[to].before.push_back(static_cast<unsigned>(done));
    moments_[done].next = std::move(next);
  }
}

// Every value that an instruction makes of something else than others that are followed: what it loads, calls give, or it computes.
void followed::follow_made_by(index i) {
  const operation &op = f_.code[i].op;
  const std::optional<place> word = operand_place(i);
  std::vector<held> made;
  const auto add = [&](holders h) { made.push_back({h, h}); };
  switch (op.does) {
  case what::call:
    for (const unsigned r : {rax, rdx, rcx})
      if ((clobbers_of(op).general >> r & 1) != 0)
        add({bit(r), {}});
    break;
  case what::load:
    if (!word)
      add({bit(op.dest), {}});
    else if (exposed(*word))
      add({bit(op.dest), through_memory_ ? std::set{*word} : std::set<place>()});
    break;
  case what::either:
  case what::sum:
    if (op.memory.present && !word)
      add({bit(op.dest), {}});
    break;
  case what::other:
    for (unsigned r = 0; r != general_count; ++r)
      if ((op.writes.general >> r & 1) != 0 && r != rsp && !(r == op.dest && op.dest_bytes < word_bytes))
        add({bit(r), {}});
    if (op.stores && word && word->offset % word_bytes == 0 && !op.loads)
      for (std::int64_t at = 0; at + word_bytes <= op.memory_bytes; at += word_bytes)
        add({0, {{word->base, word->offset + at}}});
    break;
  default:
    break;
  }
  std::vector<std::pair<index, held>> from;
  for (const held &h : made)
    for (const auto &[to, by] : ways_from(i))
      if (by != way::pad)
        from.emplace_back(to, h);
  follow(from);
}

void followed::follow_all() {
  at_.resize(f_.code.size());
  std::set<place> received;
  for (const place &p : loaded_)
    if (p.base == 0 && p.offset >= 0)
      received.insert(p);
  for (const block &b : f_.blocks)
    if (b.entry) {
      std::vector<std::pair<index, held>> from;
      for (const unsigned r : {rdi, rsi, rdx, rcx, r8, r9})
        from.push_back({b.begin, {{bit(r), {}}, {bit(r), {}}}});
      for (const place &p : received)
        from.push_back({b.begin, {{0, {p}}, {0, {p}}}});
      follow(from);
    }
  for (index i = 0; i != f_.code.size(); ++i)
    follow_made_by(i);
}

// Whether a table lists one of these places: for one who looks in front of the instruction, or under the call that it is.
bool followed::lists(index i, const claim &c, const holders &h, bool under) const {
  if ((h.registers & c.registers & (under ? callee_saved : all_general)) != 0)
    return true;
  if (h.words.empty())
    return false;
  const auto in = [&](std::int64_t word) {
    const std::optional<place> p = word_place(i, c, word);
    return p && h.words.contains(*p);
  };
  for (const std::int64_t word : c.slots)
    if (in(word))
      return true;
  for (const auto &[first, count] : c.roots)
    for (std::uint64_t n = 0; n != count; ++n)
      if (in(first + static_cast<std::int64_t>(n)))
        return true;
  return false;
}

// Whether the true table lists the value somewhere while a callee runs.
bool followed::kept_under(index i, const held &behind) const {
  return !f_.code[i].says.callee_may_stop || lists(i, f_.code[i].says, behind.maybe, true);
}

// 3.
void followed::find_wanted() {
  std::vector<bool> used(moments_.size()), listed(moments_.size());
  for (unsigned n = 0; n != moments_.size(); ++n) {
    const moment &m = moments_[n];
    const claim &c = f_.code[m.at].says;
    const bool nobody_looks = f_.code[m.at].op.does == what::nothing || c.kind == abi::kind_unsafe;
    used[n] = uses(m.at, m.in);
    listed[n] = nobody_looks || lists(m.at, c, m.in.maybe, false);
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (unsigned n = static_cast<unsigned>(moments_.size()); n-- > 0;) {
      moment &m = moments_[n];
      bool later = used[n];
      for (const unsigned to : m.next)
        later |= moments_[to].wanted && (!f_.is_call(m.at) || kept_under(m.at, moments_[to].in));
      changed |= (listed[n] && later) != m.wanted;
      m.wanted = listed[n] && later;
    }
  }
}

followed::followed(const function &f, bool through_memory) : f_(f), through_memory_(through_memory) {
  find_stack();
  find_words();
  find_stack(); // words keep addresses only if nobody has pointers to them
  find_words();
  follow_all();
  find_wanted();
}

fate followed::of(index i, const spot &s, const claim &instead) const {
  const std::optional<place> word = s.register_number == no_register ? word_place(i, f_.code[i].says, s.word) : std::nullopt;
  const auto there = [&](const holders &h) { return word ? h.words.contains(*word) : has(h, s.register_number); };
  fate worst = fate::constant;
  const auto look = [&](const held &h, bool wanted, bool under) {
    if (!there(h.maybe))
      return;
    const fate now = !wanted ? fate::unwanted : lists(i, instead, h.surely, under) ? fate::elsewhere : fate::wanted;
    worst = std::min(worst, now);
  };
  for (const unsigned n : at_[i]) {
    const moment &m = moments_[n];
    if (instead.kind != abi::kind_unsafe)
      look(m.in, m.wanted, false);
    if (f_.is_call(i) && instead.callee_may_stop)
      for (const unsigned to : m.next)
        look(moments_[to].in, moments_[to].wanted && kept_under(i, moments_[to].in), true);
  }
  return worst;
}

bool followed::names(index i, const claim &c, const holders &h) const {
  claim places = c;
  places.roots.clear();
  return lists(i, places, h, c.kind == abi::kind_unsafe);
}

// Backward over the ways by which a value came into the spot, then forward from all of them.
bool followed::named_elsewhere(index i, const spot &s, const std::vector<claim> &instead) const {
  const std::optional<place> word = s.register_number == no_register ? word_place(i, f_.code[i].says, s.word) : std::nullopt;
  std::vector<unsigned> own;
  std::vector<bool> seen(moments_.size());
  const auto add = [&](unsigned n) {
    if (!seen[n])
      own.push_back(n);
    seen[n] = true;
  };
  for (const unsigned n : at_[i])
    if (word ? moments_[n].in.maybe.words.contains(*word) : has(moments_[n].in.maybe, s.register_number))
      add(n);
  for (std::size_t n = 0; n != own.size(); ++n)
    for (const unsigned from : moments_[own[n]].before)
      add(from);
  for (std::size_t n = 0; n != own.size(); ++n) {
    const moment &m = moments_[own[n]];
    const claim &c = instead[m.at];
    if (f_.code[m.at].op.does != what::nothing && c.scanned(f_.is_call(m.at)) && names(m.at, c, m.in.maybe))
      return true;
    for (const unsigned to : moments_[own[n]].next)
      add(to);
  }
  return false;
}

std::vector<index> followed::until_written(index i, const spot &s) const {
  const std::optional<place> word = s.register_number == no_register ? word_place(i, f_.code[i].says, s.word) : std::nullopt;
  held start;
  if (word)
    start.maybe.words.insert(*word);
  else
    put(start.maybe, s.register_number, true);
  std::set<index> seen{i};
  std::vector<index> work{i};
  while (!work.empty()) {
    const index at = work.back();
    work.pop_back();
    bool kept = false;
    for (const held &h : step(at, start))
      kept |= word ? h.maybe.words.contains(*word) : has(h.maybe, s.register_number);
    if (kept)
      for (const auto &[to, by] : ways_from(at))
        if ((by != way::pad || word || (callee_saved >> s.register_number & 1) != 0) && seen.insert(to).second)
          work.push_back(to);
  }
  return {seen.begin(), seen.end()};
}

} // namespace stillpoint::verify
