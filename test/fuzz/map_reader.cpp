// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: the reader runs in signal handlers on bytes that a file, a linker or a stray write may have damaged.
//
// Mechanism: libFuzzer cuts its input into a table (map_input.h); every section is copied to an allocation of its exact size, so that
// AddressSanitizer sees one byte too many. The oracle: what visit_fragment() says of a run is what find() says of each of its PCs; a table
// that validate() accepts is accepted everywhere, and find() and the visits then manage exactly the same PCs. Of unchecked copies:
// what validate_copies() accepts lies in the module with all its counterparts, and checked_place() gives what the visits give.
//
// Rejected: comparing with a second decoder written for this; the round trips of test/map compare with the writer.
#include "map_input.h"

#include "map/reader.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

using namespace stillpoint;

namespace {

constexpr std::size_t most_pcs_asked = 64; // in each fragment

void require(bool holds, const char *what) {
  if (holds)
    return;
  std::fprintf(stderr, "oracle: %s\n", what);
  std::abort();
}

struct exact_copy {
  exact_copy(const unsigned char *from, std::size_t count, std::uint64_t at) : bytes(new unsigned char[count]), size(count), address(at) {
    if (count != 0)
      std::memcpy(bytes.get(), from, count);
  }
  map::bytes_at view() const { return {bytes.get(), size, address}; }
  std::unique_ptr<unsigned char[]> bytes;
  std::size_t size;
  std::uint64_t address;
};

// Goes through all words that a point lists; equal for equal ones.
std::uint64_t sum_of_words(const map::point &p) {
  std::uint64_t sum = 0;
  map::each_slot(p.refs, [&](std::int64_t word) { sum = sum * 31 + static_cast<std::uint64_t>(word); });
  map::each_stack_root(p.refs, [&](std::int64_t word, std::uint64_t count) { sum = sum * 37 + static_cast<std::uint64_t>(word) + count; });
  return sum;
}

bool same(const map::point &a, const map::point &b) {
  bool equal = a.kind == b.kind && a.vector_live == b.vector_live && a.has_live_set == b.has_live_set && a.code == b.code &&
               a.live.general == b.live.general && a.live.vector == b.live.vector && a.live.other == b.live.other &&
               a.frame.known == b.frame.known && a.frame.cfa_is_rbp == b.frame.cfa_is_rbp && a.frame.cfa_offset == b.frame.cfa_offset &&
               a.frame.saved == b.frame.saved && a.refs.registers == b.refs.registers && a.refs.roots_ready == b.refs.roots_ready &&
               a.refs.base == b.refs.base && sum_of_words(a) == sum_of_words(b);
  for (unsigned reg = 0; reg < abi::saved_register_count; ++reg)
    equal = equal && a.frame.slot[reg] == b.frame.slot[reg];
  return equal;
}

// A point is never more than its kind and frame allow.
void check_sense(const map::point &p) {
  require(p.kind <= abi::kind_pinned, "an unknown kind");
  require(p.code <= abi::state_escape, "an unknown code");
  require(p.vector_live || (p.live.vector | p.live.other) == 0, "live vector registers that nobody saves");
  require((p.refs.registers >> 4 & 1) == 0, "the stack pointer as a reference");
  if (!p.frame.known) {
    require(p.refs.registers == 0 && !p.refs.roots_ready && sum_of_words(p) == 0, "references without a frame");
    return;
  }
  require(p.frame.cfa_offset >= 8 && p.frame.cfa_offset % 8 == 0, "a frame without a return address");
  for (unsigned reg = 0; reg < abi::saved_register_count; ++reg)
    if (p.frame.saved >> reg & 1)
      require(p.frame.slot[reg] >= 16 && (p.frame.cfa_is_rbp || p.frame.slot[reg] <= p.frame.cfa_offset), "a slot outside its frame");
}

struct walk {
  const map::table_view &table;
  bool valid; // the whole table
  map::fragment header;
  std::uint64_t expected;
  bool started;
};

void check_pc(const walk &w, const map::run &r, const map::point &at_start, std::uint64_t offset) {
  map::point found;
  const map::status s = map::find(w.table, r.start + offset, found);
  require(s == map::status::ok || !w.valid, "find() does not manage a PC inside a run of a valid table");
  if (!w.valid)
    return; // another record may be the one that find() takes
  map::point expected;
  map::resolve_in_run(w.header, r, at_start, offset, expected);
  require(same(found, expected), "find() and visit_fragment() disagree");
}

bool on_run(void *context, const map::run &r, const map::point &at_start) {
  walk &w = *static_cast<walk *>(context);
  require(!w.started || r.start == w.expected, "a gap between runs");
  w.started = true;
  w.expected = r.start + r.length;
  check_sense(at_start);
  const std::uint64_t step = r.length / most_pcs_asked + 1;
  for (std::uint64_t offset = 0; offset < r.length; offset += step)
    check_pc(w, r, at_start, offset);
  if (r.length != 0)
    check_pc(w, r, at_start, r.length - 1);
  return true;
}

// With a single record there is no doubt whom find() asks, valid table or not.
void compare_single(const map::table_view &table) {
  struct last {
    map::run r;
    map::point at_start;
    bool any = false;
  } seen;
  map::fragment header;
  std::uint64_t end = 0;
  const auto remember = [](void *context, const map::run &r, const map::point &at_start) {
    if (r.length != 0)
      *static_cast<last *>(context) = {r, at_start, true};
    return true;
  };
  (void)map::visit_fragment(table, 0, header, end, remember, &seen);
  if (!seen.any)
    return;
  map::point found;
  require(map::find(table, seen.r.start, found) == map::status::ok, "find() refuses a run that was visited");
  require(same(found, seen.at_start), "find() and visit_fragment() disagree on a single record");
}

void exercise(const map::table_view &table) {
  std::size_t bad = 0;
  const bool valid = map::validate(table, bad) == map::status::ok;
  require(bad <= table.record_count(), "a bad record that does not exist");
  std::uint64_t previous_end = 0;
  for (std::size_t i = 0; i != table.record_count(); ++i) {
    map::fragment header;
    std::uint64_t end = 0;
    const map::status s = map::visit_fragment(table, i, header, end, nullptr, nullptr);
    walk w{table, valid, header, 0, false};
    require(map::visit_fragment(table, i, header, end, on_run, &w) == s, "two visits that end differently");
    require(s == map::status::ok || !valid, "a record of a valid table is corrupt");
    if (!valid)
      continue;
    require(header.start >= previous_end, "overlapping records in a valid table");
    previous_end = end;
    map::point p;
    const map::status behind = map::find(table, end, p);
    require(behind != map::status::corrupt, "find() says corrupt in a valid table");
  }
  if (table.record_count() == 1 && table.records.size == sizeof(abi::record))
    compare_single(table);
  map::point p;
  for (std::uint64_t pc : {std::uint64_t{0}, ~std::uint64_t{0}, table.records.address, table.maps.address})
    (void)map::find(table, pc, p);
}

struct stretch_walk {
  const map::table_view &table;
  std::uint64_t low, high;
  bool valid; // all stretches
  std::uint64_t expected;
  bool started;
};

bool on_piece(void *context, const map::copy_piece &piece) {
  stretch_walk &w = *static_cast<stretch_walk *>(context);
  require(!w.started || piece.start == w.expected, "a gap between pieces");
  w.started = true;
  w.expected = piece.start + piece.length;
  if (!w.valid || piece.length == 0)
    return true;
  const std::uint64_t last = piece.length - 1, last_counterpart = piece.counterpart + (piece.fixed ? 0 : last);
  require(piece.start >= w.low && piece.start + last < w.high && piece.start + last >= piece.start, "a valid copy outside of its module");
  require(piece.counterpart >= w.low && last_counterpart < w.high && last_counterpart >= piece.counterpart,
          "a counterpart outside of the module");
  require(map::checked_place(w.table, piece.start) == piece.counterpart, "checked_place() and visit_copy() disagree");
  require(map::checked_place(w.table, piece.start + last) == last_counterpart, "checked_place() and visit_copy() disagree at the end");
  return true;
}

void exercise_copies(const map::table_view &table, std::uint64_t low, std::uint64_t high) {
  const std::size_t count = table.copies.size / sizeof(abi::copy_record);
  std::size_t bad = 0;
  const bool valid = map::validate_copies(table, low, high, bad) == map::status::ok;
  require(bad <= count, "a bad copy that does not exist");
  std::uint64_t behind = low;
  for (std::size_t i = 0; i != count; ++i) {
    stretch_walk w{table, low, high, valid, behind, false};
    const map::status s = map::visit_copy(table, i, on_piece, &w);
    require(s == map::status::ok || !valid, "a stretch of a valid table is corrupt");
    if (valid)
      require(w.expected >= behind, "overlapping stretches in a valid table");
    behind = w.expected;
    if (valid && i + 1 == count)
      require(map::checked_place(table, behind) == 0, "checked_place() knows what is behind all copies");
  }
  for (std::uint64_t pc : {std::uint64_t{0}, ~std::uint64_t{0}, low, high})
    (void)map::checked_place(table, pc);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  if (size < fuzz::header_size)
    return 0;
  std::size_t record_bytes = std::size_t{data[0]} * sizeof(abi::record) + data[1] % sizeof(abi::record);
  const std::uint64_t distance = std::uint64_t{data[2]} * fuzz::maps_distance_unit;
  const std::uint64_t base = data[3] == 1 ? 0 : data[3] == 2 ? fuzz::top_address : fuzz::records_address;
  std::size_t copy_bytes = std::size_t{data[4]} * sizeof(abi::copy_record);
  const std::uint64_t low = data[5] == 0 || base < fuzz::code_distance ? 0 : base - fuzz::code_distance;
  const std::uint64_t high = data[5] == 0 ? ~std::uint64_t{0} : low + std::uint64_t{data[5]} * fuzz::maps_distance_unit;
  data += fuzz::header_size;
  size -= fuzz::header_size;
  record_bytes = record_bytes < size ? record_bytes : size;
  const std::size_t behind_records = size - record_bytes;
  copy_bytes = copy_bytes < behind_records ? copy_bytes : behind_records / sizeof(abi::copy_record) * sizeof(abi::copy_record);
  const exact_copy records(data, record_bytes, base);
  const exact_copy copies(data + record_bytes, copy_bytes, base - fuzz::copies_distance);
  const exact_copy maps(data + record_bytes + copy_bytes, behind_records - copy_bytes, base + distance);
  const map::table_view table{records.view(), maps.view(), copies.view()};
  exercise(table);
  exercise_copies(table, low, high);
  return 0;
}
