// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See liveness.h.
#include "liveness.h"
#include "conventions.h"

#include "llvm/ADT/STLExtras.h"

namespace stillpoint::verify {

using namespace llvm;

namespace {

constexpr std::uint32_t argument_vector = 0xff;
constexpr std::uint32_t result_vector = 0xf;

} // namespace

bool is_write_barrier(const operation &call) { return call.does == what::call && call.callee == "__stillpoint_write_barrier"; }

register_set clobbers_of(const operation &call) {
  register_set s;
  s.flags = true;
  if (is_write_barrier(call)) {
    s.general = bit(r11);
    s.vector = ~0u;
    s.mask = 0xff;
    return s;
  }
  if (call.descriptor_call) {
    s.general = bit(rax);
    return s;
  }
  s.general = caller_saved;
  s.vector = ~0u;
  s.mask = 0xff;
  return s;
}

bool liveness::state::merge(const state &o) {
  const register_set old = registers;
  const bool more = o.words.test(words);
  registers |= o.registers;
  words |= o.words;
  return more || !(old == registers);
}

// Registers that an instruction sets as its only result and that no instruction ever reads: what else could they be for?
void liveness::step_arguments(index i, register_set &unread) {
  const operation &op = f_.code[i].op;
  register_set &taken = arguments_[i];
  taken = {};
  const bool tail_call = f_.leaves(f_.code[i]) && op.does == what::jump;
  if (op.does == what::call || tail_call) {
    taken.general = unread.general & argument_general;
    taken.vector = unread.vector & argument_vector;
  } else if (op.returns) {
    taken.general = unread.general & (bit(rax) | bit(rdx));
    taken.vector = unread.vector & 3;
  }
  if (keeps_)
    taken.general &= f_.code[i].says.registers;
  taken |= proven_[i];
  unread.remove(op.reads);
  unread.remove(op.writes);
  if (op.does == what::call) {
    unread = {};
    return;
  }
  const register_set &wanted = after_[i].registers;
  if (op.dest != no_register && popcount(op.writes.general) == 1 && op.dest_bytes >= 4 && op.does != what::pop && op.does != what::exchange)
    unread.general |= op.writes.general & ~wanted.general;
  if (op.writes.general == 0 && popcount(op.writes.vector) == 1)
    unread.vector |= op.writes.vector & ~wanted.vector;
}

// References that the table lists anywhere in an epilogue: no keep is behind its first instruction, so they
// are for who comes behind the return.
std::uint32_t liveness::listed_in_epilogue(index last) const {
  const auto undoes = [](const operation &op) {
    return op.does == what::pop || op.does == what::leave || op.does == what::nothing ||
           ((op.does == what::add || op.does == what::address) && op.dest == rsp);
  };
  std::uint32_t listed = 0;
  for (index i = last; i != f_.blocks[f_.block_of[last]].begin && undoes(f_.code[i - 1].op); --i)
    listed |= f_.code[i].says.registers;
  return listed;
}

// What the code of callees and callers shows.
void liveness::find_proven() {
  proven_.resize(f_.code.size());
  for (index i = 0; i != f_.code.size(); ++i) {
    const operation &op = f_.code[i].op;
    const bool tail_call = op.does == what::jump && f_.leaves(f_.code[i]);
    std::uint32_t &proven = proven_[i].general;
    if (tail_call || op.returns)
      proven = listed_in_epilogue(i) & (tail_call ? argument_general : result_general);
    if (f_.others != nullptr && (op.does == what::call || tail_call))
      proven |= f_.others->taken_by(op);
    else if (f_.others != nullptr && op.returns)
      proven |= f_.others->taken_from(f_);
  }
}

// Where there are references, a register may be set only to keep one for a while, which leaves no trace; there the table has to agree.
void liveness::find_arguments() {
  keeps_ =
      llvm::any_of(f_.code, [](const instruction &i) { return i.says.registers != 0 || !i.says.slots.empty() || !i.says.roots.empty(); });
  std::vector<register_set> in(f_.blocks.size());
  std::vector<bool> reached(f_.blocks.size());
  for (index b = 0; b != f_.blocks.size(); ++b)
    reached[b] = f_.blocks[b].entry;
  for (bool changed = true; changed;) {
    changed = false;
    for (index b = 0; b != f_.blocks.size(); ++b) {
      if (!reached[b])
        continue;
      register_set unread = in[b];
      for (index i = f_.blocks[b].begin; i != f_.blocks[b].end; ++i)
        step_arguments(i, unread);
      for (const edge &e : f_.blocks[b].successors) {
        register_set both = e.by == way::pad ? register_set() : unread;
        if (reached[e.block]) {
          both.general &= in[e.block].general;
          both.vector &= in[e.block].vector;
        }
        changed |= !reached[e.block] || !(both == in[e.block]);
        reached[e.block] = true;
        in[e.block] = both;
      }
    }
  }
}

void liveness::step(index i, state &s) const {
  const operation &op = f_.code[i].op;
  const word_use *const words = words_.empty() ? nullptr : &words_[i];
  const bool push = words != nullptr && words->pushes != ~0u && s.words.test(words->pushes);
  if (words != nullptr) {
    for (const unsigned w : words->writes)
      s.words.reset(w);
    if (words->pushes != ~0u)
      s.words.reset(words->pushes);
  }
  llvm::SmallVector<unsigned, 1> copied;
  if (words != nullptr)
    for (const auto &[word, dest] : words->copies)
      if ((s.registers.general >> dest & 1) != 0)
        copied.push_back(word);
  s.registers.remove(op.does == what::call ? clobbers_of(op) : op.writes);
  s.registers |= op.reads;
  s.registers |= arguments_[i];
  if (push && op.source != no_register)
    s.registers.general |= bit(op.source);
  if (words != nullptr)
    for (const unsigned w : words->reads)
      s.words.set(w);
  for (const unsigned w : copied)
    s.words.set(w);
}

// What is live behind a block's last instruction.
liveness::state liveness::leaving(const block &b) const {
  state s = empty_;
  for (const edge &e : b.successors) {
    if (e.by != way::pad) {
      s.merge(in_[e.block]);
      continue;
    }
    state pad = in_[e.block];
    pad.registers.general &= callee_saved;
    pad.registers.vector = 0;
    pad.registers.mask = 0;
    pad.registers.flags = false;
    s.merge(pad);
  }
  return s;
}

void liveness::propagate() {
  in_.assign(f_.blocks.size(), empty_);
  for (bool changed = true; changed;) {
    changed = false;
    for (index b = static_cast<index>(f_.blocks.size()); b-- > 0;) {
      state s = leaving(f_.blocks[b]);
      for (index i = f_.blocks[b].end; i-- > f_.blocks[b].begin;)
        step(i, s);
      changed |= in_[b].merge(s);
    }
  }
}

liveness::liveness(const function &f, const std::vector<word_use> &words, unsigned word_count, bool unread_too) : f_(f), words_(words) {
  empty_.words.resize(word_count);
  find_proven();
  arguments_ = proven_;
  propagate();
  record();
  if (!unread_too)
    return;
  find_arguments();
  propagate();
  record();
}

void liveness::record() {
  before_.assign(f_.code.size(), empty_);
  after_.assign(f_.code.size(), empty_);
  for (const block &b : f_.blocks) {
    state s = leaving(b);
    for (index i = b.end; i-- > b.begin;) {
      after_[i] = s;
      step(i, s);
      before_[i] = s;
    }
  }
}

liveness::state liveness::across(index call) const {
  state s = after_[call];
  s.registers.remove(clobbers_of(f_.code[call].op));
  return s;
}

// Whether there are other ways into a block, or into the one behind it if it is nothing but padding.
static bool is_joined(const function &f, index b) {
  const block &at = f.blocks[b];
  if (at.predecessors.size() > 1)
    return true;
  for (index i = at.begin; i != at.end; ++i)
    if (f.code[i].op.does != what::nothing)
      return false;
  return at.successors.size() == 1 && f.blocks[at.successors[0].block].predecessors.size() > 1;
}

void remove_calls_without_return(function &f, const liveness &live) {
  for (block &b : f.blocks) {
    const operation &op = f.code[b.end - 1].op;
    if (op.does != what::call || is_write_barrier(op))
      continue;
    erase_if(b.successors, [&](const edge &e) {
      if (e.by != way::after)
        return false;
      register_set wanted = live.entering(e.block).registers;
      wanted.general &= caller_saved & ~result_general;
      wanted.vector &= ~result_vector;
      return (wanted.general != 0 || wanted.any_vector() || wanted.flags) && is_joined(f, e.block);
    });
  }
  for (block &b : f.blocks)
    b.predecessors.clear();
  for (index b = 0; b != f.blocks.size(); ++b)
    for (const edge &e : f.blocks[b].successors)
      f.blocks[e.block].predecessors.push_back({b, e.by});
}

} // namespace stillpoint::verify
