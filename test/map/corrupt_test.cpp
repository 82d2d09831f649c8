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
      {"own state with unknown bits", own_state({0x80, 0x02})},
      {"callees pinned that may not stop", own_state({0x80, 0x01})},
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

// A map with references: extension, words, lists in the raw, steps in the raw.
map_bytes reference_map(unsigned extension, bytes lists, std::initializer_list<unsigned char> steps, unsigned frame = 0,
                        std::uint64_t words = 4) {
  map_bytes m(frame | ext);
  m.uleb(abi::extension_references | extension);
  if ((frame & abi::frame_cfa_is_rbp) == 0)
    m.uleb(words);
  if ((extension & (abi::extension_ref_slots | abi::extension_stack_roots)) != 0)
    m.uleb(lists.size());
  m.content.insert(m.content.end(), lists.begin(), lists.end());
  return m.raw(steps);
}

constexpr unsigned slots = abi::extension_ref_slots, roots = abi::extension_stack_roots;
constexpr unsigned char end = abi::step_end, one_rax = 1 << 4, to_slot = abi::step_slot, to_ready = abi::step_ready;
constexpr unsigned char one_safe = abi::step_safe | 1 << 4;

std::vector<broken_map> broken_references() {
  constexpr unsigned char one_rbx = 2 | 1 << 4;
  constexpr unsigned char toggle_rbp = abi::step_long_a | 2 << 4;
  constexpr unsigned from_rsp = abi::extension_base_rsp, from_rbx = abi::extension_base_rbx;
  constexpr unsigned by_rbp = rbp | abi::frame_cfa_is_rbp;
  return {
      {"reference extensions without references", map_bytes(ext).uleb(roots).uleb(4).raw({2, 1, 1}).run(1, abi::state_safe).end()},
      {"both bases", reference_map(roots | from_rsp | from_rbx, {1, 0, 1}, {one_rax, end})},
      {"no end", reference_map(0, {}, {one_rax})},
      {"no such step", reference_map(0, {}, {0x7f, one_rax, end})},
      {"end with a length", reference_map(0, {}, {one_rax, 0xef, 0x01})},
      {"own state of none", reference_map(0, {}, {abi::step_own, 0, one_rax, end})},
      {"slot without a list", reference_map(0, {}, {to_slot, 0, one_rax, end})},
      {"slot behind the list", reference_map(slots, {1, 3}, {to_slot, 1, one_rax, end})},
      {"readiness without stack roots", reference_map(0, {}, {to_ready, one_rax, end})},
      {"more registers than there are", reference_map(0, {}, {abi::step_mask, 0x80, 0x80, 0x02, one_rax, end})},
      {"lists larger than the section", map_bytes(ext).uleb(abi::extension_references | slots).uleb(4).uleb(100).raw({1, 3, one_rax, end})},
      {"no slots", reference_map(slots, {0}, {one_rax, end})},
      {"slots beyond the lists' size", reference_map(slots, {2, 3}, {one_rax, end})},
      {"bytes behind the lists", reference_map(slots, {1, 3, 0}, {one_rax, end})},
      {"slot on the return address", reference_map(slots, {1, 1}, {one_rax, end})},
      {"roots over the return address", reference_map(roots, {1, 5, 3}, {one_rax, end})},
      {"slot below the red zone", reference_map(slots, {1, 41}, {one_rax, end})},
      {"no roots", reference_map(roots, {1, 3, 0}, {one_rax, end})},
      {"roots that touch", reference_map(roots, {2, 7, 1, 0, 1}, {one_rax, end})},
      {"slot too far", reference_map(slots, {1, 0x80, 0x80, 0x80, 0x80, 0x08}, {one_rax, end})},
      {"frame pointer as a reference", reference_map(0, {}, {toggle_rbp, one_safe, end}, by_rbp)},
      {"base pointer as a reference", reference_map(slots | from_rbx, {1, 0}, {to_slot, 0, abi::step_safe, one_rbx, end}, by_rbp)},
      {"slot from RSP at entry", reference_map(slots | from_rsp, {1, 0}, {to_slot, 0, abi::step_entry | 1 << 4, end}, by_rbp)},
      {"prologue too short", reference_map(0, {}, {one_rax, end}, rbx | rbp)},
      {"too long", reference_map(0, {}, {0x80, 0x80, 0x80, 0x80, 0x80, 0x01, end})},
  };
}

// Lists are looked at by who validates, not by who asks for a point.
TEST(Corrupt, EveryRuleOfReferences) {
  for (const broken_map &broken : broken_references()) {
    const table t(code, broken.map);
    point p;
    if (t.find(code, p) == status::ok) {
      map::each_slot(p.refs, [](std::int64_t) {});
      map::each_stack_root(p.refs, [](std::int64_t, std::uint64_t) {});
    }
    EXPECT_EQ(visit(t).result, status::corrupt) << broken.what;
    EXPECT_EQ(t.validate(), status::corrupt) << broken.what;
  }
  EXPECT_EQ(table(code, reference_map(slots | roots, {1, 3, 2, 7, 1, 1, 1}, {to_slot, 0, to_ready, one_rax, end})).validate(), status::ok);
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
  t.add(code + 0x230, reference_map(slots | roots | abi::extension_own_states, {2, 5, 9, 2, 7, 1, 1, 1},
                                    {1, abi::kind_pinned | abi::own_vector_live, abi::step_mask, 3, to_ready, one_safe, to_slot, 1, one_rax,
                                     abi::step_own, 0, 0x13, abi::step_clear, abi::step_entry | 1 << 4, end}));
  return t;
}

// Asks everything; the answers do not matter, only that there are some. find() and the visit agree where both know.
void exercise(const table &t) {
  point p;
  std::int64_t sum = 0;
  for (std::uint64_t pc = code - 1; pc != code + 0x240; ++pc)
    if (t.find(pc, p) == status::ok) {
      map::each_slot(p.refs, [&](std::int64_t word) { sum += word; });
      map::each_stack_root(p.refs, [&](std::int64_t word, std::uint64_t) { sum += word; });
    }
  (void)t.validate();
  for (std::size_t i = 0; i != 4; ++i)
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
