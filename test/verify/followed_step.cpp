// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What one instruction does with a value that is followed, and to the places that hold it: see followed.h.
#include "followed.h"

namespace stillpoint::verify {

namespace {

constexpr std::int64_t word_bytes = 8;
constexpr std::uint32_t arguments = bit(rdi) | bit(rsi) | bit(rdx) | bit(rcx) | bit(r8) | bit(r9);
constexpr std::uint32_t results = bit(rax) | bit(rdx) | bit(rcx);

} // namespace

// Of two that are added, the one that the table lists is the address.
bool followed::is_pointer(index i, unsigned r) const {
  const claim &c = f_.code[i].says;
  return c.kind != abi::kind_unsafe && (c.registers >> r & 1) != 0;
}

// What is left in an argument register is passed if the true table lists it there; a copy may stand for it, unless that is kept for
// what comes behind the call.
bool followed::passes(index i, const held &h) const {
  const operation &op = f_.code[i].op;
  const claim &c = f_.code[i].says;
  const std::uint32_t in_registers = h.maybe.registers & (is_write_barrier(op) ? bit(rdi) : arguments);
  holders kept = h.maybe;
  kept.registers &= ~clobbers_of(op).general;
  const bool unknown = c.kind == abi::kind_unsafe || op.does == what::jump || !lists(i, c, kept, false);
  if (in_registers != 0 && (unknown || (in_registers & c.registers) != 0))
    return true;
  const std::optional<place> &sp = stack_[i][rsp];
  for (const place &w : h.maybe.words) // an argument on the stack, or what the callee has a pointer to
    if (exposed(w) || (sp && w.base == sp->base && w.offset >= sp->offset && !loaded_.contains(w)))
      return true;
  return false;
}

bool followed::uses(index i, const held &h) const {
  const operation &op = f_.code[i].op;
  const memory_operand &m = op.memory;
  if (op.does == what::nothing)
    return false;
  if (m.present && op.does != what::address && (has(h.maybe, m.base) || has(h.maybe, m.index)))
    return true;
  const std::optional<place> word = operand_place(i);
  switch (op.does) {
  case what::call:
    return passes(i, h);
  case what::jump:
    return f_.leaves(f_.code[i]) && passes(i, h);
  case what::leaves:
    return op.returns && (h.maybe.registers & results) != 0;
  case what::store:
    return has(h.maybe, op.source) && !word;
  case what::half:
  case what::load_extended:
  case what::other: {
    const bool compares = op.writes.general == 0 && !op.writes.any_vector() && !op.stores;
    return !compares && ((op.values.general & h.maybe.registers) != 0 || (op.loads && word && h.maybe.words.contains(*word)));
  }
  default:
    return false;
  }
}

// Words that somebody may have written: either nobody has, or all are.
std::vector<held> followed::lose_exposed(const held &h) const {
  held other = h;
  for (holders *s : {&other.surely, &other.maybe})
    std::erase_if(s->words, [&](const place &w) { return exposed(w); });
  return other == h ? std::vector{h} : std::vector{h, other};
}

std::vector<held> followed::call(index i, held h) const {
  const std::uint32_t gone = clobbers_of(f_.code[i].op).general;
  h.surely.registers &= ~gone;
  h.maybe.registers &= ~gone;
  const std::optional<place> &sp = stack_[i][rsp];
  for (holders *s : {&h.surely, &h.maybe})
    std::erase_if(s->words, [&](const place &w) { return sp && w.base == sp->base && w.offset < sp->offset; });
  return lose_exposed(h);
}

void followed::step_sum(index i, held &h) const {
  const operation &op = f_.code[i].op;
  const bool lea = op.does == what::address;
  const unsigned first = lea ? op.memory.base : op.dest, second = lea ? op.memory.index : op.memory.present ? no_register : op.source;
  const std::optional<place> word = lea ? std::nullopt : operand_place(i);
  const auto in = [&](const holders &s, unsigned r) { return has(s, r); };
  bool one = in(h.maybe, first), other = in(h.maybe, second) || (word && h.maybe.words.contains(*word));
  // A number that is added to another object's address says nothing of the first.
  if (second < general_count && first < general_count) {
    if (is_pointer(i, first) && !is_pointer(i, second))
      other = false;
    else if (is_pointer(i, second) && !is_pointer(i, first))
      one = false;
  }
  const bool sure_one = one && in(h.surely, first),
             sure_other = other && (in(h.surely, second) || (word && h.surely.words.contains(*word)));
  const bool scaled = lea && op.memory.scale != 1;
  put(h.maybe, op.dest, one || other);
  put(h.surely, op.dest, ((sure_one && !other) || (sure_other && !one && !scaled)) && !(lea && op.memory.fixed_up));
}

std::vector<held> followed::store(index i, held h) const {
  const operation &op = f_.code[i].op;
  const std::optional<place> word = operand_place(i);
  if (!word)
    return lose_exposed(h);
  const std::int64_t bytes = op.memory_bytes != 0 ? op.memory_bytes : word_bytes;
  const auto hit = [&](const place &w) {
    return w.base == word->base && w.offset < word->offset + bytes && word->offset < w.offset + word_bytes;
  };
  std::erase_if(h.surely.words, hit);
  if (op.memory_bytes != 0 || op.does == what::store)
    std::erase_if(h.maybe.words, hit);
  const bool followed_there = word->offset % word_bytes == 0 && (through_memory_ || !exposed(*word));
  if (op.does != what::store || op.source == no_register || !followed_there)
    return {h};
  if (has(h.surely, op.source))
    h.surely.words.insert(*word);
  if (has(h.maybe, op.source))
    h.maybe.words.insert(*word);
  return {h};
}

// Of a word that others may have written it is known again what it holds: the value, or not.
std::vector<held> followed::load(held h, unsigned dest, const std::optional<place> &word) {
  const bool maybe = word && h.maybe.words.contains(*word), surely = word && h.surely.words.contains(*word);
  put(h.maybe, dest, maybe);
  put(h.surely, dest, maybe);
  if (maybe == surely)
    return {h};
  held other = h;
  h.surely.words.insert(*word);
  put(other.maybe, dest, false);
  put(other.surely, dest, false);
  other.maybe.words.erase(*word);
  return {h, other};
}

// What is held behind an instruction: more than one outcome where it chooses.
std::vector<held> followed::step(index i, const held &before) const {
  const operation &op = f_.code[i].op;
  held h = before;
  const auto each = [&](auto change) {
    change(h.surely);
    change(h.maybe);
  };
  const std::optional<place> word = operand_place(i);
  switch (op.does) {
  case what::nothing:
  case what::jump:
  case what::branch:
  case what::leaves:
    return {h};
  case what::copy:
    each([&](holders &s) { put(s, op.dest, has(s, op.source)); });
    return {h};
  case what::load:
    return load(h, op.dest, word);
  case what::store:
    return store(i, h);
  case what::push:
    if (const std::optional<place> &sp = stack_[i][rsp])
      each([&](holders &s) {
        const place to{sp->base, sp->offset - word_bytes};
        s.words.erase(to);
        if (has(s, op.source) || (op.source == no_register && word && s.words.contains(*word)))
          s.words.insert(to);
      });
    return {h};
  case what::pop:
  case what::leave: {
    const std::optional<place> &from = stack_[i][op.does == what::pop ? rsp : rbp];
    const unsigned to = op.does == what::pop ? op.dest : unsigned{rbp};
    return to < general_count ? load(h, to, from) : std::vector{h};
  }
  case what::add:
    if (op.dest != no_register && op.immediate)
      return {h};
    break;
  case what::align:
    put(h.surely, op.dest, false);
    return {h};
  case what::sum:
  case what::address:
    step_sum(i, h);
    return {h};
  case what::difference:
    put(h.maybe, op.dest, has(h.maybe, op.dest) || has(h.maybe, op.source));
    put(h.surely, op.dest, false);
    return {h};
  case what::exchange: {
    each([&](holders &s) {
      const bool first = has(s, op.dest), second = has(s, op.source);
      put(s, op.dest, second);
      put(s, op.source, first);
    });
    return {h};
  }
  case what::either: { // it is one of the two, or (AND, OR) neither
    held other = h, neither = h;
    for (const auto &[to, from] : {std::pair(&other.surely, &h.surely), std::pair(&other.maybe, &h.maybe)})
      put(*to, op.dest, op.memory.present ? word && from->words.contains(*word) : has(*from, op.source));
    put(neither.surely, op.dest, false);
    put(neither.maybe, op.dest, false);
    return {h, other, neither};
  }
  case what::call:
    return call(i, h);
  default:
    break;
  }
  each([&](holders &s) { s.registers &= ~op.writes.general; });
  return op.stores ? store(i, h) : std::vector{h};
}

held followed::at_pad(held h) {
  h.surely.registers &= callee_saved;
  h.maybe.registers &= callee_saved;
  return h;
}

} // namespace stillpoint::verify
