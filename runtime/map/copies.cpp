// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The part of reader.h that is about unchecked copies: code without the checks of write barriers, and where each of its points has its counterpart.
//
// Invariant: as in reader.h, nothing is read outside the sections, and no sum wraps: distances are 32 bits wide, lengths are limited.
#include "reader.h"

#include <cstddef>
#include <cstring>

namespace stillpoint::map {
namespace {

constexpr std::uint64_t most_pieces = std::uint64_t{1} << 24;

struct copy_state {
  std::uint64_t start = 0;
  std::uint64_t counterpart = 0;
  std::uint64_t left = 0; // pieces
  cursor pieces;
};

std::uint64_t target_of(const table_view &table, std::size_t offset) noexcept {
  std::int32_t distance;
  std::memcpy(&distance, table.copies.data + offset, sizeof distance);
  return table.copies.address + offset + static_cast<std::uint64_t>(std::int64_t{distance});
}

std::uint64_t start_of(const table_view &table, std::size_t index) noexcept { return target_of(table, index * sizeof(abi::copy_record)); }

bool open(const table_view &table, std::size_t index, copy_state &s) noexcept {
  const std::size_t at = index * sizeof(abi::copy_record);
  s.start = target_of(table, at + offsetof(abi::copy_record, unchecked));
  s.counterpart = target_of(table, at + offsetof(abi::copy_record, checked));
  const std::uint64_t list = target_of(table, at + offsetof(abi::copy_record, pieces)) - table.maps.address;
  if (list >= table.maps.size)
    return false;
  s.pieces = {table.maps.data + list, table.maps.data + table.maps.size};
  return read_uleb_between(s.pieces, 1, most_pieces, s.left);
}

bool next(copy_state &s, copy_piece &piece) noexcept {
  std::uint64_t head;
  std::int64_t distance;
  if (!read_uleb_between(s.pieces, 0, abi::max_fragment_size << abi::piece_bits | abi::piece_fixed, head) ||
      !read_sleb(s.pieces, distance) || distance > INT32_MAX || distance < INT32_MIN)
    return false;
  s.counterpart += static_cast<std::uint64_t>(distance);
  piece = {s.start, head >> abi::piece_bits, s.counterpart, (head & abi::piece_fixed) != 0};
  s.start += piece.length;
  --s.left;
  return true;
}

std::size_t copy_count(const table_view &table) noexcept { return table.copies.size / sizeof(abi::copy_record); }

} // namespace

status visit_copy(const table_view &table, std::size_t index, piece_visitor visit, void *context) noexcept {
  copy_state s;
  if (!open(table, index, s))
    return status::corrupt;
  for (copy_piece piece; s.left != 0;) {
    if (!next(s, piece))
      return status::corrupt;
    if (!visit(context, piece))
      break;
  }
  return status::ok;
}

std::uint64_t checked_place(const table_view &table, std::uint64_t pc) noexcept {
  std::size_t low = 0;
  std::size_t high = copy_count(table);
  while (low != high) { // the first stretch behind pc
    const std::size_t middle = low + (high - low) / 2;
    if (start_of(table, middle) <= pc)
      low = middle + 1;
    else
      high = middle;
  }
  struct search {
    std::uint64_t pc;
    std::uint64_t found = 0;
  } s{pc};
  const piece_visitor look = [](void *context, const copy_piece &piece) {
    auto &wanted = *static_cast<search *>(context);
    if (wanted.pc - piece.start >= piece.length)
      return true;
    wanted.found = piece.counterpart + (piece.fixed ? 0 : wanted.pc - piece.start);
    return false;
  };
  return low != 0 && visit_copy(table, low - 1, look, &s) == status::ok ? s.found : 0;
}

status validate_copies(const table_view &table, std::uint64_t low, std::uint64_t high, std::size_t &bad_record) noexcept {
  struct bounds {
    std::uint64_t low, high;
    bool good = true;
  } b{low, high};
  const piece_visitor check = [](void *context, const copy_piece &piece) {
    auto &all = *static_cast<bounds *>(context);
    all.good = piece.start >= all.low && piece.start <= all.high && piece.length <= all.high - piece.start &&
               piece.counterpart >= all.low && piece.counterpart < all.high &&
               (piece.fixed || piece.length <= all.high - piece.counterpart);
    return all.good;
  };
  std::uint64_t behind = low;
  for (bad_record = 0; bad_record != copy_count(table); ++bad_record) {
    if (start_of(table, bad_record) < behind || visit_copy(table, bad_record, check, &b) != status::ok || !b.good)
      return status::corrupt;
    const piece_visitor measure = [](void *context, const copy_piece &piece) {
      *static_cast<std::uint64_t *>(context) = piece.start + piece.length;
      return true;
    };
    visit_copy(table, bad_record, measure, &behind);
  }
  return status::ok;
}

} // namespace stillpoint::map
