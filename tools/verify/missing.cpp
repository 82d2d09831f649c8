// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See missing.h. Steps: 1. the values that are listed; 2. what follows from them; 3. each point against the values that live there.
#include "missing.h"
#include "conventions.h"
#include "raw.h"
#include "signature.h"
#include "typed.h"

#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

namespace stillpoint::verify {

using namespace llvm;

namespace {

class missing_references {
public:
  missing_references(const function &f, values &v, const liveness &live, std::vector<finding> &into, counts &counted)
      : f_(f), v_(v), live_(live), typed_(f), findings_(into), counts_(counted) {}

  void run() {
    find_computed();
    find_born();
    v_.walk([&](index i, const values_state &s) {
      note_listed(i, s);
      typed_.note(i, s);
    });
    note_typed();
    if (known_.none())
      return;
    follow();
    v_.walk([&](index i, const values_state &s) { check(i, s); });
    report();
  }

private:
  void find_computed();
  void note_listed(index i, const values_state &s);
  void note(index i, const value &v);
  void note_typed();
  bool follow_words();
  [[nodiscard]] bool is_received(number id) const;
  void find_born();
  void follow();
  void check(index i, const values_state &s);
  void check_places(index i, const values_state &s, const liveness::state &live, std::uint32_t there);
  template <typename Name>
  void check_value(index i, const values_state &s, const value &v, bool live, std::uint32_t registers, std::optional<unsigned> word,
                   Name name);
  std::vector<number> listed(index i, const values_state &s, std::uint32_t registers);
  raw_places &raw();
  std::vector<number> listed_roots(index i, const values_state &s);
  void report();
  bool covered(number id, const std::vector<number> &held, unsigned depth = 0) const;
  bool covered_on_all_ways(number id, const std::vector<number> &held, unsigned depth) const;
  bool derives(number from, number id, unsigned depth) const;

  // Words that nobody writes get their numbers when they are asked for.
  static void set(BitVector &bits, number id) {
    if (id >= bits.size())
      bits.resize(id + 1);
    bits.set(id);
  }
  static bool has(const BitVector &bits, number id) { return id < bits.size() && bits.test(id); }

  // What is not listed, and where it is.
  struct suspect {
    index at;
    number id;
    std::uint32_t registers;
    std::optional<unsigned> word;
    std::string where;
  };

  const function &f_;
  values &v_;
  const liveness &live_;
  typed_values typed_;
  std::vector<finding> &findings_;
  counts &counts_;
  std::vector<suspect> suspects_;
  std::optional<raw_places> raw_;
  BitVector known_;                  // references
  BitVector listed_;                 // of them those that the table itself lists, or what they were where ways met
  BitVector born_;                   // references from where they were made
  BitVector narrow_;                 // of which an instruction has read a part
  BitVector computed_;               // from others by adding: those may keep their objects from somewhere on
  BitVector neutral_;                // constants and addresses, which keep nothing
  DenseMap<number, index> evidence_; // of known ones: a point that lists it, or what it comes from
  std::vector<number> held_;         // listed at the point that is checked,
  bool roots_held_ = false;          // with the stack roots, which are many and seldom asked for
};

bool is_neutral(const value &v) { return v.is != value::plain || v.never_reference || v.foreign; }

template <typename Predicate>
bool any_origin(const origin &o, Predicate is) {
  return llvm::any_of(o.from, is) || llvm::any_of(o.by_way_from, [&](const auto &way) { return is(way.second); });
}

void missing_references::find_computed() {
  for (bool changed = true; changed;) {
    changed = false;
    for (number id = 0; id != v_.count(); ++id) {
      const origin &o = v_.origin_of(id);
      const bool is = o.is == origin::offset || o.is == origin::distance || any_origin(o, [&](number n) { return has(computed_, n); });
      changed |= is && !has(computed_, id);
      if (is)
        set(computed_, id);
    }
  }
}

// 1.
void missing_references::note(index i, const value &v) {
  if (is_neutral(v) || v.id == lost || has(computed_, v.id))
    return;
  set(known_, v.id);
  evidence_.try_emplace(v.id, i);
}

void missing_references::note_listed(index i, const values_state &s) {
  const claim &c = f_.code[i].says;
  for (const value &v : s.registers)
    if (is_neutral(v))
      set(neutral_, v.id);
  for (unsigned r = 0; r != general_count; ++r)
    if ((f_.code[i].op.narrow >> r & 1) != 0)
      set(narrow_, s.registers[r].id);
  if (is_write_barrier(f_.code[i].op))
    note(i, s.registers[rdi]);
  // In front of an aligned block the state is that of the block, for all ways into it.
  if (!c.scanned(f_.is_call(i)) || f_.code[i].op.does == what::nothing)
    return;
  for (unsigned r = 0; r != general_count; ++r)
    if ((c.registers >> r & 1) != 0) {
      note(i, s.registers[r]);
      if (has(known_, s.registers[r].id) && (live_.before(i).registers.general >> r & 1) != 0)
        set(listed_, s.registers[r].id);
    }
  for (const std::int64_t word : c.slots)
    if (const std::optional<place> at = v_.word_place(s, c, word))
      note(i, v_.word(s, *at));
}

// Values that have been references from the beginning: where ways met, on one of them.
void missing_references::find_born() {
  const std::uint32_t arguments = arguments_without_raw_pointers(f_.parts.front()->demangled);
  for (unsigned r = 0; r != general_count; ++r)
    if ((arguments >> r & 1) != 0)
      set(born_, v_.received(r));
  for (bool changed = true; changed;) {
    changed = false;
    for (number id = 0; id != v_.count(); ++id) {
      const origin &o = v_.origin_of(id);
      const instruction *const by = o.made_by != nowhere ? &f_.code[o.made_by] : nullptr;
      const bool given = by != nullptr && o.is == origin::made && by->op.does == what::call && v_.is_result(id, rax) &&
                         f_.others != nullptr && f_.others->gives_reference(by->op);
      const bool met = (o.is == origin::joined || o.is == origin::chosen) && any_origin(o, [&](number n) { return has(born_, n); });
      changed |= (given || met) && !has(born_, id);
      if (given || met)
        set(born_, id);
    }
  }
}

// What is one without a table. Constants, which are none of a number's kinds only, are not.
void missing_references::note_typed() {
  const auto add = [&](number id, index at) {
    if (id == lost || has(neutral_, id) || has(computed_, id))
      return;
    set(known_, id);
    set(listed_, id);
    evidence_.try_emplace(id, at);
  };
  for (const auto &[id, at] : typed_.references())
    add(id, at);
  for (number id = 0; id != v_.count(); ++id)
    if (const index by = v_.origin_of(id).made_by; by != nowhere && f_.is_call(by) && v_.is_result(id, rax) &&
                                                   v_.origin_of(id).is == origin::made && conventions::allocates_reference(f_.code[by].op))
      add(id, by);
}

// What is loaded from a word of which a reference is loaded elsewhere.
bool missing_references::follow_words() {
  bool changed = false;
  for (const auto &[word, loads] : typed_.words()) {
    const auto reference = llvm::find_if(loads, [&](const auto &l) { return has(listed_, l.id); });
    if (reference == loads.end())
      continue;
    for (const auto &[id, at] : loads)
      if (!has(known_, id) && !has(neutral_, id) && !has(computed_, id) && typed_.dereferenced(id) && is_received(id)) {
        set(known_, id);
        evidence_.try_emplace(id, index{evidence_.lookup(reference->id)});
        changed = true;
      }
  }
  return changed;
}

// What is loaded, received or given, and not read by halves, may be a reference.
bool missing_references::is_received(number id) const {
  const origin &o = v_.origin_of(id);
  if (o.is != origin::made || has(narrow_, id))
    return false;
  if (o.made_by == nowhere)
    return o.block == nowhere;
  const what does = f_.code[o.made_by].op.does;
  return does == what::load || does == what::call;
}

// 2.
void missing_references::follow() {
  for (bool changed = true; changed;) {
    changed = follow_words();
    // What may be none where it met others is none that the table would list.
    for (number id = 0; id != v_.count(); ++id) {
      const origin &o = v_.origin_of(id);
      if (!has(listed_, id) || o.is != origin::joined)
        continue;
      for (const auto &[block, then] : o.by_way_from)
        if (!has(listed_, then) && !has(neutral_, then) && !has(computed_, then) && is_received(then)) {
          set(listed_, then);
          set(known_, then);
          evidence_.try_emplace(then, index{evidence_.lookup(id)});
          changed = true;
        }
    }
    for (number id = 0; id != v_.count(); ++id) {
      const origin &o = v_.origin_of(id);
      // What is computed from a reference may rightly be kept by it; that one is looked at by itself.
      if (has(known_, id) || has(neutral_, id) || (o.is != origin::joined && o.is != origin::chosen))
        continue;
      if (!has(computed_, id) && any_origin(o, [&](number n) { return has(known_, n); })) {
        set(known_, id);
        (void)any_origin(o, [&](number n) {
          const auto from = evidence_.find(n);
          return from != evidence_.end() && evidence_.try_emplace(id, index{from->second}).second;
        });
        changed = true;
      }
    }
  }
}

raw_places &missing_references::raw() {
  if (!raw_)
    raw_.emplace(f_, v_, live_);
  return *raw_;
}

std::vector<number> missing_references::listed(index i, const values_state &s, std::uint32_t registers) {
  const claim &c = f_.code[i].says;
  std::vector<number> ids;
  for (unsigned r = 0; r != general_count; ++r)
    if (((registers & c.registers) >> r & 1) != 0)
      ids.push_back(s.registers[r].id);
  for (const std::int64_t word : c.slots)
    if (const std::optional<place> at = v_.word_place(s, c, word))
      ids.push_back(v_.word(s, *at).id);
  llvm::erase(ids, lost);
  return ids;
}

std::vector<number> missing_references::listed_roots(index i, const values_state &s) {
  const claim &c = f_.code[i].says;
  std::vector<number> ids;
  for (const auto &[first, count] : c.roots)
    for (std::uint64_t n = 0; n != count; ++n)
      if (const std::optional<place> at = v_.word_place(s, c, first + static_cast<std::int64_t>(n)))
        ids.push_back(v_.word(s, *at).id);
  llvm::erase(ids, lost);
  return ids;
}

constexpr unsigned longest_chain = 24;

// Whether `from` is made of `id` by adding.
bool missing_references::derives(number from, number id, unsigned depth) const {
  const origin &o = v_.origin_of(from);
  if (depth == longest_chain || (o.is != origin::offset && o.is != origin::distance))
    return false;
  return llvm::any_of(o.from, [&](number n) { return n == id || derives(n, id, depth + 1); });
}

// Whether something in `held` keeps the object of this value.
bool missing_references::covered(number id, const std::vector<number> &held, unsigned depth) const {
  if (is_contained(held, id) || llvm::any_of(held, [&](number h) { return derives(h, id, 0); }))
    return true;
  const origin &o = v_.origin_of(id);
  if (depth == longest_chain)
    return false;
  switch (o.is) {
  case origin::made:
    return false;
  case origin::offset:
  case origin::distance:
    return llvm::any_of(o.from, [&](number n) { return covered(n, held, depth + 1); });
  case origin::chosen:
    return llvm::all_of(o.from, [&](number n) { return has(neutral_, n) || covered(n, held, depth + 1); });
  case origin::joined:
    return covered_on_all_ways(id, held, depth);
  }
  return false;
}

// On each way into the block where values met, something that is held was the same as this one, though not the same thing on all of them.
bool missing_references::covered_on_all_ways(number id, const std::vector<number> &held, unsigned depth) const {
  const origin &o = v_.origin_of(id);
  return llvm::all_of(o.by_way_from, [&](const auto &way) {
    const auto &[block, then] = way;
    if (then == id || has(neutral_, then))
      return true;
    std::vector<number> held_then;
    for (const number h : held) {
      const origin &other = v_.origin_of(h);
      const auto before = other.by_way_from.find(block);
      held_then.push_back(other.is == origin::joined && other.block == o.block && before != other.by_way_from.end() ? before->second : h);
    }
    return held_then != held && covered(then, held_then, depth + 1);
  });
}

// 3.
template <typename Name>
void missing_references::check_value(index i, const values_state &s, const value &v, bool live, std::uint32_t registers,
                                     std::optional<unsigned> word, Name name) {
  if (is_neutral(v) || !has(known_, v.id))
    return;
  counts_.wanted += live;
  if (covered(v.id, held_))
    return;
  if (!roots_held_) {
    llvm::append_range(held_, listed_roots(i, s));
    roots_held_ = true;
    if (covered(v.id, held_))
      return;
  }
  if (live || raw().listed_later(i, v.id))
    suspects_.push_back({i, v.id, registers, word, name()});
}

void missing_references::check(index i, const values_state &s) {
  const instruction &at = f_.code[i];
  const bool is_call = f_.is_call(i);
  if (!at.says.scanned(is_call) || is_write_barrier(at.op) || at.op.does == what::nothing)
    return;
  // A task is found in front of the instruction, or under the call that it is.
  if (at.says.kind != abi::kind_unsafe) {
    held_ = listed(i, s, all_general);
    roots_held_ = at.says.roots.empty();
    check_places(i, s, live_.before(i), all_general);
  }
  if (is_call && at.says.callee_may_stop) {
    held_ = listed(i, s, callee_saved);
    roots_held_ = at.says.roots.empty();
    check_places(i, s, live_.across(i), ~clobbers_of(at.op).general);
  }
}

void missing_references::check_places(index i, const values_state &s, const liveness::state &live, std::uint32_t there) {
  for (unsigned r = 0; r != general_count; ++r)
    if (r != rsp && (there >> r & 1) != 0)
      check_value(i, s, s.registers[r], (live.registers.general >> r & 1) != 0, bit(r), std::nullopt,
                  [&] { return std::string(tools::general_register_name(r)); });
  for (const auto &[p, v] : s.words) {
    if (!v_.followed(p))
      continue;
    const std::optional<unsigned> n = v_.word_number(p);
    check_value(i, s, v, n && live.words.test(*n), 0, n, [&, at = p] {
      return formatv("the word at {0}{1}{2}", at.base == 0 ? "cfa" : "stack", at.offset < 0 ? "-" : "+", std::abs(at.offset)).str();
    });
  }
}

// What may be a raw pointer by now is no finding.
void missing_references::report() {
  if (suspects_.empty())
    return;
  std::set<std::pair<index, number>> told; // in front of a call and behind it, and in several places, it is one fault
  for (const suspect &s : suspects_) {
    const places &maybe = raw().before(s.at);
    const bool may_be_raw = (maybe.registers & s.registers) != 0 || (s.word && maybe.words.test(*s.word));
    if (may_be_raw && !has(born_, s.id) && !raw().listed_later(s.at, s.id)) {
      ++counts_.limits[static_cast<std::size_t>(limit::maybe_raw)];
      continue;
    }
    if (!told.emplace(s.at, s.id).second)
      continue;
    findings_.push_back({f_.shown(f_.code[s.at].address), f_.name, rule::missing,
                         formatv("{0} holds a reference (see {1:x}) that is used later, but neither it nor a copy is listed", s.where,
                                 f_.shown(f_.code[evidence_.lookup(s.id)].address))
                             .str()});
  }
}

} // namespace

void find_missing_references(const function &f, values &v, const liveness &live, std::vector<finding> &into, counts &counted) {
  missing_references(f, v, live, into, counted).run();
}

} // namespace stillpoint::verify
