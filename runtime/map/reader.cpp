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

#include <cstring>

namespace stillpoint::map {
namespace {

// Unread bytes of one map. After a failed read its position means nothing.
struct cursor {
  const unsigned char *at;
  const unsigned char *end;
};

bool read_long_uleb(cursor &c, std::uint64_t &value) noexcept {
  value = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    if (c.at == c.end)
      return false;
    const std::uint64_t byte = *c.at++;
    if (shift == 63 && byte > 1)
      return false;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80)
      return true;
  }
  return false;
}

// One and two bytes are nearly all there is.
[[gnu::always_inline]] inline bool read_uleb(cursor &c, std::uint64_t &value) noexcept {
  if (c.end - c.at >= 2) [[likely]] {
    const std::uint64_t first = c.at[0];
    const std::uint64_t second = c.at[1];
    if (first < 0x80) {
      value = first;
      c.at += 1;
      return true;
    }
    if (second < 0x80) {
      value = (first & 0x7f) | second << 7;
      c.at += 2;
      return true;
    }
  }
  return read_long_uleb(c, value);
}

bool read_uleb_between(cursor &c, std::uint64_t low, std::uint64_t high, std::uint64_t &value) noexcept {
  return read_uleb(c, value) && value >= low && value <= high;
}

bool is_saved(const fragment &f, unsigned reg) noexcept { return (f.saved >> reg & 1) != 0; }

// Bytes below the CFA of the lowest place that the frame must own: the return address or the deepest saved register.
std::uint64_t deepest_slot(const fragment &f) noexcept {
  std::uint64_t deepest = 8;
  for (unsigned reg = 0; reg < abi::saved_register_count; ++reg)
    if (is_saved(f, reg) && f.slot[reg] > deepest)
      deepest = f.slot[reg];
  return deepest;
}

frame_rule entry_frame() noexcept {
  frame_rule rule;
  rule.known = true;
  rule.cfa_offset = 8;
  return rule;
}

frame_rule explicit_frame(const fragment &f, std::uint64_t words) noexcept {
  frame_rule rule;
  rule.known = true;
  rule.cfa_offset = words * 8;
  rule.saved = f.saved;
  for (unsigned reg = 0; reg < abi::saved_register_count; ++reg)
    rule.slot[reg] = f.slot[reg];
  return rule;
}

frame_rule whole_frame(const fragment &f) noexcept {
  frame_rule rule = explicit_frame(f, f.cfa_is_rbp ? 2 : f.words);
  rule.cfa_is_rbp = f.cfa_is_rbp;
  return rule;
}

// The frame when the first `pushes` saved registers are on the stack and nothing below them.
frame_rule partial_frame(const fragment &f, unsigned pushes) noexcept {
  frame_rule rule = entry_frame();
  for (unsigned reg = 0; reg < abi::saved_register_count && pushes != 0; ++reg) {
    if (!is_saved(f, reg))
      continue;
    rule.cfa_offset += 8;
    rule.saved = static_cast<std::uint8_t>(rule.saved | 1u << reg);
    rule.slot[reg] = f.slot[reg];
    --pushes;
  }
  return rule;
}

unsigned saved_count(const fragment &f) noexcept { return static_cast<unsigned>(__builtin_popcount(f.saved)); }

std::uint64_t push_bytes(const fragment &f) noexcept {
  std::uint64_t bytes = 0;
  for (unsigned reg = 0; reg < abi::saved_register_count; ++reg)
    if (is_saved(f, reg))
      bytes += abi::saved_register_push_size(reg);
  return bytes;
}

std::uint64_t prologue_bytes(const fragment &f) noexcept { return push_bytes(f) + (f.cfa_is_rbp ? abi::frame_pointer_setup_size : 0); }

// The frame `offset` bytes into a standard prologue; not known where no instruction starts.
frame_rule frame_in_prologue(const fragment &f, std::uint64_t offset) noexcept {
  std::uint64_t at = 0;
  unsigned pushes = 0;
  for (unsigned reg = 0; reg < abi::saved_register_count; ++reg) {
    if (at == offset)
      return partial_frame(f, pushes);
    if (is_saved(f, reg)) {
      at += abi::saved_register_push_size(reg);
      ++pushes;
    }
    if (reg == abi::saved_rbp && f.cfa_is_rbp) {
      if (at == offset)
        return partial_frame(f, pushes);
      at += abi::frame_pointer_setup_size;
    }
  }
  return at == offset ? partial_frame(f, pushes) : frame_rule{};
}

// The frame `offset` bytes into a standard epilogue of `length` bytes; not known where no instruction starts.
frame_rule frame_in_epilogue(const fragment &f, std::uint64_t length, std::uint64_t offset) noexcept {
  std::uint64_t at = length - push_bytes(f);
  if (offset == 0 && at != 0)
    return whole_frame(f);
  unsigned on_stack = saved_count(f);
  for (unsigned reg = abi::saved_register_count; reg-- != 0;) {
    if (at == offset)
      return partial_frame(f, on_stack);
    if (is_saved(f, reg)) {
      at += abi::saved_register_push_size(reg);
      --on_stack;
    }
  }
  return at == offset ? partial_frame(f, on_stack) : frame_rule{};
}

// One map being decoded: its header and what is left of its bytes.
struct map_state {
  fragment header;
  cursor own{};  // at own state 0
  cursor rest{}; // at the next run
  std::uint64_t own_count = 0;
  std::uint64_t at = 0;       // bytes of code before the next run
  std::uint64_t most = 0;     // bytes that the code may have in all
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
  out.callee_may_stop = lets_callees_stop || out.kind != abi::kind_unsafe;
  if (!out.has_live_set)
    return true;
  return read_live_set(c, out.live) && (out.vector_live || (out.live.vector | out.live.other) == 0);
}

bool skip_own_states(map_state &m) noexcept {
  point ignored;
  for (std::uint64_t i = 0; i < m.own_count; ++i)
    if (!read_own_state(m.rest, m.header, ignored))
      return false;
  return true;
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
  if ((extension & abi::extension_own_states) == 0)
    return true;
  if (!read_uleb(c, m.own_count))
    return false;
  m.own = c;
  return skip_own_states(m);
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

// Decodes the next run into `r`.
[[gnu::always_inline]] inline step next_run(map_state &m, run &r) noexcept {
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

// The point at a run's start. Own states were checked with the header.
void point_at_start(const map_state &m, const run &r, point &out) noexcept {
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
    point_at_start(m, r, at_start);
    resolve_in_run(m.header, r, at_start, pc - r.start, out);
    return status::ok;
  }
}

status visit_fragment(const table_view &table, std::size_t index, fragment &header, std::uint64_t &end, run_visitor visit,
                      void *context) noexcept {
  if (index >= table.record_count())
    return status::not_managed;
  map_state m;
  const bool opened = open_record(table, index, m);
  header = m.header;
  end = header.start;
  if (!opened)
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
    end = header.start + m.at;
    if (visit == nullptr)
      continue;
    point at_start;
    point_at_start(m, r, at_start);
    if (!visit(context, r, at_start))
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
