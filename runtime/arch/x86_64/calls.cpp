// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What calls, jumps and returns look like on this processor.
//
// Invariant: no byte outside of the page of the call's last one is read: the bytes before it may belong to nobody.
#include "runtime/arch/arch.h"

#include <cstring>

namespace stillpoint::rt::arch {
namespace {

constexpr std::uintptr_t page = 4096;

unsigned byte_at(std::uintptr_t address) noexcept { return *reinterpret_cast<const unsigned char *>(address); }

// FF /2: CALL through a register or memory.
bool is_indirect_call(std::uintptr_t at) noexcept { return byte_at(at) == 0xff && (byte_at(at + 1) >> 3 & 7) == 2; }

} // namespace

bool is_behind_call(std::uintptr_t pc) noexcept {
  const std::uintptr_t readable = (pc - 1) % page + 1;
  if (readable >= 5 && byte_at(pc - 5) == 0xe8) // CALL rel32
    return true;
  for (const unsigned size : {2u, 3u, 4u, 6u, 7u}) // with displacement and SIB byte
    if (size <= readable && is_indirect_call(pc - size))
      return true;
  return false;
}

bool is_at_stub(std::uintptr_t pc) noexcept {
  constexpr unsigned char landing[] = {0xf3, 0x0f, 0x1e, 0xfa}; // ENDBR64
  if (page - pc % page < sizeof landing + 3)
    return true; // who knows
  if (std::memcmp(reinterpret_cast<const void *>(pc), landing, sizeof landing) == 0)
    pc += sizeof landing;
  if (byte_at(pc) == 0xf2 || byte_at(pc) == 0x3e || byte_at(pc) == 0x41) // BND, NOTRACK, REX
    ++pc;
  return byte_at(pc) == 0xff && (byte_at(pc + 1) >> 3 & 7) == 4; // JMP through memory or a register
}

bool has_shadow_stack() noexcept {
  std::uint64_t pointer = 0;
  asm volatile("rdsspq %0" : "+r"(pointer)); // does nothing where there is none
  return pointer != 0;
}

} // namespace stillpoint::rt::arch
