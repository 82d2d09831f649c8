// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See function.h. Steps: 1. fragments are joined where a jump leads from one into another; 2. decoded; 3. landing pads; 4. blocks.
#include "function.h"
#include "returns.h"

#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/BinaryFormat/Dwarf.h"
#include "llvm/Support/DataExtractor.h"

#include <map>

namespace stillpoint::verify {

using namespace llvm;

const char *limit_text(limit l) {
  switch (l) {
  case limit::unresolved_jump:
    return "indirect jumps not resolved";
  case limit::unknown_pads:
    return "functions whose landing pads are not known";
  case limit::unreached:
    return "instructions that nothing leads to";
  case limit::unproven_slot:
    return "points whose stack words have no known place";
  case limit::indirect_root:
    return "stack roots that are set through a pointer";
  case limit::partly_written:
    return "listed references that some way has not written";
  case limit::maybe_raw:
    return "points where what is left of a reference may be a raw pointer";
  case limit::limit_count:
    break;
  }
  return "?";
}

claim claim_of(const map::point &p) {
  claim c;
  c.kind = p.kind;
  c.callee_may_stop = p.callee_may_stop;
  c.callee_pinned = p.callee_pinned;
  c.vector_live = p.vector_live;
  c.has_live_set = p.has_live_set;
  c.frame = p.frame;
  c.live = p.live;
  c.registers = p.refs.registers;
  c.base = p.refs.base;
  map::each_slot(p.refs, [&](std::int64_t word) { c.slots.push_back(word); });
  map::each_stack_root(p.refs, [&](std::int64_t word, std::uint64_t words) { c.roots.emplace_back(word, words); });
  return c;
}

index function::at(std::uint64_t address) const {
  const auto found = llvm::lower_bound(code, address, [](const instruction &i, std::uint64_t a) { return i.address < a; });
  return found != code.end() && found->address == address ? static_cast<index>(found - code.begin()) : nowhere;
}

bool function::leaves(const instruction &i) const {
  if (i.op.does != what::jump && i.op.does != what::branch)
    return false;
  return !i.op.indirect && (!i.op.target || at(*i.op.target) == nowhere);
}

// 2.
static void decode_fragment(const tools::fragment &f, const model &m, returns &r, std::vector<instruction> &into) {
  auto covering = f.runs.begin();
  for (std::uint64_t at = f.start(); f.code != nullptr && at < f.end;) {
    while (at >= covering->run.start + covering->run.length)
      ++covering;
    instruction i;
    i.address = at;
    i.size = m.decode(*f.file, f.code->contents.drop_front(at - f.code->address), at, i.op);
    i.decoded = i.size != 0;
    if (i.op.does == what::call && i.op.target && !i.op.no_return)
      i.op.no_return = r.never(*i.op.target);
    i.size = std::max(i.size, 1u);
    map::point p;
    map::resolve_in_run(f.header, covering->run, covering->at_start, at - covering->run.start, p);
    i.says = claim_of(p);
    at += i.size;
    into.push_back(std::move(i));
  }
}

namespace {

// 1. A jump to another fragment's beginning is a tail call, unless the file's names or the frame there say that it is a part.
class grouping {
public:
  explicit grouping(const std::vector<tools::fragment> &fragments) : fragments_(fragments) {
    for (std::size_t n = 0; n != fragments.size(); ++n)
      classes_.insert(n);
  }

  void follow(std::size_t from, const std::vector<instruction> &code) {
    for (const instruction &i : code) {
      if ((i.op.does != what::jump && i.op.does != what::branch) || !i.op.target)
        continue;
      const std::size_t to = fragment_at(*i.op.target);
      if (to != fragments_.size() && to != from && (*i.op.target != fragments_[to].start() || is_part(to)))
        classes_.unionSets(from, to);
    }
  }

  [[nodiscard]] bool is_part(std::size_t n) const {
    const tools::fragment &f = fragments_[n];
    if (!f.mangled.empty() || f.runs.empty())
      return f.is_part();
    const map::frame_rule &frame = f.runs.front().at_start.frame;
    return frame.known && (frame.saved != 0 || frame.cfa_offset != 8);
  }
  std::size_t leader(std::size_t n) { return classes_.getLeaderValue(n); }

private:
  [[nodiscard]] std::size_t fragment_at(std::uint64_t address) const {
    const auto after = llvm::upper_bound(fragments_, address, [](std::uint64_t a, const tools::fragment &f) { return a < f.start(); });
    if (after == fragments_.begin() || address >= std::prev(after)->end)
      return fragments_.size();
    return static_cast<std::size_t>(std::prev(after) - fragments_.begin());
  }

  const std::vector<tools::fragment> &fragments_;
  EquivalenceClasses<std::size_t> classes_;
};

} // namespace

std::vector<function> read_functions(const std::vector<tools::fragment> &fragments, const model &m) {
  grouping groups(fragments);
  std::vector<std::vector<instruction>> code(fragments.size());
  std::optional<returns> callees;
  for (std::size_t n = 0; n != fragments.size(); ++n) {
    if (n == 0)
      callees.emplace(*fragments[n].file, m);
    decode_fragment(fragments[n], m, *callees, code[n]);
    groups.follow(n, code[n]);
  }
  std::map<std::size_t, function> found; // by leader; fragments come by address
  for (std::size_t n = 0; n != fragments.size(); ++n) {
    function &f = found[groups.leader(n)];
    const tools::fragment &part = fragments[n];
    f.file = part.file;
    f.parts.push_back(&part);
    if (f.name.empty() || !groups.is_part(n))
      f.name = part.demangled;
    f.code.insert(f.code.end(), std::make_move_iterator(code[n].begin()), std::make_move_iterator(code[n].end()));
  }
  std::vector<function> all;
  for (auto &[leader, f] : found)
    if (!f.code.empty())
      all.push_back(std::move(f));
  llvm::sort(all, [](const function &a, const function &b) { return a.code.front().address < b.code.front().address; });
  return all;
}

namespace {

struct call_site {
  std::uint64_t begin, end, pad;
};

// 3. The call sites of a .gcc_except_table entry; false if it is of a form that C and C++ compilers do not write.
bool read_call_sites(const tools::image &file, const tools::unwind_info::exceptions &e, std::vector<call_site> &into) {
  const tools::section *const s = file.data_at(e.area);
  if (s == nullptr)
    return false;
  const DataExtractor data(toStringRef(s->contents), /*IsLittleEndian=*/true, /*AddressSize=*/8);
  DataExtractor::Cursor at(e.area - s->address);
  const std::uint8_t start_form = data.getU8(at);
  const std::uint8_t type_form = data.getU8(at);
  if (type_form != dwarf::DW_EH_PE_omit)
    (void)data.getULEB128(at);
  const std::uint8_t form = data.getU8(at);
  const std::uint64_t length = data.getULEB128(at);
  const std::uint64_t end = at.tell() + length;
  bool good = at && start_form == dwarf::DW_EH_PE_omit && (form == dwarf::DW_EH_PE_uleb128 || form == dwarf::DW_EH_PE_udata4);
  const auto number = [&] { return form == dwarf::DW_EH_PE_uleb128 ? data.getULEB128(at) : data.getU32(at); };
  while (good && at && at.tell() < end) {
    const std::uint64_t begin = number(), size = number(), pad = number();
    (void)data.getULEB128(at); // action
    if (pad != 0)
      into.push_back({e.begin + begin, e.begin + begin + size, e.begin + pad});
  }
  good = static_cast<bool>(at) && good;
  consumeError(at.takeError());
  return good;
}

} // namespace

void find_landing_pads(function &f, const tools::unwind_info &unwind) {
  for (const tools::fragment *part : f.parts) {
    const tools::unwind_info::exceptions *const e = unwind.exceptions_around(part->start());
    if (e == nullptr || e->area == 0)
      continue;
    std::vector<call_site> sites;
    if (!read_call_sites(*f.file, *e, sites)) {
      ++f.limits[static_cast<std::size_t>(limit::unknown_pads)];
      continue;
    }
    for (const call_site &site : sites) {
      const auto first = llvm::lower_bound(f.code, site.begin, [](const instruction &i, std::uint64_t a) { return i.address < a; });
      for (auto i = first; i != f.code.end() && i->address < site.end; ++i)
        if (i->op.does == what::call) {
          i->landing = f.at(site.pad);
          i->dropped = e->dropped_at(i->address);
        }
    }
  }
}

namespace {

// 4.
class block_builder {
public:
  explicit block_builder(function &of) : f_(of), leader_(of.code.size() + 1) {}

  void run() {
    find_entries();
    for (index i = 0; i != f_.code.size(); ++i)
      mark(i);
    cut();
    for (index b = 0; b != f_.blocks.size(); ++b)
      connect(b);
    for (index b = 0; b != f_.blocks.size(); ++b)
      for (const edge &e : f_.blocks[b].successors)
        f_.blocks[e.block].predecessors.push_back({b, e.by});
  }

private:
  void find_entries() {
    for (const tools::fragment *part : f_.parts)
      if (const index i = f_.at(part->start()); i != nowhere) {
        leader_[i] = true;
        if (f_.parts.size() == 1 || !is_part(*part))
          entries_.push_back(i);
      }
    if (entries_.empty())
      entries_.push_back(0);
  }

  static bool is_part(const tools::fragment &part) {
    const map::frame_rule &frame = part.runs.front().at_start.frame;
    return part.is_part() || (part.mangled.empty() && frame.known && (frame.saved != 0 || frame.cfa_offset != 8));
  }

  void mark(index i) {
    const instruction &at = f_.code[i];
    if (at.op.does == what::call && at.landing != nowhere)
      leader_[at.landing] = leader_[i + 1] = true;
    const bool padded = at.op.does == what::call && i + 1 != f_.code.size() && f_.code[i + 1].op.does == what::nothing;
    if (at.op.no_return || padded)
      leader_[i + 1] = true;
    if (at.op.does != what::jump && at.op.does != what::branch && at.op.does != what::leaves && at.decoded)
      return;
    leader_[i + 1] = true;
    if (at.op.target)
      if (const index to = f_.at(*at.op.target); to != nowhere)
        leader_[to] = true;
    for (const auto &[from, targets] : f_.indirect)
      if (from == i)
        for (const index to : targets)
          leader_[to] = true;
  }

  void cut() {
    f_.blocks.clear();
    f_.block_of.assign(f_.code.size(), 0);
    for (index i = 0; i != f_.code.size(); ++i) {
      if (i == 0 || leader_[i] || f_.code[i].address != f_.code[i - 1].end())
        f_.blocks.push_back({i, i, {}, {}, llvm::is_contained(entries_, i)});
      f_.blocks.back().end = i + 1;
      f_.block_of[i] = static_cast<index>(f_.blocks.size() - 1);
    }
  }

  void to(index from, index instruction, way by) { f_.blocks[from].successors.push_back({f_.block_of[instruction], by}); }

  void connect(index b) {
    const index last = f_.blocks[b].end - 1;
    const instruction &at = f_.code[last];
    const bool has_next = last + 1 != f_.code.size() && f_.code[last + 1].address == at.end();
    if (at.op.target && (at.op.does == what::jump || at.op.does == what::branch))
      if (const index target = f_.at(*at.op.target); target != nowhere)
        to(b, target, way::jump);
    for (const auto &[from, targets] : f_.indirect)
      if (from == last)
        for (const index target : targets)
          to(b, target, way::jump);
    if (at.op.does == what::call && at.landing != nowhere)
      to(b, at.landing, way::pad);
    if (has_next && at.decoded && !at.op.no_return && at.op.does != what::jump && at.op.does != what::leaves)
      to(b, last + 1, at.op.does == what::call ? way::after : way::next);
  }

  function &f_;
  std::vector<bool> leader_;
  std::vector<index> entries_;
};

} // namespace

void build_blocks(function &f) { block_builder(f).run(); }

} // namespace stillpoint::verify
