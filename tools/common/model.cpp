// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See model.h.
#include "model.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Demangle/Demangle.h"
#include "llvm/Support/FormatVariadic.h"

#include <tuple>

namespace stillpoint::tools {

using namespace llvm;

namespace {

// Says which rule the reader's refusal is about, as far as it can be told from outside.
Error describe_corruption(const image &file, const table &t, std::size_t record) {
  map::fragment header;
  std::uint64_t end = 0;
  std::string what;
  const std::optional<std::uint64_t> at = map_address(t, record);
  const std::uint64_t map_offset = at ? *at - t.view.maps.address : 0;
  if (at && map_offset >= t.view.maps.size)
    what = formatv("its map at {0:x} is outside section {1}", *at - t.maps_bias, STILLPOINT_MAPS_SECTION);
  else if (map::visit_fragment(t.view, record, header, end, nullptr, nullptr) != map::status::ok)
    what = formatv("its map ({0}) contradicts the format behind {1} bytes of code",
                   at ? formatv("offset {0:x} in {1}", map_offset, STILLPOINT_MAPS_SECTION).str() : std::string("in the record"),
                   end - header.start);
  else
    what = formatv("its code at {0:x} overlaps or precedes the previous record's", header.start);
  return createStringError(inconvertibleErrorCode(), formatv("{0}: corrupt table: record {1} (offset {2:x} in {3}): {4}", file.name, record,
                                                             record * sizeof(abi::record), t.name, what)
                                                         .str());
}

// Maps follow one another without gaps: the next map's start is this one's end. 0 for a map in the record.
std::vector<std::uint64_t> map_sizes(const table &t) {
  std::vector<std::pair<std::uint64_t, std::size_t>> starts;
  for (std::size_t i = 0; i != t.view.record_count(); ++i)
    if (const std::optional<std::uint64_t> at = map_address(t, i))
      starts.emplace_back(*at, i);
  llvm::sort(starts);
  std::vector<std::uint64_t> sizes(t.view.record_count());
  for (std::size_t i = 0; i != starts.size(); ++i) {
    const std::uint64_t end = i + 1 < starts.size() ? starts[i + 1].first : t.view.maps.address + t.view.maps.size;
    sizes[starts[i].second] = end - starts[i].first;
  }
  return sizes;
}

void name_fragment(fragment &f) {
  const symbol *s = f.file->symbol_at(f.start());
  if (s == nullptr)
    return;
  f.mangled = s->name;
  f.demangled = llvm::demangle(s->name);
  f.symbol_size = s->size;
}

Error read_table(const image &file, const table &t, std::vector<fragment> &into) {
  std::size_t bad = 0;
  if (map::validate(t.view, bad) != map::status::ok)
    return describe_corruption(file, t, bad);
  const std::vector<std::uint64_t> sizes = map_sizes(t);
  for (std::size_t i = 0; i != t.view.record_count(); ++i) {
    fragment f;
    f.file = &file;
    f.record = i;
    f.map_bytes = sizes[i];
    const auto collect = [](void *context, const map::run &r, const map::point &at_start) {
      static_cast<std::vector<state_run> *>(context)->push_back({r, at_start});
      return true;
    };
    (void)map::visit_fragment(t.view, i, f.header, f.end, collect, &f.runs); // validated above
    const section *code = file.code_at(f.start());
    f.code = code != nullptr && f.end <= code->end() ? code : nullptr;
    name_fragment(f);
    into.push_back(std::move(f));
  }
  return Error::success();
}

} // namespace

void counts::add(const counts &more) {
  for (unsigned kind = 0; kind != kind_count; ++kind) {
    points[kind] += more.points[kind];
    bytes[kind] += more.bytes[kind];
  }
}

bool fragment::is_part() const { return StringRef(mangled).contains(".cold") || StringRef(mangled).contains(".__part."); }

const char *kind_name(abi::point_kind kind) {
  switch (kind) {
  case abi::kind_unsafe:
    return "unsafe";
  case abi::kind_safe:
    return "safe";
  case abi::kind_pinned:
    return "pinned";
  }
  return "?";
}

const char *register_name(unsigned saved_register) {
  static constexpr const char *names[abi::saved_register_count] = {"rbp", "r15", "r14", "r13", "r12", "rbx"};
  return names[saved_register];
}

const char *general_register_name(unsigned encoding) {
  static constexpr const char *names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                          "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
  return names[encoding];
}

point_references references_of(const map::point &p) {
  point_references found;
  for (unsigned encoding = 0; encoding != 16; ++encoding)
    if ((p.refs.registers >> encoding & 1) != 0)
      found.registers.emplace_back(general_register_name(encoding));
  const auto place = [&](std::int64_t word, std::uint64_t words) {
    switch (p.refs.base) {
    case abi::base_cfa:
      break;
    case abi::base_stack_pointer:
      return reference_words{"rsp", word * 8, words};
    case abi::base_rbx:
      return reference_words{"rbx", word * 8, words};
    }
    return reference_words{p.frame.cfa_is_rbp ? "rbp" : "rsp", static_cast<std::int64_t>(p.frame.cfa_offset) + word * 8, words};
  };
  map::each_slot(p.refs, [&](std::int64_t word) { found.slots.push_back(place(word, 1)); });
  map::each_stack_root(p.refs, [&](std::int64_t word, std::uint64_t words) { found.roots.push_back(place(word, words)); });
  return found;
}

static bool same_references(const map::point &a, const map::point &b) {
  if (a.refs.registers != b.refs.registers || a.refs.roots_ready != b.refs.roots_ready)
    return false;
  const auto slots = [](const map::point &p) {
    std::vector<std::int64_t> words;
    map::each_slot(p.refs, [&](std::int64_t word) { words.push_back(word); });
    return words;
  };
  return slots(a) == slots(b);
}

bool same_state(const map::point &a, const map::point &b) {
  if (!same_references(a, b))
    return false;
  if (a.kind != b.kind || a.vector_live != b.vector_live || a.has_live_set != b.has_live_set || a.frame.known != b.frame.known)
    return false;
  if (a.has_live_set && (a.live.general != b.live.general || a.live.vector != b.live.vector || a.live.other != b.live.other))
    return false;
  return !a.frame.known ||
         (a.frame.cfa_is_rbp == b.frame.cfa_is_rbp && a.frame.cfa_offset == b.frame.cfa_offset && a.frame.saved == b.frame.saved);
}

Expected<std::vector<fragment>> read_fragments(const image &file) {
  std::vector<fragment> all;
  for (const table &t : file.tables)
    if (Error e = read_table(file, t, all))
      return std::move(e);
  llvm::sort(all,
             [](const fragment &a, const fragment &b) { return std::tie(a.header.start, a.record) < std::tie(b.header.start, b.record); });
  return all;
}

void each_instruction(const fragment &f, disassembler &d, bool with_text, instruction_visitor visit) {
  if (f.code == nullptr)
    return;
  map::point previous;
  auto covering = f.runs.begin();
  for (std::uint64_t at = f.start(); at < f.end;) {
    while (at >= covering->run.start + covering->run.length)
      ++covering;
    instruction i;
    i.address = at;
    // Not cut at the fragment's end: an instruction that crosses it is an error that check() tells of.
    i.code = d.decode(f.code->contents.drop_front(at - f.code->address), f.shown(at), with_text);
    map::resolve_in_run(f.header, covering->run, covering->at_start, at - covering->run.start, i.state);
    i.changed = at == f.start() || !same_state(previous, i.state);
    previous = i.state;
    visit(i);
    at += i.code.size;
  }
}

summary summarize(ArrayRef<fragment> fragments, disassembler &d) {
  summary s;
  for (const fragment &f : fragments) {
    s.functions += !f.is_part();
    s.fragments += 1;
    s.runs += f.runs.size();
    s.code_bytes += f.end - f.start();
    s.map_bytes += f.map_bytes;
    each_instruction(f, d, /*with_text=*/false, [&](const instruction &i) {
      s.states.points[i.state.kind] += i.code.ok;
      s.states.bytes[i.state.kind] += i.code.size;
      s.reference_points += i.code.ok && !references_of(i.state).none();
    });
  }
  return s;
}

} // namespace stillpoint::tools
