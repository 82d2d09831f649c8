// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See return_trap.h.
#include "runtime/preempt/return_trap.h"

#include "runtime/config.h"
#include "runtime/fatal.h"
#include "runtime/preempt/internal.h"
#include "runtime/preempt/safe_point.h"
#include "runtime/sched/lock.h"

#include <algorithm>
#include <cerrno>
#include <dlfcn.h>
#include <iterator>

namespace stillpoint::rt::preempt {
namespace {

constexpr unsigned most_frames = 1000;

// They ask who called them, or keep their return address for a second return.
constexpr const char *curious_names[] = {"dlopen",
                                         "dlmopen",
                                         "dlsym",
                                         "dlvsym",
                                         "dlinfo",
                                         "dl_iterate_phdr",
                                         "vfork",
                                         "setjmp",
                                         "_setjmp",
                                         "__sigsetjmp",
                                         "sigsetjmp",
                                         "getcontext",
                                         "setcontext",
                                         "swapcontext",
                                         "mcount",
                                         "__fentry__",
                                         "_dl_mcount_wrapper"};
// Their walks see the same frames from beginning to end.
constexpr const char *unwinding_names[] = {"_Unwind_RaiseException", "_Unwind_ForcedUnwind", "_Unwind_Resume", "_Unwind_Resume_or_Rethrow"};

constinit std::uintptr_t curious[std::size(curious_names)] = {};
constinit std::uintptr_t unwinding[std::size(unwinding_names)] = {};
constinit std::uintptr_t dynamic_linker = 0; // where it is mapped

template <std::size_t count>
void look_up(const char *const (&names)[count], std::uintptr_t (&addresses)[count]) noexcept {
  for (std::size_t i = 0; i < count; ++i)
    addresses[i] = reinterpret_cast<std::uintptr_t>(dlsym(RTLD_DEFAULT, names[i]));
}

template <std::size_t count>
bool is_one_of(std::uintptr_t function, const std::uintptr_t (&addresses)[count]) noexcept {
  return std::find(std::begin(addresses), std::end(addresses), function) != std::end(addresses);
}

// The walk from where the task was interrupted to its first frame.
class to_the_end {
public:
  to_the_end(const task &t, const cfi::registers &from) noexcept : task_(t), stack_{t.stack_low, t.stack_high}, frame_(from) {}

  return_refusal run(foreign_return &out) noexcept {
    bool interrupted = true;
    for (unsigned n = 0; frame_.pc != arch::task_base(); ++n, interrupted = false) {
      if (n == most_frames)
        return return_refusal::no_unwinding;
      map::point here;
      const map::status found = map::lookup(interrupted ? frame_.pc : frame_.pc - 1, here);
      if (found == map::status::not_managed) {
        if (const return_refusal why = foreign(interrupted); why != return_refusal::none)
          return why;
      } else if (found != map::status::ok || !cfi::step_managed(stack_, here.frame, frame_)) {
        return return_refusal::unknown_caller;
      }
    }
    // Another trap of this task that stands on the stack still would be lost.
    if (last_.slot == 0 || (live_ && !last_.laid))
      return return_refusal::unknown_caller;
    out = last_;
    return return_refusal::none;
  }

private:
  return_refusal foreign(bool interrupted) noexcept {
    const std::uintptr_t pc = frame_.pc;
    cfi::step_result at;
    last_ = {};
    if (!cfi::step(stack_, frame_, interrupted, at))
      return return_refusal::no_unwinding;
    if (is_one_of(at.function, unwinding))
      return return_refusal::exception;
    const arch::return_cell *const cell = arch::trap_at(frame_.pc);
    const bool laid = cell != nullptr && cell == task_.trap && cell->slot == at.slot;
    if (cell != nullptr && !laid)
      return return_refusal::unknown_caller;
    live_ |= laid;
    frame_.pc = arch::true_return(frame_.pc);
    map::point caller;
    if (frame_.pc == arch::task_base() || map::lookup(frame_.pc - 1, caller) != map::status::ok)
      return return_refusal::none;
    if ((frame_.known >> cfi::rbp & 1) == 0)
      return return_refusal::unknown_caller;
    // Who was called is not known before the dynamic linker and its stubs are done.
    if (is_one_of(at.function, curious) || at.object == dynamic_linker || (interrupted && arch::is_at_stub(pc)))
      return return_refusal::curious_callee;
    last_ = {at.slot, frame_.pc, frame_.value[cfi::rbp], at.function, interrupted, laid};
    return return_refusal::none;
  }

  const task &task_;
  const stack_bounds stack_;
  cfi::registers frame_;
  foreign_return last_;
  bool live_ = false;
};

// Whether the task could be stopped at the return, as far as can be known before it returns.
return_refusal may_stop_at(const task &t, const foreign_return &at) noexcept {
  const std::uintptr_t sp = at.slot + sizeof at.slot;
  map::point call, back;
  if (!arch::is_behind_call(at.pc) || map::lookup(at.pc - 1, call) != map::status::ok)
    return return_refusal::unknown_caller;
  if (map::lookup(at.pc, back) != map::status::ok || back.kind == abi::kind_unsafe || !back.frame.known || !call.frame.known ||
      back.frame.cfa_is_rbp != call.frame.cfa_is_rbp || back.frame.cfa_offset != call.frame.cfa_offset)
    return return_refusal::unsafe_return;
  if (sp - t.stack_low < arch::injection_room(true))
    return return_refusal::unsafe_return;
  bool pinned = false;
  switch (walk_callers({t.stack_low, t.stack_high}, {at.pc, sp, at.frame}, pinned)) {
  case refusal::none:
    return return_refusal::none;
  case refusal::unsafe_point:
    return return_refusal::unsafe_return;
  default:
    return return_refusal::unknown_caller;
  }
}

arch::return_cell *claim_cell(const task &t) noexcept {
  for (arch::return_cell &cell : arch::__stillpoint_return_cells) {
    const task *nobody = nullptr;
    if (cell.owner.load(std::memory_order_relaxed) == nullptr &&
        cell.owner.compare_exchange_strong(nobody, &t, std::memory_order_acquire)) // pairs with release_cell
      return &cell;
  }
  return nullptr;
}

bool exception_on_its_way(const worker &w) noexcept {
  struct exception_globals { // the beginning of the C++ ABI's __cxa_eh_globals
    void *caught;
    unsigned uncaught;
  };
  return w.exception_globals != nullptr && static_cast<const exception_globals *>(w.exception_globals)->uncaught != 0;
}

return_refusal lay(worker &w, task &t, const ucontext_t &context) noexcept {
  if (!config().returntraps)
    return return_refusal::off;
  if (arch::has_shadow_stack())
    return return_refusal::shadow_stack;
  if (exception_on_its_way(w))
    return return_refusal::exception;
  const map::reader_scope reading(&w);
  foreign_return at;
  if (const return_refusal why = find_return(t, interrupted_registers(context), at); why != return_refusal::none || at.laid)
    return why;
  if (const return_refusal why = may_stop_at(t, at); why != return_refusal::none)
    return why;
  if (t.trap == nullptr) // else its frame is gone
    t.trap = claim_cell(t);
  if (t.trap == nullptr)
    return return_refusal::exhausted;
  t.trap->original = at.pc;
  t.trap->slot = at.slot;
  *reinterpret_cast<volatile std::uintptr_t *>(at.slot) = arch::trap_of(*t.trap);
  count(w.counters.return_traps);
  return return_refusal::none;
}

} // namespace

return_refusal find_return(const task &t, const cfi::registers &interrupted, foreign_return &out) noexcept {
  if (interrupted.sp < t.stack_low || interrupted.sp > t.stack_high)
    return return_refusal::no_unwinding;
  return to_the_end(t, interrupted).run(out);
}

cfi::registers interrupted_registers(const ucontext_t &context) noexcept {
  static constexpr int number_in_context[cfi::return_address] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP,
                                                                 REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  const auto &registers = context.uc_mcontext.gregs;
  cfi::registers r;
  r.pc = static_cast<std::uintptr_t>(registers[REG_RIP]);
  r.sp = static_cast<std::uintptr_t>(registers[REG_RSP]);
  for (unsigned n = 0; n < cfi::return_address; ++n)
    r.value[n] = static_cast<std::uintptr_t>(registers[number_in_context[n]]);
  r.known = 0xffff;
  return r;
}

// A walk takes long where the stack is deep, and who stops the world asks often: a task must come on between the walks.
void lay_return_trap(worker &w, task &t, const ucontext_t &context) noexcept {
  constexpr std::uint64_t rest_for_each_walk = 20;
  constexpr std::uint64_t longest_rest_ns = 1'000'000; // the thread may have lost its CPU during the walk
  const std::uint64_t begin = monotonic_now();
  return_refusal why = return_refusal::too_soon;
  if (begin >= w.next_return_walk) {
    why = lay(w, t, context);
    const std::uint64_t end = monotonic_now();
    w.next_return_walk = end + std::min(rest_for_each_walk * (end - begin), longest_rest_ns);
  }
  if (why != return_refusal::none)
    count(w.counters.return_refusals[static_cast<std::size_t>(why)]);
}

void release_return_trap(task &t) noexcept {
  if (t.trap == nullptr)
    return;
  t.trap->owner.store(nullptr, std::memory_order_release); // pairs with claim_cell
  t.trap = nullptr;
}

void initialize_return_traps() noexcept {
  look_up(curious_names, curious);
  look_up(unwinding_names, unwinding);
  dynamic_linker = cfi::object_of(reinterpret_cast<std::uintptr_t>(dlsym(RTLD_DEFAULT, "__tls_get_addr")));
}

// On the task's stack, called by return_trap.S in place of the return: `saved` is what inject_preempt would have left at the return address. Comes back
// when the task may go on, perhaps on another thread.
extern "C" void __stillpoint_returned(std::uintptr_t saved, arch::return_cell *cell) noexcept {
  const int errno_value = errno;
  worker &w = *this_worker();
  const arch::walk_registers at = arch::saved_registers(saved);
  if (w.current == nullptr || w.current->trap != cell || cell->slot + sizeof cell->slot != at.sp)
    fatal(message()
          << "a foreign function has returned twice by one return address: keep setjmp and its like out of tasks' foreign code, or set "
             "STILLPOINT_DEBUG=returntraps=0");
  task &t = *w.current;
  release_return_trap(t);
  if (want_async_preempt(w) != refusal::none)
    return;
  stop_plan plan;
  {
    const map::reader_scope reading(&w);
    if (const refusal why = is_async_safe_point(w, t, at, plan); why != refusal::none) {
      count(w.counters.refusals[static_cast<std::size_t>(why)]);
      return;
    }
  }
  plan.vector_live = true; // all of it has been saved
  count(w.counters.stops_at_return);
  begin_stop(w, t, plan, errno_value, saved);
  __stillpoint_async_preempted();
}

} // namespace stillpoint::rt::preempt
