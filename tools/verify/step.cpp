// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What one instruction does to the values of registers and words: see values.h.
#include "values.h"

#include "llvm/ADT/STLExtras.h"

namespace stillpoint::verify {

using namespace llvm;

namespace {

constexpr std::int64_t word_bytes = 8;
constexpr std::int64_t widest_store = 64;

std::int64_t word_of(std::int64_t offset) { return offset & ~(word_bytes - 1); }

} // namespace

class stepper {
public:
  stepper(values &all, index i, values_state &s) : v_(all), i_(i), at_(all.f_.code[i]), op_(at_.op), s_(s) {}
  void run();

private:
  value fresh(unsigned which) { return {.id = v_.id_of(computed, i_, which)}; }
  value fresh_from(unsigned which, origin::kind how, std::initializer_list<number> from) {
    value made = fresh(which);
    if (v_.recording_) {
      v_.origins_[made.id].is = how;
      v_.origins_[made.id].from = from;
    }
    return made;
  }
  value &reg(unsigned r) { return s_.registers[r]; }
  void set(unsigned r, value to);

  [[nodiscard]] std::optional<place> operand_place() const;
  value word_at(place p);
  void note_read(place p, std::int64_t bytes);
  void note_copied(place p, unsigned dest);
  void note_written(place p, std::int64_t bytes);
  unsigned number_of(place p);
  void put_word(place p, const value &what);
  void spoil(place p, std::int64_t bytes, bool thread);
  void lose_exposed();

  value loaded();
  value shifted(const value &from, std::int64_t by, unsigned dest);
  value summed(const value &a, const value &b, unsigned dest);
  [[nodiscard]] bool reads_thread(bool values_only = true);

  void push();
  void pop(unsigned dest);
  void call();
  void store();
  void address();
  void either();
  void other();

  values &v_;
  index i_;
  const instruction &at_;
  const operation &op_;
  values_state &s_;
};

void values::step(index i, state &s) {
  for (const std::int64_t word : f_.code[i].says.slots)
    if (const std::optional<place> p = word_place(s, f_.code[i].says, word))
      slots_.insert(*p);
  stepper(*this, i, s).run();
}

void stepper::set(unsigned r, value to) {
  if (r == rsp && to.is != value::stack) {
    // From here on the stack is counted from a new place.
    const std::uint32_t base = i_ + 1;
    std::erase_if(s_.words, [&](const auto &w) { return w.first.base == base; });
    to = {.is = value::stack, .id = v_.id_of(computed, i_, rsp), .base = base};
  }
  if (r != rsp && r != rbp && to.is == value::stack)
    v_.pointers_.insert({to.base, to.amount});
  reg(r) = to;
}

std::optional<place> stepper::operand_place() const {
  const memory_operand &m = op_.memory;
  if (!m.present || m.base >= general_count || m.index != no_register || m.segment)
    return std::nullopt;
  const value &v = s_.registers[m.base];
  if (v.is != value::stack)
    return std::nullopt;
  return place{v.base, v.amount + m.displacement};
}

unsigned stepper::number_of(place p) {
  const auto [at, added] = v_.word_numbers_.try_emplace(p, static_cast<unsigned>(v_.numbered_.size()));
  if (added)
    v_.numbered_.push_back(p);
  return at->second;
}

// Of a copy of a word into a register: it is wanted if that is.
void stepper::note_copied(place p, unsigned dest) {
  if (v_.recording_ && p.offset == word_of(p.offset))
    v_.uses_[i_].copies.emplace_back(number_of(p), dest);
}

void stepper::note_read(place p, std::int64_t bytes) {
  if (v_.recording_)
    for (std::int64_t at = word_of(p.offset); at < p.offset + bytes; at += word_bytes)
      v_.uses_[i_].reads.push_back(number_of({p.base, at}));
}

void stepper::note_written(place p, std::int64_t bytes) {
  if (v_.recording_)
    for (std::int64_t at = word_of(p.offset + word_bytes - 1); at + word_bytes <= p.offset + bytes; at += word_bytes)
      v_.uses_[i_].writes.push_back(number_of({p.base, at}));
}

value stepper::word_at(place p) {
  if (p.offset != word_of(p.offset))
    return fresh(general_count);
  return v_.word(s_, p);
}

void stepper::put_word(place p, const value &what) {
  if (p.offset != word_of(p.offset))
    return spoil(p, word_bytes, what.thread);
  s_.words[p] = what;
}

// Words of which a store leaves something that is not followed.
void stepper::spoil(place p, std::int64_t bytes, bool thread) {
  for (std::int64_t at = word_of(p.offset); at < p.offset + bytes; at += word_bytes)
    s_.words[{p.base, at}] = {.never_reference = bytes < word_bytes, .thread = thread, .id = v_.id_of(stored, i_, p.base, at)};
}

// A store through a pointer, or a call: words that the program has pointers to may have changed.
void stepper::lose_exposed() {
  for (auto &[p, v] : s_.words) {
    if (v.is == value::caller || !v_.exposed(p))
      continue;
    if (!v_.slots_.contains(p))
      v = {.thread = v.thread, .id = lost};
    else if (v_.pointers_.contains(p))
      v = {.thread = v.thread, .id = v_.id_of(stored, i_, p.base, p.offset)};
  }
}

bool stepper::reads_thread(bool values_only) {
  bool thread = op_.thread || (op_.values.vector & s_.thread_vectors) != 0;
  for (unsigned r = 0; r != general_count; ++r)
    if (((values_only ? op_.values : op_.reads).general >> r & 1) != 0)
      thread |= reg(r).thread;
  return thread;
}

// What a load of 8 bytes gets.
value stepper::loaded() {
  const std::optional<place> p = operand_place();
  if (!p) {
    value v = fresh(op_.dest);
    v.thread = op_.thread;
    if (op_.does == what::load && !op_.callee.empty())
      v.is = value::import, v.amount = v_.name_of(op_.callee);
    return v;
  }
  if (op_.does == what::load)
    note_copied(*p, op_.dest);
  else
    note_read(*p, word_bytes);
  value v = word_at(*p);
  // Objects are moved about word by word, lengths and references alike, and listed as a whole.
  v.never_reference = false;
  if ((v.is == value::plain && op_.does == what::load && !v_.slots_.contains(*p)) || v.id == lost)
    v.id = v_.id_of(computed, i_, op_.dest);
  return v;
}

value stepper::shifted(const value &from, std::int64_t by, unsigned dest) {
  if (from.is == value::stack || from.is == value::address || from.is == value::constant) {
    value v = from;
    v.id = by == 0 ? from.id : v_.id_of(computed, i_, dest);
    v.amount += by;
    return v;
  }
  value v = by == 0 ? from : fresh_from(dest, origin::offset, {from.id});
  if (by != 0) {
    v.never_reference = from.never_reference;
    v.thread = from.thread;
  }
  return v;
}

value stepper::summed(const value &a, const value &b, unsigned dest) {
  const bool table = (a.is == value::table_entry && b.is == value::address) || (b.is == value::table_entry && a.is == value::address);
  value v = fresh_from(dest, origin::offset, {a.id, b.id});
  v.thread = a.thread || b.thread;
  if (table && a.amount == b.amount) {
    v.is = value::table_target;
    v.amount = a.amount;
  }
  return v;
}

void stepper::push() {
  value pushed = op_.source != no_register ? reg(op_.source) : fresh(general_count);
  if (op_.source == no_register && op_.immediate)
    pushed = {.is = value::constant, .id = pushed.id, .amount = *op_.immediate};
  else if (op_.source == no_register && op_.memory.present)
    pushed = loaded();
  value &sp = reg(rsp);
  if (sp.is != value::stack)
    return;
  sp.amount -= word_bytes;
  put_word({sp.base, sp.amount}, pushed);
  if (v_.recording_)
    v_.uses_[i_].pushes = number_of({sp.base, sp.amount});
}

void stepper::pop(unsigned dest) {
  value &sp = reg(rsp);
  value popped = fresh(dest == no_register ? unsigned{general_count} : dest);
  if (sp.is == value::stack) {
    popped = word_at({sp.base, sp.amount});
    if (dest != no_register)
      note_copied({sp.base, sp.amount}, dest);
    sp.amount += word_bytes;
  }
  if (dest != no_register)
    set(dest, popped);
}

void stepper::call() {
  if (const value &sp = reg(rsp); sp.is == value::stack)
    std::erase_if(s_.words, [&](const auto &w) { return w.first.base == sp.base && w.first.offset < sp.amount; });
  lose_exposed();
  // Through a register, the callee is known by what that holds on the ways that have been seen so far.
  operation callee = op_;
  if (callee.callee.empty() && op_.source != no_register && reg(op_.source).is == value::import)
    name_callee(callee, v_.names_[static_cast<std::size_t>(reg(op_.source).amount)]);
  const std::uint32_t clobbered = clobbers_of(callee).general;
  const bool outlined = StringRef(op_.callee).starts_with("OUTLINED_FUNCTION_");
  const bool nameless = op_.callee.empty() && !op_.indirect; // it might be one that keeps registers
  for (unsigned r = 0; r != general_count; ++r) {
    if (r == rsp || ((clobbered >> r & 1) == 0 && !outlined))
      continue;
    const bool result = r == rax || r == rdx || r == rcx;
    const bool thread = (callee.thread && r == rax) || (outlined && reg(r).thread);
    const bool lost = !result && !outlined && !nameless;
    reg(r) = {.unwritten = lost,
              .never_written = lost,
              .foreign = callee.allocates && r == rax,
              .thread = thread,
              .id = v_.id_of(by_call, i_, r)};
  }
  s_.thread_vectors = op_.descriptor_call ? s_.thread_vectors : 0;
}

void stepper::store() {
  const std::optional<place> p = operand_place();
  if (!p)
    return lose_exposed();
  const bool whole = op_.does == what::store;
  if (whole && op_.source != no_register) {
    put_word(*p, reg(op_.source));
  } else if (whole && op_.immediate) {
    put_word(*p, {.is = value::constant, .id = v_.id_of(stored, i_, p->base, p->offset), .amount = *op_.immediate});
  } else {
    const std::int64_t bytes = op_.memory_bytes != 0 ? op_.memory_bytes : widest_store;
    spoil(*p, bytes, reads_thread());
  }
  if (!op_.loads)
    note_written(*p, whole ? word_bytes : op_.memory_bytes);
}

// LEA.
void stepper::address() {
  const memory_operand &m = op_.memory;
  if (m.target && m.index == no_register)
    return set(op_.dest, {.is = value::address, .id = v_.id_of(computed, i_, op_.dest), .amount = static_cast<std::int64_t>(*m.target)});
  const bool has_base = m.base < general_count, has_index = m.index < general_count;
  if (has_base && !has_index && !m.fixed_up)
    return set(op_.dest, shifted(reg(m.base), m.displacement, op_.dest));
  if (has_base && has_index && m.scale == 1 && m.displacement == 0)
    return set(op_.dest, summed(reg(m.base), reg(m.index), op_.dest));
  value v = has_base ? fresh_from(op_.dest, origin::offset, {reg(m.base).id}) : fresh(op_.dest);
  if (has_base && has_index && m.scale == 1)
    v = fresh_from(op_.dest, origin::offset, {reg(m.base).id, reg(m.index).id});
  v.thread = (has_base && reg(m.base).thread) || (has_index && reg(m.index).thread) || op_.thread;
  if (has_base && reg(m.base).is == value::stack)
    v_.pointers_.insert({reg(m.base).base, reg(m.base).amount + m.displacement}); // somewhere behind there
  set(op_.dest, v);
}

// CMOV, AND, OR of whole registers.
void stepper::either() {
  const value first = reg(op_.dest);
  const value second = op_.source != no_register && !op_.memory.present ? reg(op_.source) : op_.memory.present ? loaded() : first;
  value v = fresh_from(op_.dest, origin::chosen, {first.id, second.id});
  v.thread = first.thread || second.thread;
  v.unwritten = first.unwritten || second.unwritten;
  v.never_written = first.never_written && second.never_written;
  v.never_reference = first.never_reference && second.never_reference;
  set(op_.dest, v);
}

void stepper::other() {
  bool thread = reads_thread();
  if (op_.loads && op_.memory.present)
    if (const std::optional<place> p = operand_place()) {
      note_read(*p, op_.memory_bytes != 0 ? op_.memory_bytes : 1);
      if (const auto word = s_.words.find({p->base, word_of(p->offset)}); word != s_.words.end())
        thread |= word->second.thread;
    }
  if (op_.stores)
    store();
  for (unsigned r = 0; r != general_count; ++r) {
    if ((op_.writes.general >> r & 1) == 0 || r == rsp)
      continue;
    value v = fresh(r);
    v.never_reference = r == op_.dest && op_.dest_bytes < word_bytes;
    if (op_.does == what::half && reg(countr_zero(op_.values.general)).is == value::constant) { // null, as a rule
      v.is = value::constant;
      v.amount = static_cast<std::uint32_t>(reg(countr_zero(op_.values.general)).amount);
      v.never_reference = false;
    }
    v.thread = thread;
    set(r, v);
  }
  if ((op_.writes.general & bit(rsp)) != 0)
    set(rsp, fresh(rsp));
  s_.thread_vectors &= ~op_.writes.vector;
  if (thread)
    s_.thread_vectors |= op_.writes.vector;
}

void stepper::run() {
  switch (op_.does) {
  case what::nothing:
  case what::jump:
  case what::branch:
  case what::leaves:
    return;
  case what::copy:
    return set(op_.dest, reg(op_.source));
  case what::load:
    return set(op_.dest, loaded());
  case what::store:
    return store();
  case what::push:
    return push();
  case what::pop:
    return pop(op_.dest);
  case what::add:
    if (op_.dest == no_register || !op_.immediate)
      break;
    return set(op_.dest, shifted(reg(op_.dest), *op_.immediate, op_.dest));
  case what::sum:
    return set(op_.dest, summed(reg(op_.dest), op_.memory.present ? loaded() : reg(op_.source), op_.dest));
  case what::difference: {
    value v = fresh_from(op_.dest, origin::distance, {reg(op_.dest).id});
    v.thread = reg(op_.dest).thread || reg(op_.source).thread;
    return set(op_.dest, v);
  }
  case what::align: {
    value v = fresh_from(op_.dest, origin::chosen, {reg(op_.dest).id});
    v.thread = reg(op_.dest).thread;
    return set(op_.dest, v);
  }
  case what::address:
    return address();
  case what::constant:
    if (op_.immediate)
      return set(op_.dest, {.is = value::constant, .id = v_.id_of(computed, i_, op_.dest), .amount = *op_.immediate});
    if (op_.memory.target)
      return set(op_.dest,
                 {.is = value::address, .id = v_.id_of(computed, i_, op_.dest), .amount = static_cast<std::int64_t>(*op_.memory.target)});
    break;
  case what::either:
    return either();
  case what::exchange:
    std::swap(reg(op_.dest), reg(op_.source));
    return;
  case what::load_extended: {
    value v = fresh(op_.dest);
    v.never_reference = true;
    const memory_operand &m = op_.memory;
    if (m.base < general_count && m.index != no_register && reg(m.base).is == value::address) {
      v.is = value::table_entry;
      v.amount = reg(m.base).amount + m.displacement;
    }
    if (const std::optional<place> p = operand_place())
      note_read(*p, 4);
    return set(op_.dest, v);
  }
  case what::leave:
    set(rsp, reg(rbp));
    return pop(rbp);
  case what::call:
    return call();
  case what::half:
  case what::other:
    break;
  }
  other();
}

} // namespace stillpoint::verify
