// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// References in maps: what the encoder is told, the reader must say, at every byte of random fragments; and what cannot be said must have become
// unsafe. What is expected is computed here from the description, not from the bytes.
#include "tables.h"

#include "passes/emit/Describe.h"
#include "passes/emit/Encoding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace stillpoint::test {
namespace {

using emit::PointState;
using map::point;
using map::status;
using fragment = emit::Fragment<std::uint64_t>;

constexpr std::uint64_t code = 0x400000;
constexpr std::uint16_t no_rsp = 0xffef;

struct found {
  std::uint16_t registers = 0;
  std::vector<std::int32_t> slots;
  std::vector<std::int32_t> roots;
  bool operator==(const found &) const = default;
};

found references_of(const point &p) {
  found f;
  f.registers = p.refs.registers;
  map::each_slot(p.refs, [&](std::int64_t word) { f.slots.push_back(static_cast<std::int32_t>(word)); });
  map::each_stack_root(p.refs, [&](std::int64_t word, std::uint64_t count) {
    for (std::uint64_t i = 0; i != count; ++i)
      f.roots.push_back(static_cast<std::int32_t>(word + static_cast<std::int64_t>(i)));
  });
  return f;
}

std::vector<std::int32_t> random_words(random &r, std::uint64_t most, const emit::FrameDescription &f) {
  std::vector<std::int32_t> words;
  for (auto n = below(r, most + 1); n != 0; --n) {
    const bool may_be_below = f.Base != emit::SlotBase::Cfa || below(r, 4) == 0;
    const auto depth = f.CfaIsRbp ? 400 : f.Words;
    words.push_back(may_be_below ? static_cast<std::int32_t>(below(r, 300)) : -2 - static_cast<std::int32_t>(below(r, depth)));
  }
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

emit::FrameDescription random_frame(random &r) {
  emit::FrameDescription f;
  f.Saved = static_cast<std::uint8_t>(below(r, 64));
  f.CfaIsRbp = below(r, 3) == 0;
  if (f.CfaIsRbp)
    f.Saved |= 1u << abi::saved_rbp;
  f.Words = static_cast<std::uint32_t>(1 + __builtin_popcount(f.Saved) + below(r, 40));
  f.Base = static_cast<emit::SlotBase>(below(r, 4) == 0 ? below(r, 3) : 0);
  if (below(r, 3) == 0)
    f.StackRoots = random_words(r, 12, f);
  f.Nosplit = below(r, 10) == 0;
  return f;
}

// A state near the one before, as they are in code.
PointState next_state(random &r, const emit::FrameDescription &f, const std::vector<std::int32_t> &words, PointState s) {
  for (auto n = below(r, 4); n != 0; --n)
    s.RefRegisters ^= static_cast<std::uint16_t>((1u << below(r, 16)) & no_rsp);
  if (below(r, 8) == 0)
    s.RefRegisters &= abi::callee_saved_registers;
  for (auto n = below(r, 3); n != 0 && !words.empty(); --n) {
    const std::int32_t word = words[below(r, words.size())];
    const auto at = std::lower_bound(s.RefSlots.begin(), s.RefSlots.end(), word);
    if (at != s.RefSlots.end() && *at == word)
      s.RefSlots.erase(at);
    else
      s.RefSlots.insert(at, word);
  }
  if (below(r, 10) == 0) {
    s.RefSlots.clear();
    s.RefRegisters = 0;
  }
  if (below(r, 6) == 0)
    s.RootsReady = !s.RootsReady;
  if (below(r, 3) != 0)
    return s;
  s.Sequence = PointState::Standard::None;
  s.Kind = static_cast<abi::point_kind>(below(r, 4) == 0 ? below(r, 3) : abi::kind_safe);
  s.Form = static_cast<abi::frame_form>(below(r, 3) == 0 ? below(r, 4) : abi::frame_whole);
  s.VectorLive = below(r, 2) != 0;
  s.HasLiveSet = below(r, 8) == 0;
  s.Live = {};
  s.Depth = s.Form == abi::frame_explicit ? static_cast<std::uint32_t>(1 + __builtin_popcount(f.Saved) + below(r, 100)) : 0;
  s.CalleeMayStop = s.Kind == abi::kind_unsafe && s.Form != abi::frame_unknown && below(r, 2) != 0;
  if (s.HasLiveSet)
    s.Live.General = r() & abi::live_general_known;
  if (f.Saved != 0 && below(r, 5) == 0) {
    s = {};
    s.Kind = abi::kind_safe;
    s.RefRegisters = static_cast<std::uint16_t>(r() & no_rsp);
    s.Sequence = below(r, 2) != 0 ? PointState::Standard::Prologue : PointState::Standard::Epilogue;
  }
  return s;
}

// What cannot be described, written down again from the format's rules.
bool contradicts(const PointState &s, const emit::FrameDescription &f) {
  const bool sequence = s.Sequence != PointState::Standard::None;
  const bool whole = !sequence && s.Form == abi::frame_whole;
  const bool ready = s.RootsReady && !f.StackRoots.empty();
  const bool words = !s.RefSlots.empty() || ready;
  const bool looked_at = sequence || (s.Form != abi::frame_unknown && (s.Kind != abi::kind_unsafe || s.CalleeMayStop));
  if ((sequence && ready) || (f.Base != emit::SlotBase::Cfa && words && !whole))
    return true;
  return looked_at && ((whole && f.CfaIsRbp && (s.RefRegisters >> 5 & 1) != 0) ||
                       (f.Base == emit::SlotBase::BasePointer && words && (s.RefRegisters >> 3 & 1) != 0));
}

struct expected_run {
  std::uint64_t from, to;
  PointState state;
};

struct sample {
  fragment described;
  std::vector<expected_run> expected;
};

unsigned sequence_length(const emit::FrameDescription &f, bool prologue) {
  unsigned bytes = prologue && f.CfaIsRbp ? abi::frame_pointer_setup_size : 0;
  for (unsigned reg = 0; reg != abi::saved_register_count; ++reg)
    bytes += (f.Saved >> reg & 1) != 0 ? abi::saved_register_push_size(reg) : 0;
  return bytes;
}

sample random_sample(random &r, std::uint64_t most_slots) {
  sample s;
  fragment &f = s.described;
  f.Frame = random_frame(r);
  const std::vector<std::int32_t> words = random_words(r, most_slots, f.Frame);
  PointState state;
  std::uint64_t at = 0;
  for (auto runs = 1 + below(r, 60); runs != 0; --runs) {
    state = next_state(r, f.Frame, words, state);
    std::uint64_t length = below(r, below(r, 8) != 0 ? 20 : 3000);
    if (state.Sequence != PointState::Standard::None)
      length = sequence_length(f.Frame, state.Sequence == PointState::Standard::Prologue);
    f.Runs.push_back({at, at + length, emit::internState(f.OwnStates, state)});
    s.expected.push_back({at, at + length, state});
    at += length;
  }
  return s;
}

table table_of(const fragment &f) {
  emit::ByteSink sink;
  emit::encodeMap(sink, f);
  map_bytes m(0);
  m.content = sink.Bytes;
  return table(code, m);
}

void expect_run(const table &t, const expected_run &e, const emit::FrameDescription &f) {
  const PointState &s = e.state;
  const bool unsaid = contradicts(s, f);
  for (std::uint64_t offset = e.from; offset < e.to; offset += 1 + (e.to - e.from) / 40) {
    SCOPED_TRACE(offset);
    point p;
    ASSERT_EQ(t.find(code + offset, p), status::ok);
    if (unsaid) {
      ASSERT_EQ(p.kind, abi::kind_unsafe);
      ASSERT_FALSE(p.frame.known);
      continue;
    }
    found want;
    if (p.frame.known && (p.kind != abi::kind_unsafe || p.callee_may_stop)) {
      want.registers = s.RefRegisters;
      want.slots = s.RefSlots;
      if (s.RootsReady)
        want.roots = f.StackRoots;
    }
    ASSERT_EQ(references_of(p), want);
    if (s.Sequence != PointState::Standard::None)
      continue;
    ASSERT_EQ(p.kind, s.Kind);
    ASSERT_EQ(p.frame.known, s.Form != abi::frame_unknown);
    if (s.Form == abi::frame_whole)
      ASSERT_EQ(p.frame.cfa_is_rbp, f.CfaIsRbp);
    ASSERT_TRUE(p.vector_live || !s.VectorLive);
  }
}

void round_trip(unsigned seeds, std::uint64_t most_slots) {
  for (unsigned seed = 0; seed != seeds; ++seed) {
    SCOPED_TRACE(seed);
    random r(seed);
    const sample s = random_sample(r, most_slots);
    const table t = table_of(s.described);
    ASSERT_EQ(t.validate(), status::ok);
    for (const expected_run &e : s.expected)
      expect_run(t, e, s.described.Frame);
    point p;
    ASSERT_EQ(t.find(code + s.expected.back().to, p), status::not_managed);
    const visited v = visit(t);
    ASSERT_EQ(v.result, status::ok);
    ASSERT_EQ(v.end, code + s.expected.back().to);
    for (const auto &[run, at_start] : v.runs) {
      if (run.length == 0)
        continue;
      ASSERT_EQ(t.find(run.start, p), status::ok);
      ASSERT_EQ(references_of(p), references_of(at_start));
    }
    if (testing::Test::HasFatalFailure())
      return;
  }
}

TEST(References, RandomFragmentsReadBack) { round_trip(600, 10); }

TEST(References, HundredsOfSlots) { round_trip(30, 400); }

PointState safe(std::uint16_t registers, std::vector<std::int32_t> slots = {}) {
  PointState s;
  s.Kind = abi::kind_safe;
  s.Form = abi::frame_whole;
  s.VectorLive = false;
  s.RefRegisters = registers;
  s.RefSlots = std::move(slots);
  return s;
}

void add(fragment &f, std::uint64_t length, const PointState &s) {
  const std::uint64_t from = f.Runs.empty() ? 0 : f.Runs.back().To;
  f.Runs.push_back({from, from + length, emit::internState(f.OwnStates, s)});
}

constexpr std::uint16_t rax = 1, rbx = 1 << 3, rdi = 1 << 7, r9 = 1 << 9, r12 = 1 << 12;

std::size_t map_size(const fragment &f) {
  emit::ByteSink sink;
  emit::encodeMap(sink, f);
  return sink.Bytes.size();
}

TEST(References, CommonChangesTakeOneByte) {
  fragment f;
  add(f, 3, safe(rdi));
  const std::size_t start = map_size(f);
  add(f, 7, safe(rdi | rax));
  EXPECT_EQ(map_size(f), start + 1);
  add(f, 5, safe(rax)); // a call, or RDI alone
  EXPECT_EQ(map_size(f), start + 2);
  add(f, 20, safe(rax | rbx));
  EXPECT_EQ(map_size(f), start + 4);
  add(f, 5, safe(rbx | rax | r9 | r12));
  EXPECT_EQ(map_size(f), start + 4 + 3);
  add(f, 5, safe(0));
  EXPECT_EQ(map_size(f), start + 4 + 3 + 2);
}

TEST(References, WithoutThemTheMapIsAsBefore) {
  fragment f;
  f.Frame.Words = 3;
  add(f, 12, safe(0));
  emit::ByteSink sink;
  emit::encodeMap(sink, f);
  EXPECT_EQ(sink.Bytes, (std::vector<std::uint8_t>{0, 3, 12 << abi::run_state_bits | abi::state_safe, abi::run_end}));
}

TEST(References, NobodyLooksAtUnsafePoints) {
  fragment f;
  add(f, 4, safe(rdi, {-3}));
  const std::size_t start = map_size(f);
  add(f, 4, PointState());
  add(f, 4, safe(rdi, {-3}));
  EXPECT_EQ(map_size(f), start + 3);
  const table t = table_of(f);
  point p;
  ASSERT_EQ(t.find(code + 5, p), status::ok);
  EXPECT_EQ(references_of(p), found());
  ASSERT_EQ(t.find(code + 9, p), status::ok);
  EXPECT_EQ(references_of(p), (found{rdi, {-3}, {}}));
}

TEST(References, InlineMapsHaveNone) {
  fragment f;
  add(f, 4, safe(rdi));
  emit::InlineMap<std::uint64_t> m;
  EXPECT_FALSE(emit::InlineMatcher<std::uint64_t>(f).match(m));
  fragment roots;
  roots.Frame.StackRoots = {-3};
  roots.Frame.Words = 4;
  add(roots, 4, safe(0));
  roots.Runs[0].MostBytes = 4;
  EXPECT_FALSE(emit::InlineMatcher<std::uint64_t>(roots).match(m));
}

TEST(References, Words) {
  emit::FrameDescription f;
  f.StackRoots = {-4};
  PointState s = safe(rbx | rax, {-3, 2});
  s.RootsReady = true;
  EXPECT_EQ(emit::describe(s, f), "safe, refs rax rbx [cfa-24] [cfa+16], roots");
  f.Base = emit::SlotBase::StackPointer;
  EXPECT_EQ(emit::describe(safe(0, {0}), f), "safe, refs [rsp+0]");
  EXPECT_EQ(emit::describe(PointState(), f), "unsafe");
}

} // namespace
} // namespace stillpoint::test
