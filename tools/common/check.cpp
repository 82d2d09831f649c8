// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// --check: the compiler's tables against the code that came out.
//
// Problem: the tables are written from labels in the compiler's own order of things; nothing else tells whether they describe the code.
//
// Mechanism: every fragment is disassembled, and these have to hold:
//   1. it lies in one executable section, and is as long as its symbol says;
//   2. all its bytes are instructions, and its end is an instruction's end;
//   3. every run begins where an instruction begins;
//   4. standard prologues and epilogues consist of the very bytes that the format says they do;
//   5. where the unwinder's tables (.eh_frame) describe the same function, every known frame is the one that they describe;
//   6. unchecked copies are copies (copies.h).
#include "copies.h"
#include "unwind.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <set>

namespace stillpoint::tools {

using namespace llvm;

namespace {

constexpr std::size_t most_lines = 20; // for each fragment

// The bytes of PUSH and POP of the saved registers, in saved_register order, and of MOV RBP, RSP in both encodings.
constexpr std::uint8_t push_bytes[][2] = {{0x55, 0}, {0x41, 0x57}, {0x41, 0x56}, {0x41, 0x55}, {0x41, 0x54}, {0x53, 0}};
constexpr std::uint8_t pop_bytes[][2] = {{0x5d, 0}, {0x41, 0x5f}, {0x41, 0x5e}, {0x41, 0x5d}, {0x41, 0x5c}, {0x5b, 0}};
constexpr std::uint8_t frame_pointer_setup[][3] = {{0x48, 0x89, 0xe5}, {0x48, 0x8b, 0xec}};

class fragment_check {
public:
  fragment_check(const fragment &checked, disassembler &with, const unwind_info &cfi, ArrayRef<stretch> copies,
                 std::vector<std::string> &into)
      : f_(checked), d_(with), unwind_(cfi), copies_(copies), problems_(into) {}
  void run();

private:
  template <typename... Args>
  void problem(const char *format, Args &&...args);
  void check_place();
  void check_boundaries();
  void check_standard_sequence(const state_run &r);
  void check_frames();
  bool is_padding(std::uint64_t address);
  bool ends_in_traps() const;
  ArrayRef<std::uint8_t> bytes_at(std::uint64_t address, std::uint64_t size) const;
  bool matches(std::uint64_t &at, ArrayRef<std::uint8_t> expected) const;

  const fragment &f_;
  disassembler &d_;
  const unwind_info &unwind_;
  ArrayRef<stretch> copies_;
  std::vector<std::string> &problems_;
  std::size_t told_ = 0;
  std::set<std::uint64_t> starts_; // of instructions
};

template <typename... Args>
void fragment_check::problem(const char *format, Args &&...args) {
  if (++told_ > most_lines)
    return;
  const std::string name = f_.demangled.empty() ? formatv("{0:x}", f_.shown(f_.start())).str() : f_.demangled;
  problems_.push_back(
      formatv("{0}: {1} (record {2}): {3}", f_.file->name, name, f_.record, formatv(format, std::forward<Args>(args)...).str()));
}

void fragment_check::run() {
  if (f_.start() == f_.end)
    return; // a function without instructions
  check_place();
  if (f_.code == nullptr)
    return;
  check_boundaries();
  for (const state_run &r : f_.runs)
    if (r.run.code == abi::state_prologue || r.run.code == abi::state_epilogue)
      check_standard_sequence(r);
  check_frames();
  for (const copy_problem &p : check_copies(f_, copies_, d_))
    problem("{0}", p.what);
}

// Whether the function goes on behind its table with INT3 only, which -mharden-sls puts behind the last instruction. Nobody executes them.
bool fragment_check::ends_in_traps() const {
  const std::uint64_t covered = f_.end - f_.start();
  if (f_.symbol_size < covered)
    return false;
  const ArrayRef<std::uint8_t> behind = f_.code->contents.drop_front(f_.end - f_.code->address);
  const std::uint64_t rest = f_.symbol_size - covered;
  return behind.size() >= rest && llvm::all_of(behind.take_front(rest), [](std::uint8_t b) { return b == 0xcc; });
}

// 1.
void fragment_check::check_place() {
  if (f_.code == nullptr)
    problem("the code from {0:x} to {1:x} is not inside one executable section", f_.start(), f_.end);
  else if (f_.symbol_size != 0 && f_.symbol_size != f_.end - f_.start() && !ends_in_traps())
    problem("the table covers {0} bytes, the function has {1}", f_.end - f_.start(), f_.symbol_size);
}

// 2. and 3.
void fragment_check::check_boundaries() {
  std::uint64_t end = f_.start();
  each_instruction(f_, d_, /*with_text=*/false, [&](const instruction &i) {
    starts_.insert(i.address);
    end = i.address + i.code.size;
    if (!i.code.ok)
      problem("the byte at {0:x} is not an instruction", f_.shown(i.address));
  });
  if (end != f_.end)
    problem("its end {0:x} is inside an instruction that ends at {1:x}", f_.shown(f_.end), f_.shown(end));
  starts_.insert(f_.end);
  for (const state_run &r : f_.runs)
    if (!starts_.contains(r.run.start))
      problem("the run that begins at {0:x} does not begin at an instruction", f_.shown(r.run.start));
}

ArrayRef<std::uint8_t> fragment_check::bytes_at(std::uint64_t address, std::uint64_t size) const {
  const std::uint64_t available = std::min(size, f_.end - address);
  return f_.code->contents.slice(address - f_.code->address, available);
}

bool fragment_check::matches(std::uint64_t &at, ArrayRef<std::uint8_t> expected) const {
  const bool same = bytes_at(at, expected.size()) == expected;
  at += expected.size();
  return same;
}

// 4.
void fragment_check::check_standard_sequence(const state_run &r) {
  const bool prologue = r.run.code == abi::state_prologue;
  const std::uint64_t run_end = r.run.start + r.run.length;
  std::uint64_t pops = 0;
  for (unsigned reg = 0; reg != abi::saved_register_count; ++reg)
    pops += (f_.header.saved >> reg & 1) != 0 ? abi::saved_register_push_size(reg) : 0;
  std::uint64_t at = prologue ? r.run.start : run_end - pops;
  bool good = true;
  for (unsigned n = 0; n != abi::saved_register_count; ++n) {
    const unsigned reg = prologue ? n : abi::saved_register_count - 1 - n;
    if ((f_.header.saved >> reg & 1) == 0)
      continue;
    good = matches(at, ArrayRef<std::uint8_t>(prologue ? push_bytes[reg] : pop_bytes[reg], abi::saved_register_push_size(reg))) && good;
    if (!prologue || reg != abi::saved_rbp || !f_.header.cfa_is_rbp)
      continue;
    std::uint64_t again = at;
    good = (matches(at, frame_pointer_setup[0]) || matches(again, frame_pointer_setup[1])) && good;
  }
  // What is left is one instruction: no other begins inside it.
  const std::uint64_t rest_begin = prologue ? at : r.run.start;
  const std::uint64_t rest_end = prologue ? run_end : run_end - pops;
  const auto inside = starts_.upper_bound(rest_begin);
  good = good && (rest_begin >= rest_end || inside == starts_.end() || *inside >= rest_end);
  if (!good)
    problem("the {0} at {1:x} is not the standard one", prologue ? "prologue" : "epilogue", f_.shown(r.run.start));
}

// What aligns the next block, behind a return or a jump: nobody gets there, and .eh_frame still describes the block before.
bool fragment_check::is_padding(std::uint64_t address) {
  const std::string text = d_.decode(f_.code->contents.drop_front(address - f_.code->address), address, /*with_text=*/true).text;
  return StringRef(text).contains("nop") || text == "xchgw %ax, %ax" || text == "int3";
}

// 5.
void fragment_check::check_frames() {
  each_instruction(f_, d_, /*with_text=*/false, [&](const instruction &i) {
    const bool whole = i.state.code == abi::state_safe || i.state.code == abi::state_safe_vector;
    if (i.state.frame.known)
      if (const std::string difference = unwind_.difference(i.address, i.state.frame, whole); !difference.empty())
        if (!is_padding(i.address))
          problem("at {0:x} {1}", f_.shown(i.address), difference);
  });
}

} // namespace

std::vector<std::string> check(ArrayRef<fragment> fragments, disassembler &d) {
  std::vector<std::string> problems;
  if (fragments.empty())
    return problems;
  const unwind_info unwind(fragments.front().file->eh_frame);
  Expected<std::vector<stretch>> copies = read_copies(*fragments.front().file);
  if (!copies)
    return {toString(copies.takeError())};
  for (const fragment &f : fragments)
    fragment_check(f, d, unwind, *copies, problems).run();
  return problems;
}

} // namespace stillpoint::tools
