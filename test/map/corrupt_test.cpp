// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tables that contradict the format: each rule broken once, every truncation, every flipped bit. The reader refuses or answers, and reads
// nothing outside (the sanitizer builds watch that).
#include "tables.h"

#include <gtest/gtest.h>

#include <string>

namespace stillpoint::test {
namespace {

using map::point;
using map::status;

constexpr std::uint64_t code = 0x400000;
constexpr unsigned rbp = 1u << abi::saved_rbp, rbx = 1u << abi::saved_rbx;
constexpr unsigned ext = abi::frame_has_extension;

struct broken_map {
  const char *what;
  map_bytes map;
  std::uint64_t asked = code; // a PC whose run is wrong or stands behind what is wrong
};

map_bytes own_state(std::initializer_list<unsigned char> state, unsigned frame = 0, std::uint64_t words = 1) {
  return map_bytes(frame | ext).uleb(abi::extension_own_states).uleb(words).uleb(1).raw(state).run(1, abi::state_own_0).end();
}

std::vector<broken_map> broken_maps() {
  constexpr unsigned char safe = abi::kind_safe, live = abi::own_has_live_set, vector = abi::own_vector_live;
  constexpr unsigned char deep = safe | abi::frame_explicit << abi::own_frame_shift;
  return {
      {"unknown extension", map_bytes(ext).uleb(abi::extension_known + 1).uleb(1).run(1, abi::state_safe).end()},
      {"no words", map_bytes(0).uleb(0).run(1, abi::state_safe).end()},
      {"too many words", map_bytes(0).uleb(abi::max_frame_words + 1).run(1, abi::state_safe).end()},
      {"endless words", map_bytes(0).raw({0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00}).run(1, 1).end()},
      {"words beyond 64 bits", map_bytes(0).raw({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}).run(1, 1).end()},
      {"no room for the saved register", map_bytes(rbx).uleb(1).run(1, abi::state_safe).end()},
      {"frame pointer not saved", map_bytes(abi::frame_cfa_is_rbp).run(1, abi::state_safe).end()},
      {"slot on the return address", map_bytes(rbx | ext).uleb(1).uleb(4).uleb(1).run(1, abi::state_safe).end()},
      {"slot below the stack pointer", map_bytes(rbx | ext).uleb(1).uleb(4).uleb(5).run(1, abi::state_safe).end()},
      {"slot too far", map_bytes(rbp | abi::frame_cfa_is_rbp | ext).uleb(1).uleb(abi::max_frame_words + 1).run(1, abi::state_safe).end()},
      {"own states end with the section", map_bytes(ext).uleb(abi::extension_own_states).uleb(1).uleb(1000).uleb(1).run(1, 6).end()},
      {"own state of no kind", own_state({3})},
      {"own state with unknown bits", own_state({0x80, 0x01})},
      {"callees of a safe point", own_state({safe | abi::own_callee_may_stop})},
      {"callees of an unknown frame", own_state({abi::own_callee_may_stop | abi::frame_unknown << abi::own_frame_shift})},
      {"depth 0", own_state({deep, 0})},
      {"depth above the saved register", own_state({deep, 1}, rbx, 2)},
      {"too deep", own_state({deep, 0xff, 0xff, 0xff, 0xff, 0x01})},
      {"live general unknown", own_state({static_cast<unsigned char>(safe | live), 0x80, 0x80, 0x08, 0, 0})},
      {"live vector unknown", own_state({static_cast<unsigned char>(safe | live | vector), 0, 0x80, 0x80, 0x80, 0x80, 0x10, 0})},
      {"live other unknown", own_state({static_cast<unsigned char>(safe | live | vector), 0, 0, 0x80, 0x80, 0x04})},
      {"live vector without the flag", own_state({static_cast<unsigned char>(safe | live), 0, 1, 0})},
      {"live mask without the flag", own_state({static_cast<unsigned char>(safe | live), 0, 0, 1})},
      {"own state 0 of none", map_bytes(0).uleb(1).run(1, abi::state_own_0).end()},
      {"escape of none", map_bytes(0).uleb(1).own_run(1, 0).end()},
      {"escape beyond", map_bytes(ext).uleb(2).uleb(1).uleb(1).uleb(safe).own_run(1, 1).end()},
      {"run too long", map_bytes(0).uleb(1).run(abi::max_fragment_size + 1, abi::state_safe).end()},
      {"runs too long", map_bytes(0).uleb(1).run(abi::max_fragment_size, abi::state_safe).run(1, abi::state_safe).end(),
       code + abi::max_fragment_size},
      {"prologue shorter than its pushes", map_bytes(rbx | rbp).uleb(3).run(1, abi::state_prologue).end()},
      {"prologue without the frame pointer", map_bytes(rbp | abi::frame_cfa_is_rbp).run(3, abi::state_prologue).end()},
      {"prologue of two instructions more", map_bytes(rbx).uleb(3).run(17, abi::state_prologue).end()},
      {"epilogue shorter than its pops", map_bytes(rbx | rbp).uleb(3).run(1, abi::state_epilogue).end()},
      {"epilogue of two instructions more", map_bytes(rbx).uleb(3).run(17, abi::state_epilogue).end()},
      {"prologue with explicit slots", map_bytes(rbx | ext).uleb(1).uleb(2).uleb(2).run(1, abi::state_prologue).end()},
      {"epilogue with explicit slots", map_bytes(rbx | ext).uleb(1).uleb(2).uleb(2).run(1, abi::state_epilogue).end()},
  };
}

TEST(Corrupt, EveryRule) {
  for (const broken_map &broken : broken_maps()) {
    const table t(code, broken.map);
    point p;
    EXPECT_EQ(t.find(broken.asked, p), status::corrupt) << broken.what;
    EXPECT_EQ(visit(t).result, status::corrupt) << broken.what;
    EXPECT_EQ(t.validate(), status::corrupt) << broken.what;
  }
}

TEST(Corrupt, FragmentThatWrapsAround) {
  table t;
  t.maps = map_bytes(0).uleb(1).run(0x200, abi::state_safe).end().content;
  t.records.resize(8);
  map::table_view view = t.view();
  view.records.address = ~0ull - 0xff; // the code starts at the record itself
  view.maps.address = view.records.address + 4;
  point p;
  EXPECT_EQ(map::find(view, view.records.address, p), status::corrupt);
  EXPECT_EQ(map::find(view, ~0ull, p), status::corrupt);
}

TEST(Corrupt, MapOutsideTheSection) {
  const map_bytes good = map_bytes(0).uleb(1).run(1, abi::state_safe).end();
  for (std::uint64_t address : {maps_address - 1, maps_address + good.content.size(), maps_address + 0x10000}) {
    table t;
    t.add_record(code, address);
    t.maps = good.content;
    point p;
    EXPECT_EQ(t.find(code, p), status::corrupt);
    EXPECT_EQ(t.find(code - 1, p), status::not_managed);
    EXPECT_EQ(t.validate(), status::corrupt);
  }
}

TEST(Corrupt, HalfARecord) {
  table t(code, map_bytes(0).uleb(1).run(1, abi::state_safe).end());
  t.records.push_back(0);
  point p;
  EXPECT_EQ(t.find(code, p), status::corrupt);
  EXPECT_EQ(t.validate(), status::corrupt);
}

TEST(Corrupt, ValidateNamesTheFirstBadRecord) {
  const map_bytes good = map_bytes(0).uleb(1).run(8, abi::state_safe).end();
  std::size_t bad = 99;
  table overlapping(code, good);
  overlapping.add(code + 8, good).add(code + 15, good);
  EXPECT_EQ(map::validate(overlapping.view(), bad), status::corrupt);
  EXPECT_EQ(bad, 2u);
  table descending(code, good);
  descending.add(code - 8, good);
  EXPECT_EQ(map::validate(descending.view(), bad), status::corrupt);
  EXPECT_EQ(bad, 1u);
  table broken(code, map_bytes(0));
  EXPECT_EQ(map::validate(broken.view(), bad), status::corrupt);
  EXPECT_EQ(bad, 0u);
}

// A table with something of everything.
table rich_table() {
  table t(code, map_bytes(rbp | rbx | abi::frame_cfa_is_rbp)
                    .run(9, abi::state_prologue)
                    .run(300, abi::state_safe)
                    .run(6, abi::state_epilogue)
                    .run(1, 3)
                    .end());
  t.add(code + 0x200, map_bytes(rbx | ext)
                          .uleb(abi::extension_explicit_slots | abi::extension_own_states | abi::extension_nosplit)
                          .uleb(5)
                          .uleb(4)
                          .uleb(2)
                          .uleb(abi::kind_pinned | abi::own_has_live_set | abi::own_vector_live)
                          .uleb(0x1ffff)
                          .uleb(0xffffffff)
                          .uleb(0xffff)
                          .uleb(abi::kind_safe | abi::frame_explicit << abi::own_frame_shift)
                          .uleb(200)
                          .run(3, abi::state_own_0)
                          .own_run(20, 1)
                          .run(7, abi::state_safe_vector)
                          .end());
  return t;
}

// Asks everything; the answers do not matter, only that there are some. find() and the visit agree where both know.
void exercise(const table &t) {
  point p;
  for (std::uint64_t pc = code - 1; pc != code + 0x240; ++pc)
    (void)t.find(pc, p);
  (void)t.validate();
  for (std::size_t i = 0; i != 3; ++i)
    (void)visit(t, i);
}

TEST(Corrupt, EveryTruncationIsRefused) {
  const table whole = rich_table();
  ASSERT_EQ(whole.validate(), status::ok);
  for (std::size_t size = 0; size != whole.maps.size(); ++size) {
    table t = whole;
    t.maps.assign(whole.maps.begin(), whole.maps.begin() + static_cast<std::ptrdiff_t>(size));
    t.maps.shrink_to_fit();
    EXPECT_EQ(t.validate(), status::corrupt) << size;
    exercise(t);
  }
  for (std::size_t size = 0; size != whole.records.size(); ++size) {
    table t = whole;
    t.records.assign(whole.records.begin(), whole.records.begin() + static_cast<std::ptrdiff_t>(size));
    t.records.shrink_to_fit();
    exercise(t);
  }
}

TEST(Corrupt, EveryFlippedBitIsSurvived) {
  const table whole = rich_table();
  for (std::size_t byte = 0; byte != whole.maps.size(); ++byte)
    for (unsigned bit = 0; bit != 8; ++bit) {
      table t = whole;
      t.maps[byte] = static_cast<unsigned char>(t.maps[byte] ^ 1u << bit);
      exercise(t);
    }
  for (std::size_t byte = 0; byte != whole.records.size(); ++byte)
    for (unsigned bit = 0; bit != 8; ++bit) {
      table t = whole;
      t.records[byte] = static_cast<unsigned char>(t.records[byte] ^ 1u << bit);
      exercise(t);
    }
}

} // namespace
} // namespace stillpoint::test
