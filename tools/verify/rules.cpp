// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rules about one point each (frame, saved registers, written references, threads, vectors, live sets); missing.cpp has the
// one about values that should have been listed.
#include "rules.h"
#include "missing.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <tuple>

namespace stillpoint::verify {

using namespace llvm;

const char *rule_text(rule r) {
  static constexpr const char *texts[] = {"structure", "frame",  "saved",  "written", "kind",
                                          "missing",   "thread", "vector", "live",    "restart"};
  static_assert(std::size(texts) == rule_count);
  return texts[static_cast<std::size_t>(r)];
}

void counts::add(const counts &more) {
  functions += more.functions;
  for (unsigned k = 0; k != tools::kind_count; ++k)
    points[k] += more.points[k];
  frames += more.frames;
  references += more.references;
  wanted += more.wanted;
  for (std::size_t n = 0; n != limit_count; ++n)
    limits[n] += more.limits[n];
}

namespace {

constexpr general saved_numbers[abi::saved_register_count] = {rbp, r15, r14, r13, r12, rbx};

std::string place_text(place p) {
  const char *const sign = p.offset < 0 ? "-" : "+";
  const std::uint64_t distance = p.offset < 0 ? -p.offset : p.offset;
  return p.base == 0 ? formatv("cfa{0}{1}", sign, distance).str() : formatv("stack{0}{1}", sign, distance).str();
}

class point_rules {
public:
  point_rules(const function &f, values &v, const liveness &live, std::vector<finding> &into, counts &counted)
      : f_(f), v_(v), live_(live), findings_(into), counts_(counted) {}

  void check(index i, const values_state &s);

private:
  template <typename... Args>
  void report(index i, rule broken, const char *format, Args &&...args) {
    findings_.push_back({f_.shown(f_.code[i].address), f_.name, broken, formatv(format, std::forward<Args>(args)...).str()});
  }
  void check_frame(index i, const values_state &s);
  void check_saved(index i, const values_state &s);
  void check_registers(index i, const values_state &s);
  void check_words(index i, const values_state &s);
  void check_roots(index i, const values_state &s);
  bool check_each_root(index i, const values_state &s);
  [[nodiscard]] bool roots_are_the_same(index i) const;
  void check_thread(index i, const values_state &s);
  void check_live(index i);
  void check_value(index i, const value &v, const std::string &where, bool live);
  [[nodiscard]] std::uint32_t found_at(index i) const;

  const function &f_;
  values &v_;
  const liveness &live_;
  std::vector<finding> &findings_;
  counts &counts_;
  index roots_at_ = nowhere; // where stack roots were looked at last, and what was counted there
  std::uint64_t roots_seen_ = 0;
  std::uint64_t roots_indirect_ = 0;
};

// The CFA that the table gives, from the stack pointer's own moves.
void point_rules::check_frame(index i, const values_state &s) {
  const map::frame_rule &frame = f_.code[i].says.frame;
  ++counts_.frames;
  const unsigned base = frame.cfa_is_rbp ? rbp : rsp;
  const char *const name = tools::general_register_name(base);
  const value &v = s.registers[base];
  if (v.is != value::stack || v.base != 0)
    report(i, rule::frame, "cfa={0}+{1}, but how far {0} is from the CFA here is not the same on every way", name, frame.cfa_offset);
  else if (v.amount != -static_cast<std::int64_t>(frame.cfa_offset))
    report(i, rule::frame, "cfa={0}+{1}, but it is {0}+{2}", name, frame.cfa_offset, -v.amount);
}

// Each callee-saved register: where the table says that the caller's value is, it is.
void point_rules::check_saved(index i, const values_state &s) {
  const map::frame_rule &frame = f_.code[i].says.frame;
  for (unsigned n = 0; n != abi::saved_register_count; ++n) {
    const unsigned r = saved_numbers[n];
    const char *const name = tools::general_register_name(r);
    const auto holds = [&](const value &v) { return v.is == value::caller && v.base == r; };
    if ((frame.saved >> n & 1) == 0) {
      if (!holds(s.registers[r]))
        report(i, rule::saved, "{0} is not saved according to the table, but does not hold the caller's value", name);
      continue;
    }
    const place at{0, -static_cast<std::int64_t>(frame.slot[n])};
    const auto word = s.words.find(at);
    if (word == s.words.end() || !holds(word->second))
      report(i, rule::saved, "{0} is saved at {1} according to the table, but the caller's value is not there", name, place_text(at));
  }
}

// Registers whose references somebody looks for: at a call that nobody stops at, those that survive it.
std::uint32_t point_rules::found_at(index i) const {
  const claim &c = f_.code[i].says;
  return c.kind == abi::kind_unsafe ? c.registers & callee_saved : c.registers;
}

// Where ways meet of which one has no value, the table lists what the others have: the collector ignores what points to no object. So what
// nobody has
// written is a fault only where it is not even read.
void point_rules::check_value(index i, const value &v, const std::string &where, bool live) {
  ++counts_.references;
  const bool callers = v.is == value::caller;
  if (callers && !live)
    report(i, rule::written, "{0} is listed as a reference, but holds the caller's {1}", where, tools::general_register_name(v.base));
  else if (v.never_written && !live)
    report(i, rule::written, "{0} is listed as a reference, but nobody has written it on any way here", where);
  else if (v.unwritten || callers)
    ++counts_.limits[static_cast<std::size_t>(limit::partly_written)];
  else if (v.never_reference)
    report(i, rule::kind, "{0} is listed as a reference, but holds the result of an operation of less than 64 bits", where);
}

void point_rules::check_registers(index i, const values_state &s) {
  for (unsigned r = 0; r != general_count; ++r)
    if ((found_at(i) >> r & 1) != 0)
      check_value(i, s.registers[r], tools::general_register_name(r), (live_.before(i).registers.general >> r & 1) != 0);
}

void point_rules::check_words(index i, const values_state &s) {
  const claim &c = f_.code[i].says;
  for (const std::int64_t word : c.slots) {
    const std::optional<place> at = v_.word_place(s, c, word);
    if (!at) {
      ++counts_.limits[static_cast<std::size_t>(limit::unproven_slot)];
      continue;
    }
    const std::optional<unsigned> n = v_.word_number(*at);
    check_value(i, v_.word(s, *at), "the word at " + place_text(*at), n && live_.before(i).words.test(*n));
  }
}

// Whether the stack roots in front of an instruction are those in front of the one before it, and hold the same.
bool point_rules::roots_are_the_same(index i) const {
  if (i == 0 || i != roots_at_ + 1 || f_.block_of[i] != f_.block_of[i - 1])
    return false;
  const operation &op = f_.code[i - 1].op;
  const claim &c = f_.code[i].says, &before = f_.code[i - 1].says;
  const bool moves = op.stores || op.does == what::call || (op.writes.general & (bit(rsp) | bit(rbx))) != 0;
  return !moves && c.base == before.base && c.roots == before.roots;
}

void point_rules::check_roots(index i, const values_state &s) {
  if (f_.code[i].says.roots.empty())
    return;
  constexpr auto indirect = static_cast<std::size_t>(limit::indirect_root);
  if (roots_are_the_same(i)) {
    roots_at_ = i;
    counts_.references += roots_seen_;
    counts_.limits[indirect] += roots_indirect_;
    return;
  }
  const std::uint64_t seen = counts_.references, unknown = counts_.limits[indirect];
  const std::size_t all = findings_.size();
  const bool proven = check_each_root(i, s);
  roots_at_ = proven && findings_.size() == all ? i : nowhere;
  roots_seen_ = counts_.references - seen;
  roots_indirect_ = counts_.limits[indirect] - unknown;
}

// Whether the place of all is known.
bool point_rules::check_each_root(index i, const values_state &s) {
  const claim &c = f_.code[i].says;
  bool proven = true;
  for (const auto &[first, count] : c.roots)
    for (std::uint64_t n = 0; n != count; ++n) {
      const std::optional<place> at = v_.word_place(s, c, first + static_cast<std::int64_t>(n));
      if (!at) {
        ++counts_.limits[static_cast<std::size_t>(limit::unproven_slot)];
        proven = false;
        continue;
      }
      const auto found = s.words.find(*at);
      if ((found == s.words.end() || found->second.unwritten) && v_.exposed(*at))
        ++counts_.limits[static_cast<std::size_t>(limit::indirect_root)];
      else if (found == s.words.end() || found->second.unwritten)
        report(i, rule::written, "the stack root at {0} is ready according to the table, but nobody has written it on some way here",
               place_text(*at));
      else
        ++counts_.references;
    }
  return proven;
}

// An address of the calling thread that is wanted later.
void point_rules::check_thread(index i, const values_state &s) {
  const claim &c = f_.code[i].says;
  const bool is_call = f_.is_call(i);
  const liveness::state here = is_call && c.kind == abi::kind_unsafe ? live_.across(i) : live_.before(i);
  const bool free = c.kind == abi::kind_safe || (is_call && c.kind == abi::kind_unsafe && c.callee_may_stop && !c.callee_pinned);
  if (!free)
    return;
  const auto tell = [&](const std::string &where) {
    report(i, rule::thread, "{0} holds an address of the calling thread that is used later, but the point is not pinned", where);
  };
  for (unsigned r = 0; r != general_count; ++r)
    if ((here.registers.general >> r & 1) != 0 && s.registers[r].thread)
      tell(tools::general_register_name(r));
  if ((here.registers.vector & s.thread_vectors) != 0)
    tell("a vector register");
  for (const unsigned n : here.words.set_bits())
    if (const auto word = s.words.find(v_.word_by_number(n)); word != s.words.end() && word->second.thread)
      tell("the word at " + place_text(word->first));
}

void point_rules::check_live(index i) {
  const claim &c = f_.code[i].says;
  if (c.kind == abi::kind_unsafe)
    return;
  const register_set &here = live_.before(i).registers;
  if (!c.vector_live && here.any_vector())
    report(i, rule::vector, "no vector register is live according to the table, but {0}{1} is read later", here.vector != 0 ? "xmm" : "k",
           countr_zero(here.vector != 0 ? here.vector : unsigned{here.mask}));
  if (!c.has_live_set)
    return;
  for (unsigned r = 0; r != general_count; ++r)
    if (r != rsp && (here.general >> r & 1) != 0 && (c.live.general >> r & 1) == 0)
      report(i, rule::live, "{0} is dead according to the table, but is read later", tools::general_register_name(r));
  if (here.flags && (c.live.general >> abi::live_flags_bit & 1) == 0)
    report(i, rule::live, "the flags are dead according to the table, but are read later");
  if (const std::uint64_t missing = here.vector & ~c.live.vector; missing != 0)
    report(i, rule::live, "xmm{0} is dead according to the table, but is read later", countr_zero(missing));
  if (const std::uint64_t missing = here.mask & ~c.live.other; missing != 0)
    report(i, rule::live, "k{0} is dead according to the table, but is read later", countr_zero(missing));
}

void point_rules::check(index i, const values_state &s) {
  const instruction &at = f_.code[i];
  const claim &c = at.says;
  ++counts_.points[c.kind];
  if (at.op.does == what::nothing)
    return; // padding: nobody can tell how one got there
  if (c.frame.known) {
    check_frame(i, s);
    check_saved(i, s);
  } else if (c.kind != abi::kind_unsafe) {
    report(i, rule::frame, "the point is {0}, but the table does not know its frame", tools::kind_name(c.kind));
  }
  if (at.op.prefix && i + 1 != f_.code.size() && c.kind != f_.code[i + 1].says.kind)
    report(i + 1, rule::restart, "the point is inside an instruction, behind its prefix, and {0}; in front of it, it is {1}",
           tools::kind_name(f_.code[i + 1].says.kind), tools::kind_name(c.kind));
  if (c.scanned(f_.is_call(i)) && !is_write_barrier(at.op)) {
    check_registers(i, s);
    check_words(i, s);
    check_roots(i, s);
  }
  check_thread(i, s);
  check_live(i);
}

} // namespace

std::vector<finding> check_function(function &f, counts &into) {
  values v(f);
  const liveness live(f, v.word_uses(), v.word_count());
  std::vector<finding> findings;
  ++into.functions;
  point_rules rules(f, v, live, findings, into);
  v.walk([&](index i, const values_state &s) { rules.check(i, s); });
  find_missing_references(f, v, live, findings, into);
  for (std::size_t n = 0; n != limit_count; ++n)
    into.limits[n] += f.limits[n];
  llvm::sort(findings, [](const finding &a, const finding &b) { return std::tie(a.address, a.reason) < std::tie(b.address, b.reason); });
  return findings;
}

} // namespace stillpoint::verify
