// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The compiler's encoder against the runtime's reader: random fragments are encoded, and the reader must give exactly the described state at
// every byte. The expectation is computed here from the description, by playing the pushes and pops, not from the bytes.
#include "tables.h"

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

emit::FrameDescription random_frame(random &r) {
  emit::FrameDescription f;
  f.Saved = static_cast<std::uint8_t>(below(r, 64));
  f.CfaIsRbp = below(r, 2) != 0;
  if (f.CfaIsRbp)
    f.Saved |= 1u << abi::saved_rbp;
  f.ExplicitSlots = below(r, 4) == 0;
  f.Nosplit = below(r, 8) == 0;
  const auto count = static_cast<unsigned>(__builtin_popcount(f.Saved));
  f.Words = static_cast<std::uint32_t>(1 + count + below(r, below(r, 2) != 0 ? 3 : 10000));
  for (unsigned reg = 0; reg != abi::saved_register_count; ++reg)
    if (f.Saved >> reg & 1)
      f.Slots[reg] = static_cast<std::uint32_t>(2 + below(r, f.Words - 1));
  return f;
}

std::uint32_t deepest(const emit::FrameDescription &f) {
  std::uint32_t n = 1;
  for (unsigned reg = 0; reg != abi::saved_register_count; ++reg)
    if (f.Saved >> reg & 1)
      n = f.ExplicitSlots ? std::max(n, f.Slots[reg]) : n + 1;
  return n;
}

PointState random_state(random &r, const emit::FrameDescription &f) {
  PointState s;
  if (!f.ExplicitSlots && below(r, 5) == 0) {
    s.Kind = abi::kind_safe;
    s.Form = abi::frame_whole;
    s.Sequence = below(r, 2) != 0 ? PointState::Standard::Prologue : PointState::Standard::Epilogue;
    return s;
  }
  s.Kind = static_cast<abi::point_kind>(below(r, 3));
  s.Form = static_cast<abi::frame_form>(below(r, 4));
  s.VectorLive = below(r, 2) != 0;
  s.HasLiveSet = below(r, 3) == 0;
  if (s.Form == abi::frame_explicit)
    s.Depth = deepest(f) + static_cast<std::uint32_t>(below(r, 300));
  if (s.HasLiveSet) {
    s.Live.General = r() & abi::live_general_known;
    s.Live.Vector = s.VectorLive ? r() & abi::live_vector_known : 0;
    s.Live.Other = s.VectorLive ? r() & abi::live_other_known : 0;
  }
  return s;
}

// What the reader has to say at each byte of the fragment.
using expectation = std::vector<point>;

void set_slots(point &p, const emit::FrameDescription &f, unsigned saved) {
  unsigned n = 0;
  for (unsigned reg = 0; reg != abi::saved_register_count; ++reg) {
    if (f.Saved >> reg & 1)
      ++n;
    if (saved >> reg & 1)
      p.frame.slot[reg] = 8 * (f.ExplicitSlots ? f.Slots[reg] : n + 1);
  }
  p.frame.saved = static_cast<std::uint8_t>(saved);
}

point whole(const emit::FrameDescription &f) {
  point p;
  p.kind = abi::kind_safe;
  p.frame.known = true;
  p.frame.cfa_is_rbp = f.CfaIsRbp;
  p.frame.cfa_offset = f.CfaIsRbp ? 16 : std::uint64_t{f.Words} * 8;
  set_slots(p, f, f.Saved);
  return p;
}

point pushed(const emit::FrameDescription &f, unsigned saved) {
  point p;
  p.kind = abi::kind_safe;
  p.frame.known = true;
  p.frame.cfa_offset = 8 * (1 + static_cast<std::uint64_t>(__builtin_popcount(saved)));
  set_slots(p, f, saved);
  return p;
}

point nowhere() {
  point p;
  p.kind = abi::kind_unsafe;
  return p;
}

void instruction(expectation &e, const point &at, unsigned size) {
  e.push_back(at);
  e.insert(e.end(), size - 1, nowhere());
}

expectation prologue(const emit::FrameDescription &f, unsigned room) {
  expectation e;
  unsigned saved = 0;
  for (unsigned reg = 0; reg != abi::saved_register_count; ++reg)
    if (f.Saved >> reg & 1) {
      instruction(e, pushed(f, saved), abi::saved_register_push_size(reg));
      saved |= 1u << reg;
      if (reg == abi::saved_rbp && f.CfaIsRbp)
        instruction(e, pushed(f, saved), abi::frame_pointer_setup_size);
    }
  if (room != 0)
    instruction(e, pushed(f, saved), room);
  return e;
}

expectation epilogue(const emit::FrameDescription &f, unsigned room) {
  expectation e;
  unsigned saved = f.Saved;
  if (room != 0)
    instruction(e, whole(f), room);
  for (unsigned reg = abi::saved_register_count; reg-- != 0;)
    if (f.Saved >> reg & 1) {
      instruction(e, pushed(f, saved), abi::saved_register_push_size(reg));
      saved &= ~(1u << reg);
    }
  return e;
}

point plain(const emit::FrameDescription &f, const PointState &s) {
  point p;
  if (s.Form == abi::frame_whole)
    p = whole(f);
  if (s.Form == abi::frame_entry)
    p = pushed(f, 0);
  if (s.Form == abi::frame_explicit) {
    p = whole(f);
    p.frame.cfa_is_rbp = false;
    p.frame.cfa_offset = std::uint64_t{s.Depth} * 8;
  }
  p.kind = s.Kind;
  // The short codes without a vector flag say less than the description, on the safe side.
  const abi::state_code short_code = emit::commonCode(s);
  const bool says_less = short_code == abi::state_unsafe || short_code == abi::state_entry;
  p.vector_live = s.VectorLive || says_less;
  p.has_live_set = s.HasLiveSet && short_code == abi::state_escape;
  if (p.has_live_set)
    p.live = {s.Live.General, s.Live.Vector, s.Live.Other};
  return p;
}

struct sample {
  fragment described;
  expectation expected;
};

sample random_sample(random &r) {
  sample s;
  fragment &f = s.described;
  f.Frame = random_frame(r);
  for (auto runs = below(r, 40); runs != 0; --runs) {
    const PointState state = random_state(r, f.Frame);
    const std::uint64_t from = s.expected.size();
    const auto room = static_cast<unsigned>(below(r, abi::max_instruction_size + 1));
    expectation more;
    if (state.Sequence == PointState::Standard::Prologue)
      more = prologue(f.Frame, room);
    else if (state.Sequence == PointState::Standard::Epilogue)
      more = epilogue(f.Frame, room);
    else
      more.assign(below(r, below(r, 8) != 0 ? 12 : 600), plain(f.Frame, state));
    if (state.Sequence != PointState::Standard::None && more.empty())
      continue; // would be the end
    s.expected.insert(s.expected.end(), more.begin(), more.end());
    f.Runs.push_back({from, s.expected.size(), emit::internState(f.OwnStates, state)});
  }
  return s;
}

map_bytes encoded(const fragment &f) {
  emit::ByteSink sink;
  emit::encodeMap(sink, f);
  map_bytes m(0);
  m.content = sink.Bytes;
  return m;
}

void expect_same(const point &got, const point &want, std::uint64_t offset) {
  ASSERT_EQ(got.kind, want.kind) << offset;
  ASSERT_EQ(got.frame.known, want.frame.known) << offset;
  ASSERT_EQ(got.vector_live, want.vector_live) << offset;
  ASSERT_EQ(got.has_live_set, want.has_live_set) << offset;
  ASSERT_EQ(got.live.general, want.live.general) << offset;
  ASSERT_EQ(got.live.vector, want.live.vector) << offset;
  ASSERT_EQ(got.live.other, want.live.other) << offset;
  if (!want.frame.known)
    return;
  ASSERT_EQ(got.frame.cfa_is_rbp, want.frame.cfa_is_rbp) << offset;
  ASSERT_EQ(got.frame.cfa_offset, want.frame.cfa_offset) << offset;
  ASSERT_EQ(got.frame.saved, want.frame.saved) << offset;
  for (unsigned reg = 0; reg != abi::saved_register_count; ++reg)
    if (want.frame.saved >> reg & 1)
      ASSERT_EQ(got.frame.slot[reg], want.frame.slot[reg]) << offset << ", register " << reg;
}

TEST(Encoder, RandomFragmentsReadBackAtEveryByte) {
  for (unsigned seed = 0; seed != 1000; ++seed) {
    SCOPED_TRACE(seed);
    random r(seed);
    const sample s = random_sample(r);
    const table t(code, encoded(s.described));
    ASSERT_EQ(t.validate(), status::ok);
    for (std::uint64_t offset = 0; offset != s.expected.size(); ++offset) {
      point got;
      ASSERT_EQ(t.find(code + offset, got), status::ok) << offset;
      expect_same(got, s.expected[offset], offset);
    }
    point p;
    ASSERT_EQ(t.find(code + s.expected.size(), p), status::not_managed);
    const visited v = visit(t);
    ASSERT_EQ(v.result, status::ok);
    ASSERT_EQ(v.end, code + s.expected.size());
    ASSERT_EQ(v.runs.size(), s.described.Runs.size());
    ASSERT_EQ(v.header.nosplit, s.described.Frame.Nosplit);
    if (testing::Test::HasFatalFailure())
      return;
  }
}

TEST(Encoder, ManyFragmentsInOneTable) {
  random r(7);
  table t;
  std::vector<sample> samples;
  std::vector<std::uint64_t> starts;
  std::uint64_t next = code;
  for (unsigned i = 0; i != 300; ++i) {
    samples.push_back(random_sample(r));
    starts.push_back(next);
    t.add(next, encoded(samples.back().described));
    next += samples.back().expected.size() + below(r, 32);
  }
  ASSERT_EQ(t.validate(), status::ok);
  for (std::size_t i = 0; i != samples.size(); ++i)
    for (std::uint64_t offset = 0; offset < samples[i].expected.size(); offset += 1 + below(r, 7)) {
      point got;
      ASSERT_EQ(t.find(starts[i] + offset, got), status::ok);
      expect_same(got, samples[i].expected[offset], offset);
    }
}

TEST(Encoder, CommonStatesTakeOneByte) {
  PointState s;
  s.Kind = abi::kind_safe;
  s.Form = abi::frame_whole;
  s.VectorLive = false;
  std::vector<PointState> own;
  EXPECT_EQ(emit::internState(own, s), (emit::StateRef{abi::state_safe, 0}));
  s.VectorLive = true;
  EXPECT_EQ(emit::internState(own, s), (emit::StateRef{abi::state_safe_vector, 0}));
  s.Form = abi::frame_entry;
  EXPECT_EQ(emit::internState(own, s), (emit::StateRef{abi::state_entry, 0}));
  EXPECT_EQ(emit::internState(own, PointState{}), (emit::StateRef{abi::state_unsafe, 0}));
  EXPECT_TRUE(own.empty());
}

TEST(Encoder, OwnStatesAreShared) {
  PointState pinned;
  pinned.Kind = abi::kind_pinned;
  pinned.Form = abi::frame_whole;
  PointState other = pinned;
  other.VectorLive = false;
  std::vector<PointState> own;
  EXPECT_EQ(emit::internState(own, pinned), (emit::StateRef{abi::state_own_0, 0}));
  EXPECT_EQ(emit::internState(own, other), (emit::StateRef{abi::state_escape, 1}));
  EXPECT_EQ(emit::internState(own, pinned), (emit::StateRef{abi::state_own_0, 0}));
  EXPECT_EQ(emit::internState(own, other), (emit::StateRef{abi::state_escape, 1}));
  EXPECT_EQ(own.size(), 2u);
}

} // namespace
} // namespace stillpoint::test
