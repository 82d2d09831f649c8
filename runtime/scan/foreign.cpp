// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See foreign.h.
#include "runtime/scan/foreign.h"

#include "stillpoint/abi/map_format.h"

#include <atomic>
#include <dlfcn.h>

#define UNW_LOCAL_ONLY
#include <libunwind.h>

#define STILLPOINT_TEXT_OF(x) #x
#define STILLPOINT_NAME_OF(x) STILLPOINT_TEXT_OF(x)

namespace stillpoint::rt::scan {
namespace {

// The headers' names stand for others: unw_step for _ULx86_64_step.
struct functions {
  decltype(&unw_init_local2) init = nullptr;
  decltype(&unw_step) step = nullptr;
  decltype(&unw_get_reg) get_register = nullptr;
  decltype(&unw_get_save_loc) get_place = nullptr;
  decltype(&unw_get_proc_info) get_procedure = nullptr;
  decltype(&unw_get_proc_name) get_name = nullptr;
};
constinit functions loaded;
constinit std::atomic<const functions *> unwinder{nullptr};

template <class Function>
bool find(void *library, const char *name, Function &out) noexcept {
  out = reinterpret_cast<Function>(dlsym(library, name));
  return out != nullptr;
}

bool load() noexcept {
  void *const library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
  return library != nullptr && find(library, STILLPOINT_NAME_OF(unw_init_local2), loaded.init) &&
         find(library, STILLPOINT_NAME_OF(unw_step), loaded.step) && find(library, STILLPOINT_NAME_OF(unw_get_reg), loaded.get_register) &&
         find(library, STILLPOINT_NAME_OF(unw_get_save_loc), loaded.get_place) &&
         find(library, STILLPOINT_NAME_OF(unw_get_proc_info), loaded.get_procedure) &&
         find(library, STILLPOINT_NAME_OF(unw_get_proc_name), loaded.get_name);
}

constexpr unw_regnum_t unwinder_number[abi::saved_register_count] = {UNW_X86_64_RBP, UNW_X86_64_R15, UNW_X86_64_R14,
                                                                     UNW_X86_64_R13, UNW_X86_64_R12, UNW_X86_64_RBX};
constexpr int context_number[abi::saved_register_count] = {REG_RBP, REG_R15, REG_R14, REG_R13, REG_R12, REG_RBX};

void fill(unw_context_t &context, const arch::register_places &places) noexcept {
  auto &registers = context.uc_mcontext.gregs;
  registers[REG_RIP] = static_cast<greg_t>(places.pc);
  registers[REG_RSP] = static_cast<greg_t>(places.sp);
  for (unsigned r = 0; r < abi::saved_register_count; ++r)
    if (const std::uintptr_t *const at = places.at[arch::saved_register_number[r]])
      registers[context_number[r]] = static_cast<greg_t>(*at);
}

// After a step. What is still in the context was not saved by the frames in between: it stays where it was.
bool update(const functions &u, unw_cursor_t &cursor, const unw_context_t &context, arch::register_places &places) noexcept {
  unw_word_t pc = 0;
  unw_word_t sp = 0;
  if (u.get_register(&cursor, UNW_REG_IP, &pc) != 0 || u.get_register(&cursor, UNW_REG_SP, &sp) != 0)
    return false;
  places.pc = arch::true_return(pc);
  places.sp = sp;
  for (unsigned r = 0; r < abi::saved_register_count; ++r) {
    unw_save_loc_t place{};
    if (u.get_place(&cursor, static_cast<int>(unwinder_number[r]), &place) != 0)
      return false;
    const auto own = reinterpret_cast<std::uintptr_t>(&context);
    if (place.type == UNW_SLT_MEMORY && place.u.addr - own >= sizeof context)
      places.at[arch::saved_register_number[r]] = reinterpret_cast<std::uintptr_t *>(place.u.addr);
    else if (place.type != UNW_SLT_MEMORY)
      places.at[arch::saved_register_number[r]] = nullptr;
  }
  return true;
}

} // namespace

void prepare_foreign() noexcept {
  static const bool found = load();
  if (found)
    unwinder.store(&loaded, std::memory_order_release); // pairs with step_foreign
}

bool step_foreign(arch::register_places &places, is_foreign foreign, std::uint64_t &frames, bool interrupted) noexcept {
  const functions *const u = unwinder.load(std::memory_order_acquire);
  if (u == nullptr)
    return false;
  unw_context_t context{};
  fill(context, places);
  unw_cursor_t cursor;
  if (u->init(&cursor, &context, interrupted ? UNW_INIT_SIGNAL_FRAME : 0) != 0) // without, the PC is taken for a return address
    return false;
  do {
    unw_proc_info_t procedure{};
    const std::uintptr_t sp = places.sp;
    if (u->get_procedure(&cursor, &procedure) != 0 || procedure.unwind_info_size == 0 || u->step(&cursor) <= 0 ||
        !update(*u, cursor, context, places) || places.sp <= sp)
      return false;
    ++frames;
  } while (foreign(places.pc));
  return true;
}

bool procedure_name(std::uintptr_t pc, bool interrupted, char *name, std::size_t room, std::uintptr_t &offset) noexcept {
  const functions *const u = unwinder.load(std::memory_order_acquire);
  if (u == nullptr)
    return false;
  unw_context_t context{};
  context.uc_mcontext.gregs[REG_RIP] = static_cast<greg_t>(pc);
  unw_cursor_t cursor;
  unw_word_t distance = 0;
  unw_proc_info_t procedure{};
  if (u->init(&cursor, &context, interrupted ? UNW_INIT_SIGNAL_FRAME : 0) != 0 || u->get_name(&cursor, name, room, &distance) != 0)
    return false;
  offset = distance;
  // In a stripped object it is the last exported name before the PC. With unwind tables one can tell.
  return u->get_procedure(&cursor, &procedure) != 0 || procedure.unwind_info_size == 0 || procedure.start_ip == pc - distance;
}

} // namespace stillpoint::rt::scan
