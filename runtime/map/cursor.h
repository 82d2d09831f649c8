// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading a map's bytes: numbers, and lists of words.
//
// Invariants: nothing is read at or behind `end`, whatever the bytes say; after a failed read the position means nothing.
#ifndef STILLPOINT_RUNTIME_MAP_CURSOR_H
#define STILLPOINT_RUNTIME_MAP_CURSOR_H

#include "stillpoint/abi/map_format.h"

#include <cstdint>

namespace stillpoint::map {

// Unread bytes of one map.
struct cursor {
  const unsigned char *at = nullptr;
  const unsigned char *end = nullptr;
};

inline bool read_long_uleb(cursor &c, std::uint64_t &value) noexcept {
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

inline bool read_sleb(cursor &c, std::int64_t &value) noexcept {
  std::uint64_t bits = 0;
  for (unsigned shift = 0; shift < 63; shift += 7) {
    if (c.at == c.end)
      return false;
    const std::uint64_t byte = *c.at++;
    bits |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      value = static_cast<std::int64_t>((byte & 0x40) != 0 ? bits | ~std::uint64_t{0} << (shift + 7) : bits);
      return true;
    }
  }
  return false;
}

inline bool read_uleb_between(cursor &c, std::uint64_t low, std::uint64_t high, std::uint64_t &value) noexcept {
  return read_uleb(c, value) && value >= low && value <= high;
}

// A word list, range by range. `lengths`: the list has them; otherwise every range is one word.
class word_list {
public:
  // Reads the count. False if it cannot be.
  bool open(cursor &from, bool lengths) noexcept {
    bytes_ = &from;
    lengths_ = lengths;
    next_ = 0;
    first_ = true;
    return read_uleb_between(from, 1, abi::max_frame_words, left_);
  }
  [[nodiscard]] std::uint64_t left() const noexcept { return left_; }

  // The next range; false at the end, or if the bytes are damaged (then left() is not 0).
  bool next(std::int64_t &word, std::uint64_t &length) noexcept {
    std::uint64_t gap;
    if (left_ == 0 || !read_uleb_between(*bytes_, 0, 2 * abi::max_frame_words, gap))
      return false;
    const auto distance = static_cast<std::int64_t>(gap);
    word = next_ + (!first_ ? distance : (distance & 1) != 0 ? -(distance >> 1) - 1 : distance >> 1);
    length = 1;
    if (lengths_ && !read_uleb_between(*bytes_, 1, abi::max_frame_words, length))
      return false;
    next_ = word + static_cast<std::int64_t>(length);
    if (word < -static_cast<std::int64_t>(abi::max_frame_words) || next_ > static_cast<std::int64_t>(abi::max_frame_words) ||
        (lengths_ && !first_ && gap == 0))
      return false;
    first_ = false;
    --left_;
    return true;
  }

private:
  cursor *bytes_ = nullptr;
  std::uint64_t left_ = 0;
  std::int64_t next_ = 0;
  bool lengths_ = false;
  bool first_ = true;
};

} // namespace stillpoint::map

#endif
