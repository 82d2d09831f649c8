// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See scan.h.
//
// A frame at a call is looked up at its return address - 1: the state of the call. In it only callee-saved registers and slots count, and its
// registers are where its callees saved them, or where async_preempt or the runtime's entry did. The interrupted frame has all registers.
#include "runtime/scan/scan.h"

#include "runtime/fatal.h"
#include "runtime/scan/foreign.h"
#include "runtime/scan/frame.h"
#include "runtime/sched/task_name.h"

#include <string_view>

namespace stillpoint::rt::scan {
namespace {

constexpr std::uintptr_t word = sizeof(std::uintptr_t);

bool is_foreign_call(std::uintptr_t pc) noexcept {
  map::point point;
  const map::reader_scope reading(this_worker());
  return pc != arch::task_base() && map::lookup(pc - 1, point) == map::status::not_managed;
}

class walk {
public:
  walk(const task &t, root_visitor visit, void *context, frame_counts &counts) noexcept
      : task_(t), visit_(visit), context_(context), counts_(counts), cache_(frame_cache::of_this_thread()) {
    if (cache_ != nullptr)
      cache_->refresh();
  }

  void run() noexcept {
    if (task_.async_stopped && task_.interrupted != 0) {
      places_ = arch::interrupted_places(task_.interrupted);
      interrupted_frame();
    } else {
      places_ = arch::caller_places(task_.caller);
      if (places_.pc == 0)
        give_up("it left managed code at an unknown place");
    }
    callers();
  }

private:
  [[noreturn, gnu::noinline]] void give_up(std::string_view why) const noexcept {
    message m;
    m << "cannot find the references in the stack of task '" << task_name(task_).view() << "' (#" << task_.id << ") at pc ";
    fatal(m.hex(places_.pc) << ": " << why);
  }

  void visit(std::uintptr_t address) const noexcept {
    if (address % word != 0 || address < task_.stack_low || address > task_.stack_high - word)
      give_up("a slot lies outside of the stack");
    visit_(context_, reinterpret_cast<std::uintptr_t *>(address));
  }
  void visit_register(unsigned number) const noexcept {
    if (places_.at[number] == nullptr)
      give_up("the value of a register that holds a reference is lost");
    visit_(context_, places_.at[number]);
  }

  std::uintptr_t value_of(unsigned number) const noexcept {
    if (places_.at[number] == nullptr)
      give_up("the value of a register that the frame is found by is lost");
    return *places_.at[number];
  }
  // The CFA of the frame that `places_` stand in.
  std::uintptr_t cfa_of(bool is_rbp, std::uint64_t offset) const noexcept {
    const std::uintptr_t origin = is_rbp ? value_of(arch::register_rbp) : places_.sp;
    if (origin < places_.sp || origin % word != 0 || origin > task_.stack_high || offset > task_.stack_high - origin || offset < word)
      give_up("a frame does not lie in the stack");
    return origin + offset;
  }
  std::uintptr_t base_of(abi::slot_base base, std::uintptr_t cfa) const noexcept {
    switch (base) {
    case abi::base_stack_pointer:
      return places_.sp;
    case abi::base_rbx:
      return value_of(arch::register_rbx);
    case abi::base_cfa:
      break;
    }
    return cfa;
  }
  void leave_frame(std::uintptr_t cfa) noexcept {
    places_.pc = arch::true_return(*reinterpret_cast<const std::uintptr_t *>(cfa - word));
    places_.sp = cfa;
  }
  void saved_at(unsigned saved_register, std::uintptr_t address) noexcept {
    if (address < task_.stack_low)
      give_up("a saved register lies outside of the stack");
    places_.at[arch::saved_register_number[saved_register]] = reinterpret_cast<std::uintptr_t *>(address);
  }

  // From a decoded point; of its registers those in `mask`.
  void slow_frame(const map::point &point, std::uint16_t mask) noexcept {
    for (unsigned number = 0; number < arch::general_register_count; ++number)
      if ((point.refs.registers & mask) >> number & 1)
        visit_register(number);
    const std::uintptr_t cfa = cfa_of(point.frame.cfa_is_rbp, point.frame.cfa_offset);
    const std::uintptr_t base = base_of(point.refs.base, cfa);
    map::each_slot(point.refs, [&](std::int64_t at) { visit(base + static_cast<std::uintptr_t>(at) * word); });
    map::each_stack_root(point.refs, [&](std::int64_t at, std::uint64_t count) {
      for (std::uint64_t i = 0; i < count; ++i)
        visit(base + (static_cast<std::uintptr_t>(at) + i) * word);
    });
    for (unsigned r = 0; r < abi::saved_register_count; ++r)
      if ((point.frame.saved >> r & 1) != 0)
        saved_at(r, cfa - point.frame.slot[r]);
    leave_frame(cfa);
  }

  void interrupted_frame() noexcept {
    const map::reader_scope reading(this_worker());
    map::point point;
    if (map::lookup(places_.pc, point) != map::status::ok || point.kind == abi::kind_unsafe || !point.frame.known)
      give_up("it was stopped at a point that is not safe");
    slow_frame(point, UINT16_MAX);
    for (const unsigned lost : {0u, 1u, 2u, 6u, 7u, 8u, 9u, 10u, 11u}) // not the callers' any more
      places_.at[lost] = nullptr;
    ++counts_.managed;
  }

  void fast_frame(const frame &f) noexcept {
    const std::uintptr_t cfa = cfa_of(f.cfa_is_rbp, f.cfa_offset);
    for (unsigned left = f.references; left != 0; left &= left - 1)
      visit_register(arch::saved_register_number[__builtin_ctz(left)]);
    if (f.word_count != 0) {
      const std::uintptr_t base = base_of(static_cast<abi::slot_base>(f.base), cfa);
      for (unsigned i = 0; i < f.word_count; ++i)
        visit(base + static_cast<std::uintptr_t>(std::int64_t{f.words[i]}) * word);
    }
    for (unsigned left = f.saved; left != 0; left &= left - 1) {
      const auto r = static_cast<unsigned>(__builtin_ctz(left));
      saved_at(r, cfa - f.saved_words[r] * word);
    }
    leave_frame(cfa);
  }

  // The frame of a call that is not in the cache.
  [[gnu::noinline]] void new_frame(frame &f) noexcept {
    constexpr std::uint16_t callee_saved = 1u << 3 | 1u << 5 | 0xf000;
    map::point point;
    decoded result = decoded::ok;
    {
      const map::reader_scope reading(this_worker());
      result = decode(places_.pc, f, point);
      if (result == decoded::too_large)
        slow_frame(point, callee_saved);
    }
    if (result == decoded::unusable)
      give_up("its tables say that nobody may look from there");
    if (result == decoded::foreign)
      return foreign_frames();
    if (result == decoded::ok)
      fast_frame(f);
    ++counts_.managed;
  }

  void foreign_frames() noexcept {
    if (!step_foreign(places_, is_foreign_call, counts_.foreign))
      give_up("foreign code without unwind tables, or without libunwind.so.8 to read them");
    if (places_.sp > task_.stack_high)
      give_up("a foreign frame does not lie in the stack");
  }

  void callers() noexcept {
    frame own;
    while (places_.pc != arch::task_base()) {
      frame &f = cache_ != nullptr ? cache_->at(places_.pc) : own;
      if (f.pc != places_.pc) [[unlikely]] {
        new_frame(f);
      } else {
        fast_frame(f);
        ++counts_.managed;
      }
    }
  }

  const task &task_;
  root_visitor visit_;
  void *context_;
  frame_counts &counts_;
  frame_cache *cache_;
  arch::register_places places_;
};

// Its stack has no frames yet; what its closure holds is found by whoever keeps it (gc::detail::allocate_rooted).
bool never_started(const task &t) noexcept { return t.last_worker == nullptr; }

} // namespace

void roots(const task &t, root_visitor visit, void *context, frame_counts &counts) noexcept {
  if (!never_started(t))
    walk(t, visit, context, counts).run();
}

} // namespace stillpoint::rt::scan
