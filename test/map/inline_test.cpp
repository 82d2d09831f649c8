// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inline maps: a record that holds its map must read exactly as the map that it stands for, written out by hand; and what the encoder's
// matcher accepts must read as what was described, but for vector registers taken as live in the whole fragment.
#include "tables.h"

#include "passes/emit/Encoding.h"

#include <gtest/gtest.h>

#include <iterator>

namespace stillpoint::test {
namespace {

using map::point;
using map::status;

constexpr std::uint64_t code = 0x400000;

struct inline_map {
  unsigned shape = 0, room = 0, body = 0, tail = 0;
  bool vector = false, returns = false;

  std::uint32_t word() const {
    return body | tail << abi::inline_tail_shift | shape << abi::inline_shape_shift | room << abi::inline_room_shift |
           (vector ? abi::inline_vector : 0) | (returns ? abi::inline_returns : abi::inline_no_return);
  }
  bool has_frame_pointer() const { return (abi::inline_shapes[shape] & abi::frame_cfa_is_rbp) != 0; }
  unsigned saved() const { return abi::inline_shapes[shape] & abi::frame_saved_mask; }
  unsigned pushes() const {
    unsigned bytes = 0;
    for (unsigned reg = 0; reg != abi::saved_register_count; ++reg)
      bytes += (saved() >> reg & 1) != 0 ? abi::saved_register_push_size(reg) : 0;
    return bytes;
  }
  // The same, written out.
  map_bytes written_out() const {
    const unsigned frame = abi::inline_shapes[shape];
    map_bytes m(frame);
    if (!has_frame_pointer())
      m.uleb(1 + static_cast<unsigned>(__builtin_popcount(saved())) + room);
    const unsigned prologue = pushes() + (has_frame_pointer() ? abi::frame_pointer_setup_size : abi::inline_room_size(room));
    if (prologue != 0)
      m.run(prologue, saved() != 0 ? abi::state_prologue : abi::state_entry);
    m.run(body, vector ? abi::state_safe_vector : abi::state_safe);
    if (!returns)
      return m.end();
    if (saved() != 0)
      m.run(pushes(), abi::state_epilogue);
    return m.run(1, abi::state_entry).run(tail, vector ? abi::state_safe_vector : abi::state_safe).end();
  }
};

table table_of(std::uint32_t word) {
  table t;
  t.add_inline(code, word);
  return t;
}

void expect_same_everywhere(const table &a, const table &b) {
  ASSERT_EQ(a.validate(), status::ok);
  ASSERT_EQ(b.validate(), status::ok);
  const visited va = visit(a), vb = visit(b);
  ASSERT_EQ(va.end, vb.end);
  ASSERT_EQ(va.runs.size(), vb.runs.size());
  ASSERT_EQ(va.header.saved, vb.header.saved);
  ASSERT_EQ(va.header.words, vb.header.words);
  for (std::uint64_t pc = code; pc != va.end; ++pc) {
    point p, q;
    ASSERT_EQ(a.find(pc, p), status::ok);
    ASSERT_EQ(b.find(pc, q), status::ok);
    ASSERT_EQ(p.kind, q.kind) << pc - code;
    ASSERT_EQ(p.code, q.code) << pc - code;
    ASSERT_EQ(p.vector_live, q.vector_live) << pc - code;
    ASSERT_EQ(p.frame.known, q.frame.known) << pc - code;
    ASSERT_EQ(p.frame.cfa_is_rbp, q.frame.cfa_is_rbp) << pc - code;
    ASSERT_EQ(p.frame.cfa_offset, q.frame.cfa_offset) << pc - code;
    ASSERT_EQ(p.frame.saved, q.frame.saved) << pc - code;
    for (unsigned reg = 0; reg != abi::saved_register_count; ++reg)
      ASSERT_EQ(p.frame.slot[reg], q.frame.slot[reg]) << pc - code;
  }
  point p;
  EXPECT_EQ(a.find(va.end, p), status::not_managed);
}

TEST(InlineMap, EveryShapeReadsAsIfWrittenOut) {
  for (unsigned shape = 0; shape != std::size(abi::inline_shapes); ++shape)
    for (unsigned room = 0; room != 1u << abi::inline_room_bits; ++room)
      for (const bool vector : {false, true})
        for (const bool returns : {false, true}) {
          inline_map m{shape, room, 33, returns ? 17u : 0u, vector, returns};
          if (m.has_frame_pointer() && room != 0)
            continue;
          SCOPED_TRACE(testing::Message() << "shape " << shape << ", room " << room << ", " << vector << returns);
          ASSERT_TRUE(abi::is_inline_map(m.word()));
          expect_same_everywhere(table_of(m.word()), table(code, m.written_out()));
          if (HasFatalFailure())
            return;
        }
}

TEST(InlineMap, LongestBodyAndTail) {
  const inline_map m{6, 15, (1u << abi::inline_body_bits) - 1, (1u << abi::inline_tail_bits) - 1, true, true};
  expect_same_everywhere(table_of(m.word()), table(code, m.written_out()));
}

TEST(InlineMap, DistancesAreNone) {
  for (const std::int64_t distance : {0x100000ll, -0x100000ll, 0x3fffffffll, -0x40000000ll, 0ll})
    EXPECT_FALSE(abi::is_inline_map(static_cast<std::uint32_t>(distance))) << distance;
}

TEST(InlineMap, NeedsNoMapsSection) {
  const table t = table_of(inline_map{0, 0, 5, 0, false, false}.word());
  EXPECT_TRUE(t.maps.empty());
  point p;
  EXPECT_EQ(t.find(code + 4, p), status::ok);
  EXPECT_EQ(p.kind, abi::kind_safe);
}

// Any word that is no distance is an inline map, and every one can be read.
TEST(InlineMap, EveryWordIsReadable) {
  for (std::uint64_t word = abi::inline_no_return; word < 0xc0000000u; word += 99991) {
    const table t = table_of(static_cast<std::uint32_t>(word));
    ASSERT_EQ(t.validate(), status::ok) << word;
  }
}

using described = emit::Fragment<std::uint64_t>;

void add_run(described &f, std::uint64_t length, abi::state_code state) {
  const std::uint64_t from = f.Runs.empty() ? 0 : f.Runs.back().To;
  emit::Run<std::uint64_t> r{};
  r.From = from;
  r.To = from + length;
  r.State = {state, 0};
  r.MostBytes = static_cast<decltype(r.MostBytes)>(length);
  f.Runs.push_back(r);
}

// As the assembly printer does it: the constant part, plus the lengths, if those that are implied hold.
bool match(const described &f, std::uint32_t &word) {
  emit::InlineMap<std::uint64_t> m;
  if (!emit::InlineMatcher<std::uint64_t>(f).match(m))
    return false;
  for (const auto &exact : m.Exact)
    if (exact.To - exact.From != exact.Bytes)
      return false;
  word = static_cast<std::uint32_t>(m.Constant + (m.BodyTo - m.BodyFrom) + ((m.TailTo - m.TailFrom) << abi::inline_tail_shift));
  return true;
}

described common_function() {
  described f;
  f.Frame.Saved = 0x26; // R15, R14, RBX
  f.Frame.Words = 6;    // 16 bytes of room
  add_run(f, 2 + 2 + 1 + 4, abi::state_prologue);
  add_run(f, 70, abi::state_safe);
  add_run(f, 2 + 2 + 1, abi::state_epilogue);
  add_run(f, 1, abi::state_entry);
  add_run(f, 20, abi::state_safe);
  return f;
}

TEST(InlineMatcher, AcceptsTheCommonFunction) {
  const described f = common_function();
  std::uint32_t word;
  ASSERT_TRUE(match(f, word));
  emit::ByteSink sink;
  emit::encodeMap(sink, f);
  map_bytes written(0);
  written.content = sink.Bytes;
  expect_same_everywhere(table_of(word), table(code, written));
}

TEST(InlineMatcher, VectorAnywhereIsVectorEverywhere) {
  described f = common_function();
  f.Runs[4].State.Code = abi::state_safe_vector;
  std::uint32_t word;
  ASSERT_TRUE(match(f, word));
  point p;
  ASSERT_EQ(table_of(word).find(code + 20, p), status::ok);
  EXPECT_TRUE(p.vector_live);
}

TEST(InlineMatcher, RefusesWhatItCannotSay) {
  std::uint32_t word;
  const auto refused = [&](auto change) {
    described f = common_function();
    change(f);
    return !match(f, word);
  };
  EXPECT_TRUE(refused([](described &f) { f.Frame.Saved = 0x02; }));
  EXPECT_TRUE(refused([](described &f) { f.Frame.Words = 6 + 16; }));
  EXPECT_TRUE(refused([](described &f) { f.Frame.Nosplit = true; }));
  EXPECT_TRUE(refused([](described &f) { f.Frame.ExplicitSlots = true; }));
  EXPECT_TRUE(refused([](described &f) { f.OwnStates.emplace_back(); }));
  EXPECT_TRUE(refused([](described &f) { f.Runs[1].State.Code = abi::state_unsafe; }));
  EXPECT_TRUE(refused([](described &f) { f.Runs[1].MostBytes = 1u << abi::inline_body_bits; }));
  EXPECT_TRUE(refused([](described &f) { f.Runs[4].MostBytes = 1u << abi::inline_tail_bits; }));
  EXPECT_TRUE(refused([](described &f) { f.Runs.erase(f.Runs.begin()); }));
  EXPECT_TRUE(refused([](described &f) { add_run(f, 5, abi::state_epilogue); }));
  EXPECT_TRUE(refused([](described &f) { f.Runs[0].To += 3; })); // SUB with a four-byte immediate
}

} // namespace
} // namespace stillpoint::test
