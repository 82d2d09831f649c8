// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tables of compiled programs, changed on purpose: at every point, one claim at a time. lit/verify has a few such faults by hand, with
// their
// messages; this says how many of all possible ones are found, in code that a compiler made.
//
// Every change that contradicts the code itself has to be found. For the others (a reference less, a vector register said to be dead) it
// depends on
// what follows in the code whether they matter; of those that matter by the analysis' own account, all have to be found.
#include "program.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace stillpoint::verify {
namespace {

struct outcome {
  unsigned made = 0;
  unsigned found = 0;
};

// Changes one claim at a time, where `change` says that there is something to change, and asks for a finding by `rule` at that very point.
outcome seed(const program &p, rule broken, const std::function<bool(function &, index)> &change) {
  constexpr std::size_t longest = 160; // instructions: each change is a whole check
  outcome all;
  for (const function &original : p.functions) {
    if (original.code.size() > longest)
      continue;
    function probe = original;
    const values flow(probe);
    for (index i = 0; i != original.code.size(); ++i) {
      if (original.code[i].op.does == what::nothing || !flow.reached(i))
        continue; // padding, and what stands behind calls that never return, is not checked
      function f = original;
      if (!change(f, i))
        continue;
      ++all.made;
      all.found += is_found(findings_of(std::move(f)), original.shown(original.code[i].address), broken);
    }
  }
  found_by_rule[static_cast<std::size_t>(broken)] += all.found;
  return all;
}

class seeded : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    program_ = std::make_unique<program>(GetParam());
    ASSERT_FALSE(program_->functions.empty()) << GetParam();
  }
  void expect_nothing() {
    for (const function &f : program_->functions)
      for (const finding &found : findings_of(f))
        ADD_FAILURE() << found.function << ": " << found.reason;
  }
  void all_found(rule broken, const std::function<bool(function &, index)> &change) {
    const outcome o = seed(*program_, broken, change);
    EXPECT_GT(o.made, 0U);
    EXPECT_EQ(o.found, o.made);
  }
  std::unique_ptr<program> program_;
};

TEST_P(seeded, nothing_is_found_in_what_was_compiled) { expect_nothing(); }

TEST_P(seeded, a_cfa_that_is_a_word_off) {
  all_found(rule::frame, [](function &f, index i) {
    f.code[i].says.frame.cfa_offset += 8;
    return f.code[i].says.frame.known;
  });
}

TEST_P(seeded, a_cfa_counted_from_the_other_register) {
  all_found(rule::frame, [](function &f, index i) {
    map::frame_rule &frame = f.code[i].says.frame;
    frame.cfa_is_rbp = !frame.cfa_is_rbp;
    return frame.known && frame.cfa_offset != 16; // where both registers are equal either will do
  });
}

TEST_P(seeded, a_saved_register_in_another_word) {
  all_found(rule::saved, [](function &f, index i) {
    map::frame_rule &frame = f.code[i].says.frame;
    for (unsigned n = 0; n != abi::saved_register_count; ++n)
      if ((frame.saved >> n & 1) != 0) {
        frame.slot[n] += 8 * abi::saved_register_count;
        return frame.known;
      }
    return false;
  });
}

TEST_P(seeded, two_saved_registers_exchanged) {
  const outcome o = seed(*program_, rule::saved, [](function &f, index i) {
    map::frame_rule &frame = f.code[i].says.frame;
    for (unsigned n = 0; n + 1 != abi::saved_register_count; ++n)
      if ((frame.saved >> n & 1) != 0 && (frame.saved >> (n + 1) & 1) != 0) {
        std::swap(frame.slot[n], frame.slot[n + 1]);
        return frame.known;
      }
    return false;
  });
  EXPECT_EQ(o.found, o.made);
}

TEST_P(seeded, a_register_that_is_said_to_be_saved_and_is_not) {
  all_found(rule::saved, [](function &f, index i) {
    map::frame_rule &frame = f.code[i].says.frame;
    for (unsigned n = 0; n != abi::saved_register_count; ++n)
      if ((frame.saved >> n & 1) == 0) {
        frame.saved |= 1U << n;
        frame.slot[n] = 8 * 50;
        return frame.known;
      }
    return false;
  });
}

TEST_P(seeded, a_reference_in_a_register_that_a_call_has_destroyed) {
  const outcome o = seed(*program_, rule::written, [](function &f, index i) {
    if (i == 0 || f.code[i - 1].op.does != what::call || f.code[i - 1].op.callee.empty() || is_write_barrier(f.code[i - 1].op))
      return false;
    f.code[i].says.registers |= bit(r11);
    return f.code[i].says.kind != abi::kind_unsafe && f.code[i].address == f.code[i - 1].end() && !f.code[i - 1].op.no_return;
  });
  EXPECT_GT(o.made, 0U);
  EXPECT_EQ(o.found, o.made);
}

TEST_P(seeded, a_live_vector_register_that_is_left_out) {
  const outcome o = seed(*program_, rule::vector, [](function &f, index i) {
    claim &c = f.code[i].says;
    const bool reads = f.code[i].op.reads.vector != 0 && c.kind != abi::kind_unsafe && c.vector_live;
    c.vector_live = false;
    return reads;
  });
  EXPECT_EQ(o.found, o.made);
}

TEST_P(seeded, a_reference_in_a_word_below_the_frame) {
  all_found(rule::written, [](function &f, index i) {
    claim &c = f.code[i].says;
    if (!c.scanned(f.is_call(i)) || !c.frame.known || f.code[i].op.indirect || is_write_barrier(f.code[i].op))
      return false;
    c.base = abi::base_cfa;
    c.slots.assign(1, -1000);
    return true;
  });
}

// Results of 32 bits are no references, but where another way brings more.
TEST_P(seeded, half_a_register_as_a_reference) {
  const outcome o = seed(*program_, rule::kind, [](function &f, index i) {
    if (i == 0 || f.code[i - 1].op.does != what::other || f.code[i].address != f.code[i - 1].end())
      return false;
    const operation &before = f.code[i - 1].op;
    claim &c = f.code[i].says;
    if (c.kind == abi::kind_unsafe || before.dest >= general_count || before.dest == rsp || before.dest_bytes == 0 ||
        before.dest_bytes >= 8)
      return false;
    c.registers |= bit(before.dest);
    return true;
  });
  EXPECT_GT(o.made, 0U);
  EXPECT_GE(o.found * 10, o.made * 9);
}

// A run that begins inside an instruction, and a frame that .eh_frame has otherwise. Not found are those that begin at the next instruction
// then, because the first is one byte, and frames that the table does not know.
TEST_P(seeded, a_table_that_does_not_fit_the_code) {
  unsigned made = 0, found = 0;
  for (const tools::fragment &original : program_->fragments())
    for (std::size_t n = 1; n < original.runs.size(); ++n) {
      tools::fragment moved = original, other = original;
      ++moved.runs[n].run.start;
      --moved.runs[n].run.length;
      ++moved.runs[n - 1].run.length;
      other.runs[n].at_start.frame.cfa_offset += 8;
      made += 2;
      found += !program_->structure_of(moved).empty();
      found += !program_->structure_of(other).empty();
    }
  found_by_rule[static_cast<std::size_t>(rule::structure)] += found;
  EXPECT_GT(found, 0U);
  EXPECT_GE(found * 10, made * 7);
}

// In what seeded_input.cpp has, every change of what matters by the analysis' own account has to be found, and some do matter.
class seeded_without_references : public seeded {};

TEST_P(seeded_without_references, nothing_is_found_in_what_was_compiled) { expect_nothing(); }

TEST_P(seeded_without_references, a_point_behind_a_prefix) {
  all_found(rule::restart, [](function &f, index i) {
    if (i == 0 || !f.code[i - 1].op.prefix)
      return false;
    claim &c = f.code[i].says;
    c.kind = c.kind == abi::kind_unsafe ? abi::kind_safe : abi::kind_unsafe;
    return true;
  });
}

TEST_P(seeded_without_references, a_point_that_is_not_pinned) {
  const outcome o = seed(*program_, rule::thread, [](function &f, index i) {
    claim &c = f.code[i].says;
    const bool pinned = c.kind == abi::kind_pinned;
    c.kind = abi::kind_safe;
    return pinned;
  });
  EXPECT_GT(o.made, 5U);
  EXPECT_EQ(o.found, o.made);
}

TEST_P(seeded_without_references, a_live_register_that_is_left_out) {
  for (unsigned r = 0; r != general_count; ++r) {
    if (r == rsp)
      continue;
    const outcome o = seed(*program_, rule::live, [&](function &f, index i) {
      claim &c = f.code[i].says;
      const bool reads = c.has_live_set && c.kind != abi::kind_unsafe && (f.code[i].op.reads.general & c.live.general & bit(r)) != 0;
      c.live.general &= ~std::uint64_t{bit(r)};
      return reads;
    });
    EXPECT_EQ(o.found, o.made) << r;
  }
}

TEST_P(seeded_without_references, live_flags_that_are_left_out) {
  all_found(rule::live, [](function &f, index i) {
    claim &c = f.code[i].says;
    const bool reads = c.has_live_set && c.kind != abi::kind_unsafe && f.code[i].op.reads.flags;
    c.live.general &= ~(std::uint64_t{1} << abi::live_flags_bit);
    return reads;
  });
}

TEST_P(seeded_without_references, a_live_vector_register_that_is_left_out_of_the_set) {
  all_found(rule::live, [](function &f, index i) {
    claim &c = f.code[i].says;
    const bool reads = c.has_live_set && c.kind != abi::kind_unsafe && f.code[i].op.reads.vector != 0;
    c.live.vector = 0;
    return reads;
  });
}

// Behind all others.
class every_rule : public testing::Environment {
public:
  void TearDown() override {
    if (testing::UnitTest::GetInstance()->test_to_run_count() != testing::UnitTest::GetInstance()->total_test_count())
      return; // some were left out by a filter
    for (std::size_t r = 0; r != rule_count; ++r)
      EXPECT_NE(found_by_rule[r], 0U) << "no seeded fault is found by the rule " << rule_text(static_cast<rule>(r));
  }
};
[[maybe_unused]] const testing::Environment *const all_rules = testing::AddGlobalTestEnvironment(new every_rule);

} // namespace

INSTANTIATE_TEST_SUITE_P(verify, seeded, testing::Values(STILLPOINT_SEEDED_FILES));
INSTANTIATE_TEST_SUITE_P(verify, seeded_without_references, testing::Values(STILLPOINT_SEEDED_INPUT));

} // namespace stillpoint::verify
