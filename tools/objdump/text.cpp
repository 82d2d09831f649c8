// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The form for people. A line for each instruction: a mark where the state changes, address, kind, frame, "vec" if a vector register is
// live, the live registers if the table has them, the instruction.
#include "output.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

namespace stillpoint::tools {

using namespace llvm;

namespace {

constexpr unsigned address_width = 10;
constexpr unsigned kind_width = 7;
constexpr unsigned frame_width = 13;

// What stands behind an instruction: where it goes or what it reads, by name.
std::string annotation(const image &file, const decoded &code, std::uint64_t address, std::uint64_t bias) {
  for (auto fix = llvm::lower_bound(file.fixups, address, [](const fixup &f, std::uint64_t a) { return f.address < a; });
       fix != file.fixups.end() && fix->address < address + code.size; ++fix)
    return " <" + fix->target + ">";
  const std::optional<std::uint64_t> shown = code.target ? code.target : code.data;
  if (!shown)
    return {};
  const std::uint64_t target = *shown + bias;
  const symbol *s = file.symbol_around(target);
  if (s == nullptr)
    return code.target ? std::string() : formatv(" # {0:x}", *shown).str();
  const std::string offset = target == s->address ? std::string() : formatv("+{0:x}", target - s->address).str();
  return formatv("{0} <{1}{2}>", code.target ? "" : " #", s->name, offset).str();
}

void print_line(raw_ostream &os, char mark, std::uint64_t address, StringRef kind, StringRef frame, StringRef rest) {
  os << mark << ' ' << format_hex_no_prefix(address, address_width) << "  " << left_justify(kind, kind_width)
     << left_justify(frame, frame_width) << ' ' << rest << '\n';
}

void print_instruction(raw_ostream &os, const fragment &f, const instruction &i) {
  const map::point &p = i.state;
  std::string rest = p.vector_live && p.kind != abi::kind_unsafe ? "vec " : "    ";
  if (p.has_live_set)
    rest += "live=" + live_text(p.live) + " ";
  if (const std::string refs = references_text(references_of(p)); !refs.empty())
    rest += refs + " ";
  rest += " " + i.code.text + annotation(*f.file, i.code, i.address, f.code->bias);
  // Inside prologues and epilogues, which registers are on the stack already or still.
  if (i.changed && p.frame.known && p.frame.saved != f.header.saved && p.frame.saved != 0)
    rest += "  # saved " + saved_text(p.frame.saved);
  print_line(os, i.changed ? '>' : ' ', f.shown(i.address), kind_name(p.kind), frame_text(p.frame), rest);
}

std::string whole_frame_text(const map::fragment &header) {
  std::string text = header.cfa_is_rbp ? "cfa=rbp+16" : formatv("cfa=rsp+{0}", header.words * 8).str();
  text += header.saved != 0 ? ", saves " + saved_text(header.saved) : ", saves nothing";
  if (header.explicit_slots)
    for (unsigned reg = 0; reg != abi::saved_register_count; ++reg)
      if ((header.saved >> reg & 1) != 0)
        text += formatv(" {0}@cfa-{1}", register_name(reg), header.slot[reg]).str();
  return text;
}

void print_heading(raw_ostream &os, const fragment &f) {
  os << '\n' << format_hex_no_prefix(f.shown(f.start()), address_width) << " <" << (f.demangled.empty() ? "?" : f.demangled) << ">:";
  if (f.file->relocatable && f.code != nullptr)
    os << " in " << f.code->name;
  os << "\n  frame " << whole_frame_text(f.header) << (f.header.nosplit ? "; nosplit" : "");
  os << formatv("; {0} bytes, {1} runs, ", f.end - f.start(), f.runs.size());
  if (f.map_bytes != 0)
    os << f.map_bytes << " bytes of map\n";
  else
    os << "map in the record\n";
  if (f.code == nullptr)
    os << "  (its code is not in this file)\n";
}

// Code from `begin` to `end` that no record covers.
void print_foreign(const image &file, const section &code, std::uint64_t begin, std::uint64_t end, disassembler &d, raw_ostream &os) {
  bool first = true;
  for (std::uint64_t at = begin; at < end;) {
    const symbol *s = file.symbol_at(at);
    if (first || s != nullptr)
      os << '\n' << format_hex_no_prefix(at - code.bias, address_width) << " <" << (s != nullptr ? s->name : code.name) << ">: foreign\n";
    first = false;
    const decoded i = d.decode(code.contents.drop_front(at - code.address), at - code.bias, /*with_text=*/true);
    print_line(os, ' ', at - code.bias, "foreign", "", "     " + i.text + annotation(file, i, at, code.bias));
    at += i.size;
  }
}

void print_one(const fragment &f, disassembler &d, raw_ostream &os) {
  print_heading(os, f);
  each_instruction(f, d, /*with_text=*/true, [&](const instruction &i) { print_instruction(os, f, i); });
}

void print_notes(const report &r, raw_ostream &os) {
  os << r.file->name << ":\n";
  if (!r.file->has_symbols)
    os << "note: the file has no symbol table (stripped): functions that the dynamic symbols do not name are shown by address only\n";
}

std::string share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? std::string("-") : formatv("{0:f2}%", 100.0 * static_cast<double>(part) / static_cast<double>(whole)).str();
}

void line(raw_ostream &os, StringRef what, std::uint64_t value, const std::string &rest = "") {
  os << formatv("  {0,-26} {1,12}{2}\n", what, value, rest.empty() ? "" : "  " + rest);
}

// Names of general registers by encoding number, then the flags.
constexpr const char *general_names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",  "r8",
                                         "r9",  "r10", "r11", "r12", "r13", "r14", "r15", "flags"};

} // namespace

std::string frame_text(const map::frame_rule &frame) {
  return frame.known ? formatv("cfa={0}+{1}", frame.cfa_is_rbp ? "rbp" : "rsp", frame.cfa_offset).str() : std::string("cfa=?");
}

std::string saved_text(unsigned saved) {
  std::string text;
  for (unsigned reg = 0; reg != abi::saved_register_count; ++reg)
    if ((saved >> reg & 1) != 0)
      text += (text.empty() ? "" : ",") + std::string(register_name(reg));
  return text;
}

std::vector<std::string> live_names(const map::live_set &live) {
  std::vector<std::string> names;
  for (unsigned bit = 0; bit != std::size(general_names); ++bit)
    if ((live.general >> bit & 1) != 0)
      names.emplace_back(general_names[bit]);
  for (unsigned bit = 0; bit != 32; ++bit)
    if ((live.vector >> bit & 1) != 0)
      names.push_back(formatv("xmm{0}", bit).str());
  for (unsigned bit = 0; bit != 16; ++bit)
    if ((live.other >> bit & 1) != 0)
      names.push_back(formatv("{0}{1}", bit < 8 ? "k" : "st", bit % 8).str());
  return names;
}

std::string references_text(const point_references &refs) {
  std::vector<std::string> parts;
  for (const std::string &name : refs.registers)
    parts.push_back(name + "=ref");
  const auto add = [&](const reference_words &at, const char *what) {
    const std::string count = at.words == 1 ? std::string() : formatv("*{0}", at.words).str();
    const std::string offset = at.offset == 0 ? std::string() : formatv("{0}{1}", at.offset < 0 ? "" : "+", at.offset).str();
    parts.push_back(formatv("[{0}{1}]={2}{3}", at.base, offset, what, count).str());
  };
  for (const reference_words &slot : refs.slots)
    add(slot, "ref");
  for (const reference_words &root : refs.roots)
    add(root, "root");
  return llvm::join(parts, " ");
}

std::string live_text(const map::live_set &live) {
  const std::vector<std::string> names = live_names(live);
  return names.empty() ? "none" : llvm::join(names, ",");
}

void print_summary_text(const report &r, disassembler &d, raw_ostream &os) {
  print_notes(r, os);
  const summary s = summarize(r.fragments, d);
  const image &f = *r.file;
  line(os, "functions", s.functions, formatv("{0} fragments, {1} runs", s.fragments, s.runs).str());
  line(os, "bytes of managed code", s.code_bytes, share(s.code_bytes, f.text_bytes) + " of executable sections");
  for (const abi::point_kind kind : {abi::kind_safe, abi::kind_pinned, abi::kind_unsafe})
    line(os, std::string(kind_name(kind)) + " points", s.states.points[kind],
         formatv("{0} of points, {1} of bytes", share(s.states.points[kind], s.states.all_points()),
                 share(s.states.bytes[kind], s.states.all_bytes()))
             .str());
  if (s.reference_points != 0)
    line(os, "points with references", s.reference_points, share(s.reference_points, s.states.all_points()) + " of points");
  const std::uint64_t tables = f.records_bytes + f.maps_bytes + f.copies_bytes;
  const std::string copies = f.copies_bytes != 0 ? formatv(", {0} unchecked copies", f.copies_bytes).str() : "";
  line(os, "bytes of tables", tables, formatv("{0} records, {1} maps", f.records_bytes, f.maps_bytes).str() + copies);
  line(os, "executable sections", f.text_bytes, "tables " + share(tables, f.text_bytes));
  line(os, ".eh_frame", f.eh_frame_bytes, share(f.eh_frame_bytes, f.text_bytes) + " of executable sections");
  if (s.fragments == 0)
    return;
  const auto average = [&](std::uint64_t sum) { return static_cast<double>(sum) / static_cast<double>(s.fragments); };
  os << formatv("  per fragment: {0:f1} bytes of code, {1:f1} points, {2:f1} runs, {3:f1} bytes of tables\n", average(s.code_bytes),
                average(s.states.all_points()), average(s.runs), average(s.map_bytes + sizeof(abi::record) * s.fragments));
}

void print_functions_text(const report &r, disassembler &d, bool with_foreign, raw_ostream &os) {
  print_notes(r, os);
  if (!with_foreign) {
    for (const fragment &f : r.fragments)
      print_one(f, d, os);
    return;
  }
  for (const section &code : r.file->code) {
    std::uint64_t at = code.address;
    for (const fragment &f : r.fragments) {
      if (f.code != &code)
        continue;
      print_foreign(*r.file, code, at, f.start(), d, os);
      print_one(f, d, os);
      at = std::max(at, f.end);
    }
    print_foreign(*r.file, code, at, code.end(), d, os);
  }
}

void print_runs_text(const report &r, raw_ostream &os) {
  print_notes(r, os);
  static constexpr const char *codes[] = {"unsafe", "safe", "safe-vector", "entry", "prologue", "epilogue", "own", "own"};
  for (const fragment &f : r.fragments) {
    print_heading(os, f);
    for (const state_run &run : f.runs) {
      const map::point &p = run.at_start;
      std::string what = codes[run.run.code];
      if (run.run.code >= abi::state_own_0)
        what += formatv(" {0}", run.run.own_index).str();
      std::string rest = formatv("{0,-12} length {1}", what, run.run.length).str();
      if (p.kind == abi::kind_unsafe && p.callee_may_stop)
        rest += p.callee_pinned ? " callees-pinned" : " callees-may-stop";
      if (p.has_live_set)
        rest += " live=" + live_text(p.live);
      if (const std::string refs = references_text(references_of(p)); !refs.empty())
        rest += " " + refs;
      print_line(os, ' ', f.shown(run.run.start), kind_name(p.kind), frame_text(p.frame), rest);
    }
  }
}

} // namespace stillpoint::tools
