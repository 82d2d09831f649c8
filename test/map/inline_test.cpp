// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inline maps: whatever the matcher accepts must read back, from the record alone, as the general map of the same fragment does (but for the
// vector flag, which one inline map has for all of its body).
#include "tables.h"

#include "passes/emit/Encoding.h"

#include <gtest/gtest.h>

#include <random>

namespace stillpoint::test {
namespace {

using emit::PointState;
using map::point;
using map::status;
using fragment = emit::Fragment<std::uint64_t>;
using random = std::mt19937_64;

constexpr std::uint64_t code = 0x400000;

void add_run(fragment &f, std::uint64_t length, abi::state_code state) {
  const std::uint64_t from = f.Runs.empty() ? 0 : f.Runs.back().To;
  f.Runs.push_back({from, from + length, {state, 0}, static_cast<std::uint32_t>(length)});
}

void add_body(fragment &f, random &r, std::uint64_t most) {
  std::uint64_t left = r() % most;
  bool vector = r() % 2 != 0;
  do {
    const std::uint64_t length = r() % 3 == 0 ? left : left / 2;
    add_run(f, length, vector ? abi::state_safe_vector : abi::state_safe);
    left -= length;
    vector = !vector;
  } while (left != 0 && r() % 4 != 0);
}

// A fragment of the kind that inline maps are for.
fragment random_fragment(random &r) {
  fragment f;
  const unsigned frame = abi::inline_shapes[r() % sizeof abi::inline_shapes];
  f.Frame.Saved = frame & abi::frame_saved_mask;
  f.Frame.CfaIsRbp = (frame & abi::frame_cfa_is_rbp) != 0;
  const auto room = f.Frame.CfaIsRbp ? 0 : static_cast<unsigned>(r() % 16);
  f.Frame.Words = 1 + static_cast<unsigned>(__builtin_popcount(f.Frame.Saved)) + room;
  unsigned pushes = 0;
  for (unsigned reg = 0; reg != abi::saved_register_count; ++reg)
    pushes += f.Frame.Saved >> reg & 1 ? abi::saved_register_push_size(reg) : 0;
  const unsigned prologue = pushes + (f.Frame.CfaIsRbp ? abi::frame_pointer_setup_size : 0) + abi::inline_room_size(room);
  if (prologue != 0)
    add_run(f, prologue, f.Frame.Saved != 0 ? abi::state_prologue : abi::state_entry);
  add_body(f, r, 1u << abi::inline_body_bits);
  if (prologue == 0 || r() % 4 == 0)
    return f;
  if (pushes != 0)
    add_run(f, pushes, abi::state_epilogue);
  add_run(f, 1, abi::state_entry);
  if (r() % 2 != 0)
    add_body(f, r, 1u << abi::inline_tail_bits);
  return f;
}

map_bytes encoded(const fragment &f) {
  emit::ByteSink sink;
  emit::encodeMap(sink, f);
  map_bytes m(0);
  m.content = sink.Bytes;
  return m;
}

std::uint32_t word_of(const emit::InlineMap<std::uint64_t> &m) {
  return m.Constant + static_cast<std::uint32_t>(m.BodyTo - m.BodyFrom) +
         static_cast<std::uint32_t>((m.TailTo - m.TailFrom) << abi::inline_tail_shift);
}

table inline_table(std::uint32_t word) {
  table t;
  t.add_record(code, maps_address);
  std::memcpy(t.records.data() + offsetof(abi::record, map), &word, sizeof word);
  return t;
}

void expect_same(const point &got, const point &want, bool vector) {
  ASSERT_EQ(got.kind, want.kind);
  ASSERT_EQ(got.code == abi::state_safe || got.code == abi::state_safe_vector ? vector : want.vector_live, got.vector_live);
  ASSERT_EQ(got.frame.known, want.frame.known);
  ASSERT_EQ(got.frame.cfa_is_rbp, want.frame.cfa_is_rbp);
  ASSERT_EQ(got.frame.cfa_offset, want.frame.cfa_offset);
  ASSERT_EQ(got.frame.saved, want.frame.saved);
  for (unsigned reg = 0; reg != abi::saved_register_count; ++reg)
    ASSERT_EQ(got.frame.slot[reg], want.frame.slot[reg]);
}

TEST(Inline, ReadsAsTheGeneralMapDoes) {
  for (unsigned seed = 0; seed != 2000; ++seed) {
    SCOPED_TRACE(seed);
    random r(seed);
    const fragment f = random_fragment(r);
    emit::InlineMap<std::uint64_t> m;
    ASSERT_TRUE(emit::InlineMatcher(f).match(m));
    for (const auto &e : m.Exact)
      ASSERT_EQ(e.To - e.From, e.Bytes);
    const std::uint32_t word = word_of(m);
    ASSERT_TRUE(abi::is_inline_map(word));
    const table general(code, encoded(f));
    const table with_inline = inline_table(word);
    ASSERT_EQ(with_inline.validate(), status::ok);
    const std::uint64_t end = f.Runs.back().To;
    for (std::uint64_t offset = 0; offset != end; ++offset) {
      point want, got;
      ASSERT_EQ(general.find(code + offset, want), status::ok);
      ASSERT_EQ(with_inline.find(code + offset, got), status::ok) << offset;
      expect_same(got, want, (word & abi::inline_vector) != 0);
      if (testing::Test::HasFatalFailure())
        FAIL() << offset;
    }
    point p;
    ASSERT_EQ(with_inline.find(code + end, p), status::not_managed);
    ASSERT_EQ(visit(with_inline).end, code + end);
  }
}

TEST(Inline, EveryWordIsAnAnswer) {
  random r(1);
  for (unsigned i = 0; i != 100000; ++i) {
    std::uint32_t word = static_cast<std::uint32_t>(r()) & ~(abi::inline_returns | abi::inline_no_return);
    word |= r() % 2 != 0 ? abi::inline_returns : abi::inline_no_return;
    ASSERT_EQ(inline_table(word).validate(), status::ok) << std::hex << word;
  }
}

TEST(Inline, RefusesWhatItCannotSay) {
  random r(3);
  emit::InlineMap<std::uint64_t> m;
  fragment f = random_fragment(r);
  f.Runs.back().MostBytes = 5000;
  EXPECT_FALSE(emit::InlineMatcher(f).match(m));
  f = random_fragment(r);
  add_run(f, 5, abi::state_unsafe);
  EXPECT_FALSE(emit::InlineMatcher(f).match(m));
  f = random_fragment(r);
  f.Frame.Nosplit = true;
  EXPECT_FALSE(emit::InlineMatcher(f).match(m));
  f = random_fragment(r);
  f.OwnStates.emplace_back();
  EXPECT_FALSE(emit::InlineMatcher(f).match(m));
  f = fragment();
  f.Frame.Words = 40;
  add_run(f, 4, abi::state_entry);
  add_run(f, 4, abi::state_safe);
  EXPECT_FALSE(emit::InlineMatcher(f).match(m));
}

} // namespace
} // namespace stillpoint::test
