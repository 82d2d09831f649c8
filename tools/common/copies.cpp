// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See copies.h.
#include "copies.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FormatVariadic.h"

#include <cstddef>
#include <map>

namespace stillpoint::tools {

using namespace llvm;

namespace {

// Jumps and checks in a row; more of them would be a loop.
constexpr unsigned most_steps = 64;

class copies_check {
public:
  copies_check(const fragment &checked, ArrayRef<stretch> all, disassembler &d);
  std::vector<copy_problem> run();

private:
  using place = std::optional<std::uint64_t>;
  void problem(std::uint64_t address, const Twine &what) {
    problems_.push_back({address, formatv("the unchecked copy at {0:x}: {1}", f_.shown(address), what.str())});
  }
  [[nodiscard]] const instruction *at(std::uint64_t address) const {
    const auto found = code_.find(address);
    return found == code_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] std::uint64_t target(const instruction &i) const { return *i.code.target + (f_.code != nullptr ? f_.code->bias : 0); }
  [[nodiscard]] place leads_to(const instruction &i) const;
  [[nodiscard]] static std::uint64_t end(const instruction &i) { return i.address + i.code.size; }
  [[nodiscard]] static StringRef mnemonic(const instruction &i) { return StringRef(i.code.text).split(' ').first; }
  [[nodiscard]] static bool is_jump(const instruction &i) { return mnemonic(i) == "jmp" && i.code.target; }
  [[nodiscard]] static bool is_conditional(const instruction &i) {
    return i.code.target && mnemonic(i).starts_with("j") && mnemonic(i) != "jmp";
  }
  [[nodiscard]] static bool is_padding(const instruction &i) {
    return mnemonic(i).contains("nop") || i.code.text == "xchgw %ax, %ax" || i.code.text == "int3";
  }
  [[nodiscard]] place counterpart(std::uint64_t address) const;
  [[nodiscard]] std::uint64_t follow(std::uint64_t address, bool through_checks) const;
  [[nodiscard]] bool same_place(std::uint64_t unchecked, std::uint64_t checked) const;
  [[nodiscard]] bool reads_marking_flag(const instruction &i) const;
  [[nodiscard]] bool same_data(const instruction &a, const instruction &b) const;
  [[nodiscard]] bool same_instruction(const instruction &a, const instruction &b) const;
  [[nodiscard]] ArrayRef<fixup> fixups_of(const instruction &i) const;
  void check_instruction(const instruction &i);
  [[nodiscard]] bool follows_jump(const instruction &padding) const;
  [[nodiscard]] bool ends_check(const instruction &i) const;
  void check_entries();

  const fragment &f_;
  std::vector<const stretch *> stretches_;
  std::map<std::uint64_t, instruction> code_;
  std::vector<copy_problem> problems_;
};

copies_check::copies_check(const fragment &checked, ArrayRef<stretch> all, disassembler &d) : f_(checked) {
  const auto *const first = llvm::partition_point(all, [&](const stretch &s) { return s.front().start < f_.start(); });
  for (const stretch &s : ArrayRef<stretch>(first, all.end()))
    if (s.front().start < f_.end)
      stretches_.push_back(&s);
  if (!stretches_.empty())
    each_instruction(f_, d, /*with_text=*/true, [&](const instruction &i) { code_[i.address] = i; });
}

copies_check::place copies_check::counterpart(std::uint64_t address) const {
  for (const stretch *s : stretches_)
    for (const map::copy_piece &p : *s)
      if (address - p.start < p.length)
        return p.counterpart + (p.fixed ? 0 : address - p.start);
  return std::nullopt;
}

ArrayRef<fixup> copies_check::fixups_of(const instruction &i) const {
  const std::vector<fixup> &all = f_.file->fixups;
  const auto first = llvm::partition_point(all, [&](const fixup &x) { return x.address < i.address; });
  const auto last = std::find_if(first, all.end(), [&](const fixup &x) { return x.address >= end(i); });
  return {all.data() + (first - all.begin()), static_cast<std::size_t>(last - first)};
}

// Where a call, jump or branch goes: what stands in the code of one that the linker completes is not it.
copies_check::place copies_check::leads_to(const instruction &i) const {
  if (!i.code.target)
    return std::nullopt;
  const ArrayRef<fixup> fixups = fixups_of(i);
  return fixups.empty() ? place(target(i)) : fixups.front().value;
}

bool copies_check::reads_marking_flag(const instruction &i) const {
  if (!StringRef(i.code.text).starts_with("cmpb $0x0, ") || !StringRef(i.code.text).ends_with("(%rip)"))
    return false;
  const ArrayRef<fixup> fixups = fixups_of(i);
  place flag = i.code.data;
  if (f_.file->relocatable)
    flag = fixups.empty() || !fixups.front().value ? std::nullopt : place(*fixups.front().value + end(i) - fixups.front().address - 4);
  const section *in = flag ? f_.file->data_at(*flag) : nullptr;
  return in != nullptr && in->name == STILLPOINT_MARKING_SECTION;
}

// Where code goes on from there without doing anything but jump.
std::uint64_t copies_check::follow(std::uint64_t address, bool through_checks) const {
  for (unsigned n = 0; n != most_steps; ++n) {
    const instruction *const i = at(address);
    if (i == nullptr)
      return address;
    if (is_jump(*i)) {
      address = target(*i);
    } else if (is_padding(*i)) {
      address = end(*i);
    } else if (through_checks && reads_marking_flag(*i)) {
      const instruction *const branch = at(end(*i));
      if (branch == nullptr || !is_conditional(*branch))
        return address;
      if (mnemonic(*branch) == "je")
        address = target(*branch);
      else if (mnemonic(*branch) == "jne")
        address = end(*branch);
      else
        return address;
    } else {
      return address;
    }
  }
  return 0;
}

bool copies_check::same_place(std::uint64_t unchecked, std::uint64_t checked) const {
  const std::uint64_t from = follow(unchecked, /*through_checks=*/false);
  const std::uint64_t to = follow(checked, /*through_checks=*/true);
  const place other = counterpart(from);
  return to != 0 && follow(other.value_or(from), /*through_checks=*/true) == to;
}

bool copies_check::same_data(const instruction &a, const instruction &b) const {
  const ArrayRef<fixup> x = fixups_of(a);
  const ArrayRef<fixup> y = fixups_of(b);
  if (x.empty() && y.empty())
    return a.code.data == b.code.data;
  return llvm::equal(x, y, [&](const fixup &m, const fixup &n) {
    return m.address - a.address == n.address - b.address && m.type == n.type && m.target == n.target;
  });
}

bool copies_check::same_instruction(const instruction &a, const instruction &b) const {
  if (is_conditional(a) || is_conditional(b))
    return mnemonic(a) == mnemonic(b) && same_place(target(a), target(b));
  const auto without_distance = [](StringRef text) {
    const std::size_t open = text.find("(%rip)");
    if (open == StringRef::npos)
      return text.str();
    const std::size_t begin = text.take_front(open).find_last_of(" ,") + 1;
    return (text.take_front(begin) + text.drop_front(open)).str();
  };
  return a.code.size == b.code.size && without_distance(a.code.text) == without_distance(b.code.text) && same_data(a, b);
}

void copies_check::check_instruction(const instruction &i) {
  const place where = counterpart(i.address);
  const instruction *const other = where ? at(*where) : nullptr;
  if (is_padding(i) && follows_jump(i))
    return; // nobody gets there
  if (other == nullptr)
    return problem(i.address, "its counterpart is no instruction of the same function");
  if (is_jump(i) || is_padding(i)) {
    if (!same_place(i.address, *where))
      problem(i.address, "it goes on elsewhere than its counterpart");
    return;
  }
  if (mnemonic(i).starts_with("call") || mnemonic(i).starts_with("ret") || mnemonic(i).starts_with("jmp"))
    return problem(i.address, "it holds '" + i.code.text + "'");
  if (!same_instruction(i, *other))
    return problem(i.address, "'" + Twine(i.code.text) + "' is not its counterpart's '" + other->code.text + "'");
  if (!same_state(i.state, other->state) || i.state.kind != other->state.kind)
    return problem(i.address, "its state is not its counterpart's");
  if (!same_place(end(i), end(*other)))
    problem(i.address, "behind it the copies go on in different places");
}

// Whether in front of the padding stands a jump.
bool copies_check::follows_jump(const instruction &padding) const {
  auto here = code_.find(padding.address);
  while (here != code_.begin() && is_padding(here->second))
    --here;
  return mnemonic(here->second).starts_with("jmp");
}

// Whether the instruction is the branch of a check that goes on behind itself if the flag is clear.
bool copies_check::ends_check(const instruction &i) const {
  const auto here = code_.find(i.address);
  return mnemonic(i) == "jne" && here != code_.begin() && reads_marking_flag(std::prev(here)->second);
}

// 5. Behind a check: padding, and at most a jump, to where the unchecked copy begins.
void copies_check::check_entries() {
  const auto enters = [this](std::uint64_t place) { return counterpart(follow(place, /*through_checks=*/false)).has_value(); };
  const instruction *before = nullptr;
  bool tested = false; // by a check that leads to here alone
  for (const auto &[address, i] : code_) {
    const bool falls = before != nullptr && !mnemonic(*before).starts_with("call") && !is_jump(*before) &&
                       !mnemonic(*before).starts_with("jmp") && !mnemonic(*before).starts_with("ret");
    const bool was_inside = before != nullptr && counterpart(before->address).has_value();
    const bool inside = counterpart(address).has_value();
    if (inside && !was_inside && falls && !tested)
      problem(address, "it is entered without a check");
    const place to = leads_to(i);
    if (!inside && to && !(tested && is_jump(i)) && counterpart(*to))
      problem(*to, formatv("it is entered from {0:x} without a check", f_.shown(address)).str());
    const bool passes = ends_check(i) && enters(end(i));
    tested = !inside && (passes || (tested && is_padding(i)) || (tested && is_jump(i)));
    if (tested && i.state.kind != abi::kind_unsafe)
      problem(address, "a stop is allowed between the check and the first instruction");
    tested = tested && !is_jump(i);
    if (!is_padding(i)) // behind a jump nobody gets there
      before = &i;
  }
}

std::vector<copy_problem> copies_check::run() {
  if (stretches_.empty())
    return {};
  for (const auto &[address, i] : code_)
    if (counterpart(address))
      check_instruction(i);
  check_entries();
  return std::move(problems_);
}

} // namespace

map::bytes_at copies_of(const map::bytes_at &maps, ArrayRef<section> sections) {
  for (const section &s : sections) {
    if (s.contents.size() < sizeof(abi::copy_record))
      continue;
    constexpr std::uint64_t field = offsetof(abi::copy_record, pieces);
    const auto distance = static_cast<std::int32_t>(support::endian::read32le(s.contents.data() + field));
    const std::uint64_t list = s.address + field + static_cast<std::uint64_t>(std::int64_t{distance});
    if (list - maps.address < maps.size)
      return {s.contents.data(), s.contents.size() / sizeof(abi::copy_record) * sizeof(abi::copy_record), s.address};
  }
  return {};
}

Expected<std::vector<stretch>> read_copies(const image &file) {
  std::vector<stretch> all;
  for (const table &t : file.tables)
    for (std::size_t n = 0; n != t.view.copies.size / sizeof(abi::copy_record); ++n) {
      stretch &s = all.emplace_back();
      const map::piece_visitor add = [](void *into, const map::copy_piece &p) {
        static_cast<stretch *>(into)->push_back(p);
        return true;
      };
      if (map::visit_copy(t.view, n, add, &s) != map::status::ok)
        return createStringError(inconvertibleErrorCode(),
                                 formatv("{0}: corrupt table: record {1} of an unchecked copy", file.name, n).str());
    }
  llvm::sort(all, [](const stretch &a, const stretch &b) { return a.front().start < b.front().start; });
  return all;
}

std::vector<copy_problem> check_copies(const fragment &f, ArrayRef<stretch> all, disassembler &d) { return copies_check(f, all, d).run(); }

} // namespace stillpoint::tools
