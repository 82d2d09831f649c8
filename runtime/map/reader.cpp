// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: a signal handler needs the state of one PC at once, from bytes that may be damaged.
//
// Mechanism: binary search over the records, then one forward pass over the record's map: header, own states (stepped over, decoded again
// only for a run that names one), runs until one covers the PC. All bytes are read through a cursor that knows the section's end.
//
// Invariants: those of reader.h. Every number from the table is checked against a limit before it is used in arithmetic, so that no sum can
// wrap; a fragment's end is found by its runs alone.
//
// Rejected: a cache of decoded maps (it would have to be shared with handlers and dropped at dlclose; a decoding pass costs less than the
// signal's delivery by far).
#include "reader.h"

#include "frames.h"
#include "steps.h"

#include <cstring>

namespace stillpoint::map {
namespace {

// One map being decoded: its header and what is left of its bytes.
struct map_state {
  fragment header;
  cursor own;  // at own state 0
  cursor rest; // at the next run
  std::uint64_t own_count = 0;
  std::uint64_t at = 0;       // bytes of code before the next run
  std::uint64_t most = 0;     // bytes that the code may have in all
  step_state steps;           // only in a map with references
  unsigned char expanded[16]; // what an inline map stands for; `own` and `rest` may point here, so this is never copied
  map_state() = default;
  map_state(const map_state &) = delete;
};

// Writes the map that the inline map `word` stands for, at most 14 bytes.
void expand_inline_map(std::uint32_t word, map_state &m) noexcept {
  unsigned char *out = m.expanded;
  const auto add_run = [&](std::uint32_t length, abi::state_code code) {
    const std::uint32_t value = length << abi::run_state_bits | code;
    if (value >= 0x80)
      *out++ = static_cast<unsigned char>(value | 0x80);
    *out++ = static_cast<unsigned char>(value >= 0x80 ? value >> 7 : value);
  };
  const auto field = [&](unsigned shift, unsigned bits) { return word >> shift & ((1u << bits) - 1); };
  fragment f;
  const unsigned frame = abi::inline_shapes[field(abi::inline_shape_shift, abi::inline_shape_bits)];
  f.saved = frame & abi::frame_saved_mask;
  f.cfa_is_rbp = (frame & abi::frame_cfa_is_rbp) != 0;
  const unsigned room = f.cfa_is_rbp ? 0 : field(abi::inline_room_shift, abi::inline_room_bits);
  *out++ = static_cast<unsigned char>(frame);
  if (!f.cfa_is_rbp)
    *out++ = static_cast<unsigned char>(1 + saved_count(f) + room);
  const auto prologue = static_cast<std::uint32_t>(prologue_bytes(f)) + abi::inline_room_size(room);
  const abi::state_code body = (word & abi::inline_vector) != 0 ? abi::state_safe_vector : abi::state_safe;
  if (prologue != 0)
    add_run(prologue, f.saved != 0 ? abi::state_prologue : abi::state_entry);
  add_run(field(0, abi::inline_body_bits), body);
  if ((word & abi::inline_returns) != 0) {
    if (f.saved != 0)
      add_run(static_cast<std::uint32_t>(push_bytes(f)), abi::state_epilogue);
    add_run(1, abi::state_entry);
    add_run(field(abi::inline_tail_shift, abi::inline_tail_bits), body);
  }
  *out++ = abi::run_end;
  m.rest = {m.expanded, out};
}

bool read_slots(cursor &c, fragment &f) noexcept {
  const std::uint64_t deepest = f.cfa_is_rbp ? abi::max_frame_words : f.words;
  unsigned n = 0;
  for (unsigned reg = 0; reg < abi::saved_register_count; ++reg) {
    if (!is_saved(f, reg))
      continue;
    std::uint64_t words = n++ + 2;
    if (f.explicit_slots ? !read_uleb_between(c, 2, deepest, words) : words > deepest)
      return false;
    f.slot[reg] = words * 8;
  }
  return true;
}

bool read_live_set(cursor &c, live_set &live) noexcept {
  return read_uleb_between(c, 0, abi::live_general_known, live.general) && read_uleb_between(c, 0, abi::live_vector_known, live.vector) &&
         read_uleb_between(c, 0, abi::live_other_known, live.other);
}

// Reads one own state. Sets everything in `out` but `code`.
bool read_own_state(cursor &c, const fragment &f, point &out) noexcept {
  std::uint64_t bits;
  if (!read_uleb_between(c, 0, abi::own_known, bits) || (bits & abi::own_kind_mask) > abi::kind_pinned)
    return false;
  out.kind = static_cast<abi::point_kind>(bits & abi::own_kind_mask);
  out.vector_live = (bits & abi::own_vector_live) != 0;
  out.has_live_set = (bits & abi::own_has_live_set) != 0;
  out.live = {};
  std::uint64_t depth;
  switch (static_cast<abi::frame_form>(bits >> abi::own_frame_shift & abi::own_frame_mask)) {
  case abi::frame_whole:
    out.frame = whole_frame(f);
    break;
  case abi::frame_entry:
    out.frame = entry_frame();
    break;
  case abi::frame_unknown:
    out.frame = {};
    break;
  case abi::frame_explicit:
    if (!read_uleb_between(c, deepest_slot(f) / 8, abi::max_frame_words, depth))
      return false;
    out.frame = explicit_frame(f, depth);
    break;
  }
  const bool lets_callees_stop = (bits & abi::own_callee_may_stop) != 0;
  if (lets_callees_stop && (out.kind != abi::kind_unsafe || !out.frame.known))
    return false;
  const bool pins_callees = (bits & abi::own_callee_pinned) != 0;
  if (pins_callees && !lets_callees_stop)
    return false;
  out.callee_pinned = pins_callees || out.kind == abi::kind_pinned;
  out.callee_may_stop = lets_callees_stop || out.kind != abi::kind_unsafe;
  if (!out.has_live_set)
    return true;
  return read_live_set(c, out.live) && (out.vector_live || (out.live.vector | out.live.other) == 0);
}

// Whether references can be where the steps say they are.
bool references_fit(const fragment &f, const point &p) noexcept {
  const references &refs = p.refs;
  const bool words = refs.slots != 0 || refs.roots_ready;
  const frame_rule whole = whole_frame(f);
  if (refs.base != abi::base_cfa && words && (p.frame.cfa_is_rbp != whole.cfa_is_rbp || p.frame.cfa_offset != whole.cfa_offset))
    return false;
  const bool rbp_is_taken = p.frame.cfa_is_rbp && (refs.registers >> abi::encoding_rbp & 1) != 0;
  const bool rbx_is_taken = refs.base == abi::base_rbx && words && (refs.registers >> abi::encoding_rbx & 1) != 0;
  return !rbp_is_taken && !rbx_is_taken;
}

bool skip_own_states(map_state &m) noexcept {
  point ignored;
  for (std::uint64_t i = 0; i < m.own_count; ++i)
    if (!read_own_state(m.rest, m.header, ignored))
      return false;
  return true;
}

// Finds the word lists, and looks at nothing of them but their size and the number of slots: whoever asks only where a frame is does not pay for
// them. lists_are_good() looks.
bool find_lists(cursor &c, fragment &f, std::uint64_t extension) noexcept {
  const bool has_slots = (extension & abi::extension_ref_slots) != 0;
  f.has_root_list = (extension & abi::extension_stack_roots) != 0;
  const bool on_stack_pointer = (extension & abi::extension_base_rsp) != 0;
  const bool on_rbx = (extension & abi::extension_base_rbx) != 0;
  f.base = on_stack_pointer ? abi::base_stack_pointer : on_rbx ? abi::base_rbx : abi::base_cfa;
  if (on_stack_pointer && on_rbx)
    return false;
  if (!has_slots && !f.has_root_list)
    return true;
  std::uint64_t size;
  if (!read_uleb(c, size) || size > static_cast<std::uint64_t>(c.end - c.at))
    return false;
  f.lists = {c.at, c.at + size};
  c.at += size;
  cursor first = f.lists;
  return !has_slots || read_uleb_between(first, 1, abi::max_frame_words, f.slot_count);
}

// Whether a list is well formed, keeps clear of the return address, and inside what the function owns.
bool list_is_good(cursor &c, const fragment &f, bool lengths) noexcept {
  word_list list;
  if (!list.open(c, lengths))
    return false;
  std::int64_t word;
  std::uint64_t length;
  // Deeper than the red zone below the stack pointer nothing is the function's.
  const std::int64_t lowest = f.cfa_is_rbp ? INT64_MIN : -static_cast<std::int64_t>(f.words + abi::red_zone_words);
  while (list.next(word, length))
    if (f.base == abi::base_cfa && (word < lowest || (word < 0 && word + static_cast<std::int64_t>(length) >= 0)))
      return false;
  return list.left() == 0;
}

// Checks what find_lists() stepped over.
bool lists_are_good(const fragment &f) noexcept {
  cursor lists = f.lists;
  return (f.slot_count == 0 || list_is_good(lists, f, /*lengths=*/false)) &&
         (!f.has_root_list || list_is_good(lists, f, /*lengths=*/true)) && lists.at == lists.end;
}

// Decodes everything in front of the runs. `m.rest` is at the map's first byte, `m.header.start` is set.
bool read_header(map_state &m) noexcept {
  cursor &c = m.rest;
  if (c.at == c.end)
    return false;
  const unsigned frame = *c.at++;
  fragment &f = m.header;
  f.saved = frame & abi::frame_saved_mask;
  f.cfa_is_rbp = (frame & abi::frame_cfa_is_rbp) != 0;
  std::uint64_t extension = 0;
  if ((frame & abi::frame_has_extension) != 0 && !read_uleb_between(c, 0, abi::extension_known, extension))
    return false;
  f.nosplit = (extension & abi::extension_nosplit) != 0;
  f.explicit_slots = (extension & abi::extension_explicit_slots) != 0;
  if (f.cfa_is_rbp ? !is_saved(f, abi::saved_rbp) : !read_uleb_between(c, 1, abi::max_frame_words, f.words))
    return false;
  if (!read_slots(c, f))
    return false;
  f.has_references = (extension & abi::extension_references) != 0;
  if (f.has_references) {
    if (!find_lists(c, f, extension))
      return false;
    m.steps.base = abi::first_step_base(f.saved);
  } else if (extension >= abi::extension_references) {
    return false;
  }
  m.steps.first = c.at;
  if ((extension & abi::extension_own_states) == 0)
    return true;
  if (!read_uleb(c, m.own_count))
    return false;
  m.own = c;
  const bool good = skip_own_states(m);
  m.steps.first = c.at;
  return good;
}

// The record's code and map. False if the map does not start inside the section.
bool open_record(const table_view &table, std::size_t index, map_state &m) noexcept {
  const std::size_t offset = index * sizeof(abi::record);
  abi::record r;
  std::memcpy(&r, table.records.data + offset, sizeof r);
  const std::uint64_t field = table.records.address + offset;
  m.header.start = field + static_cast<std::uint64_t>(std::int64_t{r.start});
  m.most = ~m.header.start < abi::max_fragment_size ? ~m.header.start : abi::max_fragment_size; // the end's address must not wrap
  if (const auto word = static_cast<std::uint32_t>(r.map); abi::is_inline_map(word)) {
    expand_inline_map(word, m);
    return read_header(m);
  }
  const std::uint64_t map_field = field + offsetof(abi::record, map);
  const std::uint64_t map_offset = map_field + static_cast<std::uint64_t>(std::int64_t{r.map}) - table.maps.address;
  if (map_offset >= table.maps.size)
    return false;
  m.rest = {table.maps.data + map_offset, table.maps.data + table.maps.size};
  return read_header(m);
}

std::uint64_t record_start(const table_view &table, std::size_t index) noexcept {
  const std::size_t offset = index * sizeof(abi::record);
  std::int32_t start;
  std::memcpy(&start, table.records.data + offset, sizeof start);
  return table.records.address + offset + static_cast<std::uint64_t>(std::int64_t{start});
}

enum class step { run, end, corrupt };

bool frame_shape_fits(const fragment &f, abi::state_code code, std::uint64_t length) noexcept {
  const std::uint64_t known = code == abi::state_prologue ? prologue_bytes(f) : push_bytes(f);
  return !f.explicit_slots && length >= known && length - known <= abi::max_instruction_size;
}

// next_run() in maps with references: takes steps up to one with a length.
step next_steps(map_state &m, run &r) noexcept {
  for (;;) {
    std::uint64_t value;
    if (!read_uleb(m.rest, value))
      return step::corrupt;
    if (value == abi::step_end)
      return step::end;
    r.length = value >> (abi::is_long_step(value) ? abi::step_long_bits : abi::step_short_bits);
    if (r.length > m.most - m.at || !take_step(m.steps, m.header, m.own_count, value, m.rest))
      return step::corrupt;
    if (r.length != 0)
      break;
  }
  r.start = m.header.start + m.at;
  m.at += r.length;
  r.code = m.steps.base;
  r.own_index = r.code >= abi::state_own_0 ? m.steps.own_index : 0;
  if (r.code != abi::state_prologue && r.code != abi::state_epilogue)
    return step::run;
  return frame_shape_fits(m.header, r.code, r.length) ? step::run : step::corrupt;
}

// Decodes the next run into `r`.
[[gnu::always_inline]] inline step next_run(map_state &m, run &r) noexcept {
  if (m.header.has_references)
    return next_steps(m, r);
  std::uint64_t value;
  if (!read_uleb(m.rest, value))
    return step::corrupt;
  if (value == abi::run_end)
    return step::end;
  r.length = value >> abi::run_state_bits;
  r.code = static_cast<abi::state_code>(value & abi::run_state_mask);
  r.own_index = 0;
  if (r.length > m.most - m.at)
    return step::corrupt;
  r.start = m.header.start + m.at;
  m.at += r.length;
  if (r.code < abi::state_prologue)
    return step::run;
  if (r.code <= abi::state_epilogue)
    return frame_shape_fits(m.header, r.code, r.length) ? step::run : step::corrupt;
  if (r.code == abi::state_escape && !read_uleb(m.rest, r.own_index))
    return step::corrupt;
  return r.own_index < m.own_count ? step::run : step::corrupt;
}

// What the steps up to a run say of references, at a point whose frame is known. False if it cannot be.
bool take_references(const map_state &m, const run &r, point &out) noexcept {
  const fragment &f = m.header;
  references &refs = out.refs;
  refs.registers = m.steps.registers;
  refs.base = f.base;
  refs.has_slot_list = f.slot_count != 0;
  refs.lists = f.lists;
  refs.slots = m.steps.slots;
  if (m.steps.has_more_slots)
    refs.steps = {m.steps.first, m.rest.at};
  const bool whole_or_own = r.code != abi::state_entry && r.code != abi::state_prologue && r.code != abi::state_epilogue;
  refs.roots_ready = m.steps.ready && whole_or_own;
  return references_fit(f, out);
}

// The point at a run's start. Own states were checked with the header. False if references are where they cannot be.
bool point_at_start(const map_state &m, const run &r, point &out) noexcept {
  out = {};
  out.code = r.code;
  out.kind = abi::kind_safe;
  out.callee_may_stop = r.code != abi::state_unsafe;
  switch (r.code) {
  case abi::state_unsafe:
    out.kind = abi::kind_unsafe;
    break;
  case abi::state_safe:
    out.vector_live = false;
    out.frame = whole_frame(m.header);
    break;
  case abi::state_safe_vector:
    out.frame = whole_frame(m.header);
    break;
  case abi::state_entry:
    out.frame = entry_frame();
    break;
  case abi::state_prologue:
  case abi::state_epilogue:
    resolve_in_run(m.header, r, out, 0, out);
    break;
  case abi::state_own_0:
  case abi::state_escape:
    cursor c = m.own;
    for (std::uint64_t i = 0; i <= r.own_index; ++i)
      (void)read_own_state(c, m.header, out);
    break;
  }
  const bool wanted = out.frame.known && (out.kind != abi::kind_unsafe || out.callee_may_stop);
  return !m.header.has_references || !wanted || take_references(m, r, out);
}

bool well_formed(const table_view &table) noexcept { return table.records.size % sizeof(abi::record) == 0; }

} // namespace

void resolve_in_run(const fragment &header, const run &r, const point &at_start, std::uint64_t offset, point &out) noexcept {
  out = at_start;
  if (r.code != abi::state_prologue && r.code != abi::state_epilogue)
    return;
  out.frame = r.code == abi::state_prologue ? frame_in_prologue(header, offset) : frame_in_epilogue(header, r.length, offset);
  if (!out.frame.known) {
    out.kind = abi::kind_unsafe;
    out.callee_may_stop = false;
    out.refs = {};
  }
}

status find(const table_view &table, std::uint64_t pc, point &out) noexcept {
  if (!well_formed(table))
    return status::corrupt;
  // The last record that starts at or below pc.
  std::size_t low = 0;
  std::size_t high = table.record_count();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (record_start(table, middle) <= pc)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == 0)
    return status::not_managed;
  map_state m;
  if (!open_record(table, low - 1, m))
    return status::corrupt;
  const std::uint64_t wanted = pc - m.header.start;
  for (run r;;) {
    switch (next_run(m, r)) {
    case step::corrupt:
      return status::corrupt;
    case step::end:
      return status::not_managed;
    case step::run:
      break;
    }
    if (wanted >= m.at)
      continue;
    point at_start;
    if (!point_at_start(m, r, at_start))
      return status::corrupt;
    resolve_in_run(m.header, r, at_start, pc - r.start, out);
    return status::ok;
  }
}

std::uint64_t live_slots(cursor steps, std::uint64_t first) noexcept {
  std::uint64_t live = 0;
  std::uint64_t value;
  while (steps.at != steps.end && read_uleb(steps, value)) {
    const auto step = static_cast<unsigned>(value & ((1u << abi::step_long_bits) - 1));
    const bool has_operand = step == abi::step_slot || step == abi::step_own || (value & abi::step_long_b) == abi::step_mask;
    std::uint64_t operand = 0;
    if (has_operand && !read_uleb(steps, operand))
      break;
    if (step == abi::step_clear)
      live = 0;
    else if (step == abi::step_slot && operand >= first && operand - first < 64)
      live ^= std::uint64_t{1} << (operand - first);
  }
  return live;
}

status visit_fragment(const table_view &table, std::size_t index, fragment &header, std::uint64_t &end, run_visitor visit,
                      void *context) noexcept {
  if (index >= table.record_count())
    return status::not_managed;
  map_state m;
  const bool opened = open_record(table, index, m);
  header = m.header;
  end = header.start;
  if (!opened || !lists_are_good(header))
    return status::corrupt;
  for (run r;;) {
    switch (next_run(m, r)) {
    case step::corrupt:
      return status::corrupt;
    case step::end:
      return status::ok;
    case step::run:
      break;
    }
    point at_start;
    if ((visit != nullptr || header.has_references) && !point_at_start(m, r, at_start))
      return status::corrupt;
    end = header.start + m.at;
    if (visit != nullptr && !visit(context, r, at_start))
      return status::ok;
  }
}

status validate(const table_view &table, std::size_t &bad_record) noexcept {
  bad_record = 0;
  const std::size_t count = table.record_count();
  std::uint64_t previous_end = 0;
  for (std::size_t i = 0; i < count; ++i) {
    bad_record = i;
    fragment header;
    std::uint64_t end;
    if (visit_fragment(table, i, header, end, nullptr, nullptr) != status::ok || header.start < previous_end)
      return status::corrupt;
    previous_end = end;
  }
  bad_record = count;
  return well_formed(table) ? status::ok : status::corrupt;
}

} // namespace stillpoint::map
