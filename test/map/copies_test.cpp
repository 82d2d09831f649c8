// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the reader says of unchecked copies: where each point has its counterpart, and that damaged lists are refused and never believed.
#include "tables.h"

#include <gtest/gtest.h>

#include <cstring>

namespace stillpoint::test {
namespace {

using map::status;

constexpr std::uint64_t records_at = 0x500000;
constexpr std::uint64_t maps_at = 0x600000;

struct piece {
  std::uint64_t length;
  std::int64_t distance;
  bool fixed = false;
};

struct copies {
  std::vector<unsigned char> records;
  std::vector<unsigned char> maps;

  void uleb(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7)
      maps.push_back(static_cast<unsigned char>(value | 0x80));
    maps.push_back(static_cast<unsigned char>(value));
  }
  void sleb(std::int64_t value) {
    for (; value < -64 || value > 63; value >>= 7)
      maps.push_back(static_cast<unsigned char>((value & 0x7f) | 0x80));
    maps.push_back(static_cast<unsigned char>(value & 0x7f));
  }
  void field(std::uint64_t target) {
    const auto distance = static_cast<std::int32_t>(target - (records_at + records.size()));
    const std::size_t at = records.size();
    records.resize(at + sizeof distance);
    std::memcpy(records.data() + at, &distance, sizeof distance);
  }
  void add(std::uint64_t unchecked, std::uint64_t checked, const std::vector<piece> &pieces) {
    field(unchecked);
    field(checked);
    field(maps_at + maps.size());
    uleb(pieces.size());
    for (const piece &p : pieces) {
      uleb(p.length << 1 | (p.fixed ? 1 : 0));
      sleb(p.distance);
    }
  }
  [[nodiscard]] map::table_view view() const {
    return {{}, {maps.data(), maps.size(), maps_at}, {records.data(), records.size(), records_at}};
  }
  [[nodiscard]] std::uint64_t find(std::uint64_t pc) const { return map::checked_place(view(), pc); }
  [[nodiscard]] status validate(std::uint64_t low, std::uint64_t high) const {
    std::size_t bad;
    return map::validate_copies(view(), low, high, bad);
  }
};

copies two_stretches() {
  copies c;
  c.add(0x1000, 0x2000, {{10, 0}, {6, 100, true}, {200, 0}, {3, -90}});
  c.add(0x1100, 0x1800, {{1, 70'000}});
  return c;
}

TEST(Copies, NoneStandsForNothing) {
  const copies c;
  EXPECT_EQ(c.find(0), 0u);
  EXPECT_EQ(c.find(0x1000), 0u);
  EXPECT_EQ(c.validate(0, 1), status::ok);
}

TEST(Copies, EveryPointHasItsCounterpart) {
  const copies c = two_stretches();
  EXPECT_EQ(c.validate(0x1000, 0x20000), status::ok);
  EXPECT_EQ(c.find(0xfff), 0u);
  for (std::uint64_t n = 0; n != 10; ++n)
    EXPECT_EQ(c.find(0x1000 + n), 0x2000 + n);
  for (std::uint64_t n = 0; n != 6; ++n)
    EXPECT_EQ(c.find(0x100a + n), 0x2064u) << "padding";
  for (std::uint64_t n = 0; n != 200; ++n)
    EXPECT_EQ(c.find(0x1010 + n), 0x2064 + n);
  for (std::uint64_t n = 0; n != 3; ++n)
    EXPECT_EQ(c.find(0x10d8 + n), 0x200a + n);
  EXPECT_EQ(c.find(0x10db), 0u) << "between two stretches";
  EXPECT_EQ(c.find(0x1100), 0x1800u + 70'000);
  EXPECT_EQ(c.find(0x1101), 0u);
  EXPECT_EQ(c.find(~0ull), 0u);
}

TEST(Copies, WhatLiesOutsideOfTheCodeIsRefused) {
  const copies c = two_stretches();
  EXPECT_EQ(c.validate(0x1001, 0x20000), status::corrupt) << "the copy itself";
  EXPECT_EQ(c.validate(0x1000, 0x1800 + 70'000), status::corrupt) << "a counterpart";
  copies longer;
  longer.add(0x1000, 0x1ff0, {{0x11, 0}});
  EXPECT_EQ(longer.validate(0x1000, 0x2000), status::corrupt) << "a counterpart's end";
  EXPECT_EQ(longer.validate(0x1000, 0x2001), status::ok);
}

TEST(Copies, StretchesOutOfOrderAreRefused) {
  copies c;
  c.add(0x1100, 0x2000, {{4, 0}});
  c.add(0x1000, 0x2000, {{4, 0}});
  EXPECT_EQ(c.validate(0, 0x10000), status::corrupt);
  copies overlapping;
  overlapping.add(0x1000, 0x2000, {{4, 0}, {4, 8}});
  overlapping.add(0x1007, 0x2000, {{4, 0}});
  EXPECT_EQ(overlapping.validate(0, 0x10000), status::corrupt);
}

TEST(Copies, ListsThatEndTooEarlyAreRefused) {
  const copies whole = two_stretches();
  for (std::size_t size = 0; size != whole.maps.size(); ++size) {
    copies cut = whole;
    cut.maps.resize(size);
    EXPECT_EQ(cut.validate(0x1000, 0x20000), status::corrupt) << size;
    for (std::uint64_t pc = 0xff0; pc != 0x1110; ++pc)
      if (const std::uint64_t found = cut.find(pc))
        EXPECT_EQ(found, whole.find(pc));
  }
  copies empty;
  empty.add(0x1000, 0x2000, {});
  EXPECT_EQ(empty.validate(0, 0x10000), status::corrupt);
}

} // namespace
} // namespace stillpoint::test
