// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds out, from CPUID, which vector state a task can hold and how large an area it takes.
//
// Mechanism: the wanted components that the system has enabled in XCR0; their sizes from CPUID leaf 0xD, packed by XSAVEC's rule (in order of
// number, some aligned to 64 bytes) or at the fixed offsets of XSAVE.
// Invariant: the area is never smaller than what the instruction writes. AMX tiles and PKRU are never wanted (async_preempt.S says why).
#include "runtime/arch/x86_64/vector_save.h"

#include "runtime/arch/arch.h"

#include <algorithm>
#include <cpuid.h>

namespace stillpoint::rt::arch {
namespace {

// x87, SSE, AVX, opmask, ZMM_Hi256, Hi16_ZMM: bits of XCR0.
constexpr std::uint32_t wanted_components = 1u << 0 | 1u << 1 | 1u << 2 | 1u << 5 | 1u << 6 | 1u << 7;
constexpr std::uint32_t legacy_size = 512;
constexpr std::uint32_t header_size = 64;

struct cpuid_words {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

cpuid_words cpuid(unsigned leaf, unsigned subleaf) noexcept {
  cpuid_words words;
  __get_cpuid_count(leaf, subleaf, &words.eax, &words.ebx, &words.ecx, &words.edx);
  return words;
}

std::uint32_t enabled_components() noexcept {
  std::uint32_t low = 0, high = 0;
  asm("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

std::uint32_t packed_size(std::uint32_t mask) noexcept {
  std::uint32_t size = legacy_size + header_size;
  for (unsigned component = 2; component < 32; ++component) {
    if ((mask >> component & 1) == 0)
      continue;
    const cpuid_words words = cpuid(0xd, component);
    if ((words.ecx & 2) != 0)
      size = (size + 63) & ~63u;
    size += words.eax;
  }
  return size;
}

std::uint32_t fixed_size(std::uint32_t mask) noexcept {
  std::uint32_t size = legacy_size + header_size;
  for (unsigned component = 2; component < 32; ++component) {
    if ((mask >> component & 1) == 0)
      continue;
    const cpuid_words words = cpuid(0xd, component);
    size = std::max(size, words.ebx + words.eax);
  }
  return size;
}

} // namespace

// Until initialize(), what every x86-64 processor has.
vector_save __stillpoint_vector_save{0, legacy_size, STILLPOINT_SAVE_BY_FXSAVE};

vector_save detect_vector_save(std::uint32_t best_mode) noexcept {
  const bool has_xsave = (cpuid(1, 0).ecx & bit_OSXSAVE) != 0;
  if (!has_xsave || best_mode == STILLPOINT_SAVE_BY_FXSAVE)
    return {0, legacy_size, STILLPOINT_SAVE_BY_FXSAVE};
  const std::uint32_t mask = wanted_components & enabled_components();
  const bool has_xsavec = (cpuid(0xd, 1).eax & 2) != 0;
  if (!has_xsavec || best_mode == STILLPOINT_SAVE_BY_XSAVE)
    return {mask, fixed_size(mask), STILLPOINT_SAVE_BY_XSAVE};
  return {mask, packed_size(mask), STILLPOINT_SAVE_BY_XSAVEC};
}

void initialize() noexcept { __stillpoint_vector_save = detect_vector_save(STILLPOINT_SAVE_BY_XSAVEC); }

} // namespace stillpoint::rt::arch
