// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the reader says of well-formed tables made by hand: every state code, every frame form, every point of the standard prologues and
// epilogues, lookups at and around every boundary.
#include "tables.h"

#include <gtest/gtest.h>

namespace stillpoint::test {
namespace {

using map::point;
using map::status;

constexpr std::uint64_t code = 0x400000;
constexpr unsigned bit(abi::saved_register r) { return 1u << r; }

point at(const table &t, std::uint64_t pc) {
  point p;
  EXPECT_EQ(t.find(pc, p), status::ok) << std::hex << pc;
  return p;
}

void expect_rsp_frame(const point &p, std::uint64_t cfa_offset, unsigned saved) {
  EXPECT_TRUE(p.frame.known);
  EXPECT_FALSE(p.frame.cfa_is_rbp);
  EXPECT_EQ(p.frame.cfa_offset, cfa_offset);
  EXPECT_EQ(p.frame.saved, saved);
}

void expect_rbp_frame(const point &p, unsigned saved) {
  EXPECT_TRUE(p.frame.known);
  EXPECT_TRUE(p.frame.cfa_is_rbp);
  EXPECT_EQ(p.frame.cfa_offset, 16u);
  EXPECT_EQ(p.frame.saved, saved);
}

TEST(Lookup, EmptyTableManagesNothing) {
  const table t;
  point p;
  EXPECT_EQ(t.find(0, p), status::not_managed);
  EXPECT_EQ(t.find(~0ull, p), status::not_managed);
  EXPECT_EQ(t.validate(), status::ok);
  EXPECT_EQ(visit(t).result, status::not_managed);
}

TEST(Lookup, CoversExactlyTheRuns) {
  const table t(code, map_bytes(0).uleb(1).run(3, abi::state_safe).run(2, abi::state_unsafe).end());
  point p;
  EXPECT_EQ(t.find(code - 1, p), status::not_managed);
  for (std::uint64_t pc = code; pc != code + 3; ++pc)
    EXPECT_EQ(at(t, pc).kind, abi::kind_safe);
  EXPECT_EQ(at(t, code + 3).kind, abi::kind_unsafe);
  EXPECT_EQ(at(t, code + 4).kind, abi::kind_unsafe);
  EXPECT_EQ(t.find(code + 5, p), status::not_managed);
}

TEST(Lookup, FindsEveryFragmentAndTheGapsBetween) {
  table t;
  constexpr unsigned fragments = 100;
  for (unsigned i = 0; i != fragments; ++i)
    t.add(code + i * 32, map_bytes(0).uleb(i + 1).run(20, abi::state_safe).end());
  EXPECT_EQ(t.validate(), status::ok);
  for (unsigned i = 0; i != fragments; ++i) {
    point p;
    EXPECT_EQ(at(t, code + i * 32).frame.cfa_offset, (i + 1) * 8);
    EXPECT_EQ(at(t, code + i * 32 + 19).frame.cfa_offset, (i + 1) * 8);
    EXPECT_EQ(t.find(code + i * 32 + 20, p), status::not_managed);
    EXPECT_EQ(t.find(code + i * 32 + 31, p), status::not_managed);
  }
}

TEST(Lookup, CodeMayLieBehindTheTables) {
  const table t(maps_address + 0x100000, map_bytes(0).uleb(1).run(1, abi::state_safe).end());
  EXPECT_EQ(at(t, maps_address + 0x100000).kind, abi::kind_safe);
}

TEST(Lookup, ZeroLengthRunsCoverNothing) {
  const table t(code, map_bytes(0)
                          .uleb(1)
                          .run(0, abi::state_unsafe)
                          .run(2, abi::state_safe)
                          .run(0, abi::state_unsafe)
                          .run(0, abi::state_entry)
                          .run(2, abi::state_safe_vector)
                          .run(0, abi::state_unsafe)
                          .end());
  EXPECT_EQ(at(t, code).code, abi::state_safe);
  EXPECT_EQ(at(t, code + 1).code, abi::state_safe);
  EXPECT_EQ(at(t, code + 2).code, abi::state_safe_vector);
  point p;
  EXPECT_EQ(t.find(code + 4, p), status::not_managed);
  const visited v = visit(t);
  EXPECT_EQ(v.result, status::ok);
  EXPECT_EQ(v.runs.size(), 6u);
  EXPECT_EQ(v.end, code + 4);
}

TEST(Lookup, EmptyFragmentManagesNothing) {
  table t(code, map_bytes(0).uleb(1).end());
  t.add(code, map_bytes(0).uleb(1).run(4, abi::state_safe).end());
  EXPECT_EQ(t.validate(), status::ok);
  EXPECT_EQ(at(t, code).kind, abi::kind_safe);
}

TEST(Lookup, LongAndPaddedNumbers) {
  map_bytes m(0);
  m.padded_uleb(5, 4)
      .run(1000000, abi::state_safe)
      .padded_uleb(9 << abi::run_state_bits | abi::state_unsafe, 10)
      .padded_uleb(abi::run_end, 3);
  const table t(code, m);
  EXPECT_EQ(at(t, code + 999999).frame.cfa_offset, 40u);
  EXPECT_EQ(at(t, code + 1000000).kind, abi::kind_unsafe);
  EXPECT_EQ(at(t, code + 1000008).kind, abi::kind_unsafe);
  point p;
  EXPECT_EQ(t.find(code + 1000009, p), status::not_managed);
  EXPECT_EQ(t.validate(), status::ok);
}

TEST(States, Unsafe) {
  const point p = at(table(code, map_bytes(0).uleb(3).run(1, abi::state_unsafe).end()), code);
  EXPECT_EQ(p.kind, abi::kind_unsafe);
  EXPECT_FALSE(p.frame.known);
  EXPECT_TRUE(p.vector_live);
}

TEST(States, SafeKnowsTheWholeFrame) {
  const unsigned saved = bit(abi::saved_rbp) | bit(abi::saved_r14) | bit(abi::saved_rbx);
  const point p = at(table(code, map_bytes(saved).uleb(6).run(1, abi::state_safe).end()), code);
  EXPECT_EQ(p.kind, abi::kind_safe);
  EXPECT_FALSE(p.vector_live);
  EXPECT_FALSE(p.has_live_set);
  expect_rsp_frame(p, 48, saved);
  EXPECT_EQ(p.frame.slot[abi::saved_rbp], 16u);
  EXPECT_EQ(p.frame.slot[abi::saved_r14], 24u);
  EXPECT_EQ(p.frame.slot[abi::saved_rbx], 32u);
}

TEST(States, SafeVectorDiffersByTheFlagOnly) {
  const point p = at(table(code, map_bytes(bit(abi::saved_rbp) | abi::frame_cfa_is_rbp).run(1, abi::state_safe_vector).end()), code);
  EXPECT_EQ(p.kind, abi::kind_safe);
  EXPECT_TRUE(p.vector_live);
  expect_rbp_frame(p, bit(abi::saved_rbp));
}

TEST(States, EntryHasNothingSaved) {
  const point p = at(table(code, map_bytes(bit(abi::saved_rbx)).uleb(9).run(1, abi::state_entry).end()), code);
  EXPECT_EQ(p.kind, abi::kind_safe);
  EXPECT_TRUE(p.vector_live);
  expect_rsp_frame(p, 8, 0);
}

TEST(States, Names) {
  const table t(code, map_bytes(0).uleb(1).run(1, abi::state_safe).run(1, abi::state_entry).run(1, abi::state_prologue).end());
  EXPECT_EQ(at(t, code).code, abi::state_safe);
  EXPECT_EQ(at(t, code + 1).code, abi::state_entry);
  EXPECT_EQ(at(t, code + 2).code, abi::state_prologue);
}

TEST(Slots, ExplicitOnesAreTakenAsTheyStand) {
  const unsigned saved = bit(abi::saved_r12) | bit(abi::saved_rbx);
  const point p = at(table(code, map_bytes(saved | abi::frame_has_extension)
                                     .uleb(abi::extension_explicit_slots)
                                     .uleb(8)
                                     .uleb(5)
                                     .uleb(2)
                                     .run(1, abi::state_safe)
                                     .end()),
                     code);
  expect_rsp_frame(p, 64, saved);
  EXPECT_EQ(p.frame.slot[abi::saved_r12], 40u);
  EXPECT_EQ(p.frame.slot[abi::saved_rbx], 16u);
}

TEST(OwnStates, EveryFormAndKind) {
  const unsigned saved = bit(abi::saved_rbx);
  for (unsigned kind : {abi::kind_unsafe, abi::kind_safe, abi::kind_pinned})
    for (unsigned vector : {0u, abi::own_vector_live})
      for (unsigned form = 0; form != 4; ++form) {
        map_bytes m(saved | abi::frame_has_extension);
        m.uleb(abi::extension_own_states).uleb(4).uleb(1).uleb(kind | vector | form << abi::own_frame_shift);
        if (form == abi::frame_explicit)
          m.uleb(11);
        const point p = at(table(code, m.run(1, abi::state_own_0).end()), code);
        EXPECT_EQ(p.kind, kind);
        EXPECT_EQ(p.vector_live, vector != 0);
        EXPECT_EQ(p.code, abi::state_own_0);
        switch (form) {
        case abi::frame_whole:
          expect_rsp_frame(p, 32, saved);
          break;
        case abi::frame_entry:
          expect_rsp_frame(p, 8, 0);
          break;
        case abi::frame_unknown:
          EXPECT_FALSE(p.frame.known);
          break;
        case abi::frame_explicit:
          expect_rsp_frame(p, 88, saved);
          break;
        }
      }
}

TEST(OwnStates, ExplicitDepthReplacesTheFramePointer) {
  const unsigned saved = bit(abi::saved_rbp);
  map_bytes m(saved | abi::frame_cfa_is_rbp | abi::frame_has_extension);
  m.uleb(abi::extension_own_states).uleb(1).uleb(abi::kind_safe | abi::frame_explicit << abi::own_frame_shift).uleb(2);
  expect_rsp_frame(at(table(code, m.run(1, abi::state_own_0).end()), code), 16, saved);
}

TEST(OwnStates, EscapesReachEveryIndex) {
  constexpr unsigned count = 200;
  map_bytes m(abi::frame_has_extension);
  m.uleb(abi::extension_own_states | abi::extension_nosplit).uleb(1).uleb(count);
  for (unsigned i = 0; i != count; ++i)
    m.uleb(abi::kind_pinned | abi::own_vector_live | abi::own_has_live_set).uleb(i).uleb(i * 1000).uleb(i & 0xff);
  for (unsigned i = 0; i != count; ++i)
    m.own_run(2, i);
  const table t(code, m.end());
  for (unsigned i = 0; i != count; ++i) {
    const point p = at(t, code + 2 * i + 1);
    EXPECT_EQ(p.kind, abi::kind_pinned);
    EXPECT_TRUE(p.has_live_set);
    EXPECT_EQ(p.live.general, i);
    EXPECT_EQ(p.live.vector, i * 1000);
    EXPECT_EQ(p.live.other, i & 0xff);
  }
  EXPECT_TRUE(visit(t).header.nosplit);
}

TEST(Prologue, EveryPointWithAFramePointer) {
  const unsigned rbp = bit(abi::saved_rbp), r14 = bit(abi::saved_r14), rbx = bit(abi::saved_rbx);
  // push rbp (1); mov rbp, rsp (3); push r14 (2); push rbx (1); sub rsp, 16 (4)
  const table t(code, map_bytes(rbp | r14 | rbx | abi::frame_cfa_is_rbp).run(11, abi::state_prologue).run(1, abi::state_safe).end());
  expect_rsp_frame(at(t, code), 8, 0);
  expect_rsp_frame(at(t, code + 1), 16, rbp);
  expect_rsp_frame(at(t, code + 4), 16, rbp);
  expect_rsp_frame(at(t, code + 6), 24, rbp | r14);
  expect_rsp_frame(at(t, code + 7), 32, rbp | r14 | rbx);
  EXPECT_EQ(at(t, code + 7).frame.slot[abi::saved_rbx], 32u);
  EXPECT_EQ(at(t, code + 7).kind, abi::kind_safe);
  EXPECT_TRUE(at(t, code + 7).vector_live);
  expect_rbp_frame(at(t, code + 11), rbp | r14 | rbx);
  for (unsigned inside : {2, 3, 5, 8, 9, 10}) {
    EXPECT_EQ(at(t, code + inside).kind, abi::kind_unsafe) << inside;
    EXPECT_FALSE(at(t, code + inside).frame.known) << inside;
  }
}

TEST(Prologue, PushesAlone) {
  const unsigned saved = abi::frame_saved_mask;
  // push rbp (1), r15, r14, r13, r12 (2 each), rbx (1)
  const table t(code, map_bytes(saved).uleb(7).run(10, abi::state_prologue).run(1, abi::state_safe).end());
  const unsigned starts[] = {0, 1, 3, 5, 7, 9, 10};
  for (unsigned k = 0; k != 7; ++k)
    expect_rsp_frame(at(t, code + starts[k]), 8 * (k + 1), (1u << k) - 1);
}

TEST(Prologue, RoomAlone) {
  const table t(code, map_bytes(0).uleb(4).run(4, abi::state_prologue).run(1, abi::state_safe).end());
  expect_rsp_frame(at(t, code), 8, 0);
  EXPECT_EQ(at(t, code + 1).kind, abi::kind_unsafe);
  expect_rsp_frame(at(t, code + 4), 32, 0);
}

TEST(Epilogue, EveryPointWithAFramePointer) {
  const unsigned rbp = bit(abi::saved_rbp), r15 = bit(abi::saved_r15), rbx = bit(abi::saved_rbx);
  // add rsp, 8 (4); pop rbx (1); pop r15 (2); pop rbp (1); then ret
  const table t(code, map_bytes(rbp | r15 | rbx | abi::frame_cfa_is_rbp)
                          .run(1, abi::state_safe)
                          .run(8, abi::state_epilogue)
                          .run(1, abi::state_entry)
                          .end());
  expect_rbp_frame(at(t, code + 1), rbp | r15 | rbx);
  expect_rsp_frame(at(t, code + 5), 32, rbp | r15 | rbx);
  expect_rsp_frame(at(t, code + 6), 24, rbp | r15);
  expect_rsp_frame(at(t, code + 8), 16, rbp);
  expect_rsp_frame(at(t, code + 9), 8, 0);
  for (unsigned inside : {2, 3, 4, 7})
    EXPECT_EQ(at(t, code + inside).kind, abi::kind_unsafe) << inside;
}

TEST(Epilogue, PopsAlone) {
  const table t(code, map_bytes(abi::frame_saved_mask).uleb(7).run(10, abi::state_epilogue).run(1, abi::state_entry).end());
  const unsigned starts[] = {0, 1, 3, 5, 7, 9, 10};
  for (unsigned k = 0; k != 7; ++k)
    expect_rsp_frame(at(t, code + starts[k]), 8 * (7 - k), (1u << (6 - k)) - 1);
}

TEST(Epilogue, RoomAlone) {
  const table t(code, map_bytes(0).uleb(4).run(1, abi::state_safe).run(4, abi::state_epilogue).run(1, abi::state_entry).end());
  expect_rsp_frame(at(t, code + 1), 32, 0);
  EXPECT_EQ(at(t, code + 2).kind, abi::kind_unsafe);
}

TEST(Visit, TellsRunsInOrder) {
  const visited v = visit(table(code, map_bytes(bit(abi::saved_rbx) | abi::frame_has_extension)
                                          .uleb(abi::extension_own_states)
                                          .uleb(2)
                                          .uleb(1)
                                          .uleb(abi::kind_pinned)
                                          .run(1, abi::state_prologue)
                                          .run(300, abi::state_safe)
                                          .run(4, abi::state_own_0)
                                          .own_run(5, 0)
                                          .end()));
  ASSERT_EQ(v.result, status::ok);
  EXPECT_EQ(v.header.start, code);
  EXPECT_EQ(v.header.words, 2u);
  EXPECT_EQ(v.header.saved, bit(abi::saved_rbx));
  EXPECT_FALSE(v.header.nosplit);
  EXPECT_EQ(v.end, code + 310);
  ASSERT_EQ(v.runs.size(), 4u);
  EXPECT_EQ(v.runs[1].first.start, code + 1);
  EXPECT_EQ(v.runs[1].first.length, 300u);
  EXPECT_EQ(v.runs[2].second.kind, abi::kind_pinned);
  EXPECT_EQ(v.runs[3].first.code, abi::state_escape);
  EXPECT_EQ(v.runs[3].first.start, code + 305);
}

TEST(Visit, StopsWhenAsked) {
  const table t(code, map_bytes(0).uleb(1).run(1, abi::state_safe).run(1, abi::state_unsafe).end());
  unsigned calls = 0;
  map::fragment header;
  std::uint64_t end;
  const auto stop = [](void *context, const map::run &, const point &) {
    ++*static_cast<unsigned *>(context);
    return false;
  };
  EXPECT_EQ(map::visit_fragment(t.view(), 0, header, end, stop, &calls), status::ok);
  EXPECT_EQ(calls, 1u);
  EXPECT_EQ(end, code + 1);
}

} // namespace
} // namespace stillpoint::test
