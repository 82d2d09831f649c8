// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// References that are left out of the tables of compiled programs: each register and slot at each point, one at a time, at this point
// only and from there on until it is written again. Most are faults, some are not. stillpoint-verify has to find the faults; followed.h
// tells them from the others, by nothing that stillpoint-verify does: the value is listed elsewhere at the same point, or it is not wanted
// again, or it is null. What is neither found nor explained by one of these is a failure.
//
// One kind of fault cannot be found, and is counted: if no other point of the table lists the value, and it is only loaded from memory and
// dereferenced, or stored to the stack, nothing says that it is a reference (what is loaded anew from a stack object is a value of its own).
// It stays below a share.
#include "followed.h"
#include "program.h"

#include <gtest/gtest.h>

#include <iostream>

namespace stillpoint::verify {
namespace {

constexpr std::size_t longest = 160; // instructions: each change is a whole check

struct seed {
  index at;
  spot what;
};

struct tally {
  unsigned made = 0, found = 0, wanted = 0, elsewhere = 0, unwanted = 0, constant = 0, unnamed = 0, unexplained = 0;
};

void take_out(claim &c, const spot &s) {
  if (s.register_number != no_register)
    c.registers &= static_cast<std::uint16_t>(~bit(s.register_number));
  else
    std::erase(c.slots, s.word);
}

std::vector<seed> seeds_of(const function &f, const values &flow) {
  std::vector<seed> all;
  for (index i = 0; i != f.code.size(); ++i) {
    const claim &c = f.code[i].says;
    if (f.code[i].op.does == what::nothing || !flow.reached(i) || !c.scanned(f.is_call(i)) || is_write_barrier(f.code[i].op))
      continue;
    const std::uint32_t registers = c.kind == abi::kind_unsafe ? c.registers & callee_saved : c.registers;
    for (unsigned r = 0; r != general_count; ++r)
      if ((registers >> r & 1) != 0)
        all.push_back({i, {.register_number = r}});
    for (const std::int64_t word : c.slots)
      all.push_back({i, {.word = word}});
  }
  return all;
}

// One function and what is true of it.
class experiment {
public:
  experiment(const function &original, tally &into) : original_(original), probe_(original), flow_(probe_), tally_(into) {
    build_blocks(probe_);
    truth_.emplace(probe_, /*through_memory=*/true);
    copies_.emplace(probe_, /*through_memory=*/false);
  }
  [[nodiscard]] bool complete() const { return truth_->complete() && copies_->complete(); }
  void run(bool from_there_on) {
    for (const seed &s : seeds_of(probe_, flow_))
      leave_out(s, from_there_on ? truth_->until_written(s.at, s.what) : std::vector<index>{s.at});
  }

private:
  // The same place in another point's table, if it is listed there.
  [[nodiscard]] std::optional<spot> same(const seed &s, index i) const {
    const claim &c = probe_.code[i].says;
    if (s.what.register_number != no_register)
      return (c.registers >> s.what.register_number & 1) != 0 ? std::optional(s.what) : std::nullopt;
    const std::optional<place> p = truth_->word_place(s.at, probe_.code[s.at].says, s.what.word);
    for (const std::int64_t word : c.slots)
      if (truth_->word_place(i, c, word) == p)
        return spot{.word = word};
    return std::nullopt;
  }

  void leave_out(const seed &s, const std::vector<index> &points) {
    function f = original_;
    fate worst = fate::constant;
    for (const index i : points)
      if (const std::optional<spot> here = same(s, i)) {
        take_out(f.code[i].says, *here);
        if (f.code[i].says.scanned(f.is_call(i)) && f.code[i].op.does != what::nothing)
          worst = std::min(worst, truth_->of(i, *here, f.code[i].says));
      }
    std::vector<claim> instead;
    for (const instruction &i : f.code)
      instead.push_back(i.says);
    const std::vector<finding> findings = findings_of(std::move(f));
    const bool found =
        llvm::any_of(points, [&](index i) { return is_found(findings, original_.shown(original_.code[i].address), rule::missing); });
    count(s, found, worst, instead);
  }

  void count(const seed &s, bool found, fate worst, const std::vector<claim> &instead) {
    ++tally_.made;
    tally_.wanted += worst == fate::wanted;
    if (found) {
      ++tally_.found;
    } else if (worst != fate::wanted) {
      ++(worst == fate::elsewhere ? tally_.elsewhere : worst == fate::unwanted ? tally_.unwanted : tally_.constant);
    } else if (!copies_->named_elsewhere(s.at, s.what, instead)) {
      ++tally_.unnamed;
    } else {
      ++tally_.unexplained;
      ADD_FAILURE() << original_.name << ": left out at " << std::hex << original_.shown(original_.code[s.at].address) << std::dec
                    << (s.what.register_number != no_register ? ": register " : ": word ")
                    << (s.what.register_number != no_register ? std::int64_t{s.what.register_number} : s.what.word)
                    << " is wanted, listed nowhere else there, and not found";
    }
  }

  const function &original_;
  function probe_;
  values flow_;
  std::optional<followed> truth_, copies_;
  tally &tally_;
};

class left_out : public testing::TestWithParam<const char *> {
protected:
  static void run(bool from_there_on) {
    const program p(GetParam());
    ASSERT_FALSE(p.functions.empty()) << GetParam();
    tally t;
    for (const function &f : p.functions)
      if (f.code.size() <= longest) {
        experiment e(f, t);
        ASSERT_TRUE(e.complete()) << f.name;
        e.run(from_there_on);
      }
    std::cout << t.made << " left out: " << t.found << " found, " << t.elsewhere << " copies listed elsewhere, " << t.unwanted
              << " not wanted again, " << t.constant << " null, " << t.unnamed << " that nothing else names, " << t.unexplained
              << " unexplained; " << t.wanted << " were wanted\n";
    found_by_rule[static_cast<std::size_t>(rule::missing)] += t.found;
    EXPECT_GT(t.wanted, t.made / 10);
    EXPECT_LE(t.unnamed * 60, t.made);
  }
};

TEST_P(left_out, at_one_point) { run(false); }
TEST_P(left_out, from_a_point_on) { run(true); }

} // namespace

INSTANTIATE_TEST_SUITE_P(verify, left_out, testing::Values(STILLPOINT_SEEDED_FILES));

} // namespace stillpoint::verify
