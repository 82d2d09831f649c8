// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The form for programs: one JSON object for each image, on a line of its own. docs/table-format.md has the schema; names there are
// promises.
#include "output.h"

#include "llvm/Support/JSON.h"

namespace stillpoint::tools {

using namespace llvm;

namespace {

std::int64_t number(std::uint64_t value) { return static_cast<std::int64_t>(value); }

void write_by_kind(json::OStream &j, StringRef name, const std::uint64_t (&values)[kind_count]) {
  j.attributeObject(name, [&] {
    for (const abi::point_kind kind : {abi::kind_safe, abi::kind_pinned, abi::kind_unsafe})
      j.attribute(kind_name(kind), number(values[kind]));
  });
}

void write_saved(json::OStream &j, unsigned saved, const std::uint64_t *slot) {
  j.attributeObject("saved", [&] {
    for (unsigned reg = 0; reg != abi::saved_register_count; ++reg)
      if ((saved >> reg & 1) != 0)
        j.attribute(register_name(reg), number(slot[reg]));
  });
}

void write_frame(json::OStream &j, const map::frame_rule &frame) {
  if (!frame.known) {
    j.attribute("frame", nullptr);
    return;
  }
  j.attributeObject("frame", [&] {
    j.attribute("cfa", frame.cfa_is_rbp ? "rbp" : "rsp");
    j.attribute("offset", number(frame.cfa_offset));
    write_saved(j, frame.saved, frame.slot);
  });
}

void write_words(json::OStream &j, StringRef name, const std::vector<reference_words> &places) {
  if (places.empty())
    return;
  j.attributeArray(name, [&] {
    for (const reference_words &at : places)
      j.object([&] {
        j.attribute("base", at.base);
        j.attribute("offset", at.offset);
        j.attribute("words", number(at.words));
      });
  });
}

void write_references(json::OStream &j, const point_references &refs) {
  if (refs.none())
    return;
  j.attributeObject("refs", [&] {
    if (!refs.registers.empty())
      j.attributeArray("registers", [&] {
        for (const std::string &name : refs.registers)
          j.value(name);
      });
    write_words(j, "slots", refs.slots);
    write_words(j, "roots", refs.roots);
  });
}

void write_instruction(json::OStream &j, const fragment &f, const instruction &i) {
  j.object([&] {
    j.attribute("address", number(f.shown(i.address)));
    j.attribute("size", i.code.size);
    j.attribute("text", i.code.text);
    j.attribute("kind", kind_name(i.state.kind));
    j.attribute("changed", i.changed);
    j.attribute("vector", i.state.vector_live);
    write_frame(j, i.state.frame);
    write_references(j, references_of(i.state));
    if (i.state.has_live_set)
      j.attributeArray("live", [&] {
        for (const std::string &name : live_names(i.state.live))
          j.value(name);
      });
  });
}

void write_function(json::OStream &j, const fragment &f, disassembler &d) {
  j.object([&] {
    // Names may hold any bytes; JSON only UTF-8.
    j.attribute("name", json::fixUTF8(f.demangled));
    j.attribute("mangled", json::fixUTF8(f.mangled));
    j.attribute("section", f.code != nullptr ? json::fixUTF8(f.code->name) : std::string());
    j.attribute("address", number(f.shown(f.start())));
    j.attribute("size", number(f.end - f.start()));
    j.attribute("record", number(f.record));
    j.attribute("map_bytes", number(f.map_bytes));
    j.attribute("runs", number(f.runs.size()));
    j.attribute("nosplit", f.header.nosplit);
    j.attributeArray("instructions",
                     [&] { each_instruction(f, d, /*with_text=*/true, [&](const instruction &i) { write_instruction(j, f, i); }); });
  });
}

void write_head(json::OStream &j, const report &r) {
  j.attribute("file", json::fixUTF8(r.file->name));
  j.attribute("stripped", !r.file->has_symbols);
}

} // namespace

void print_summary_json(const report &r, disassembler &d, raw_ostream &os) {
  const summary s = summarize(r.fragments, d);
  json::OStream j(os);
  j.object([&] {
    write_head(j, r);
    j.attribute("functions", number(s.functions));
    j.attribute("fragments", number(s.fragments));
    j.attribute("runs", number(s.runs));
    j.attribute("managed", number(s.code_bytes));
    write_by_kind(j, "points", s.states.points);
    write_by_kind(j, "bytes", s.states.bytes);
    j.attribute("reference_points", number(s.reference_points));
    j.attributeObject("tables", [&] {
      j.attribute("records", number(r.file->records_bytes));
      j.attribute("maps", number(r.file->maps_bytes));
      j.attribute("copies", number(r.file->copies_bytes));
    });
    j.attribute("text", number(r.file->text_bytes));
    j.attribute("eh_frame", number(r.file->eh_frame_bytes));
  });
  os << '\n';
}

void print_functions_json(const report &r, disassembler &d, raw_ostream &os) {
  json::OStream j(os);
  j.object([&] {
    write_head(j, r);
    j.attributeArray("functions", [&] {
      for (const fragment &f : r.fragments)
        write_function(j, f, d);
    });
  });
  os << '\n';
}

} // namespace stillpoint::tools
