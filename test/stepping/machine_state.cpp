// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See machine_state.h.
#include "test/stepping/machine_state.h"

#include "runtime/arch/x86_64/vector_save.h"

#include <algorithm>
#include <cpuid.h>
#include <cstring>

namespace stillpoint::test {
namespace {

constexpr greg_t resume_flag = 0x10000;
constexpr std::size_t legacy_size = 512;
constexpr std::size_t reserved_at = 464; // what the kernel says of the area: magic, size with its own end, components (two words), size
constexpr std::uint32_t reserved_magic = 0x46505853;
constexpr unsigned last_component = 7;

struct all_places {
  all_places() {
    for (unsigned n = 2; n <= last_component; ++n) {
      unsigned c = 0, d = 0;
      __get_cpuid_count(0xd, n, &places[n].size, &places[n].offset, &c, &d);
    }
  }
  component_place places[last_component + 1];
};
const all_places known; // CPUID in a virtual machine takes long

bool same(const machine_state &a, const machine_state &b, std::size_t at, std::size_t size) {
  return std::memcmp(a.area + at, b.area + at, size) == 0;
}

const char *vector_difference(const machine_state &a, const machine_state &b) {
  if (!same(a, b, 4, 1))
    return "x87 tags";
  for (std::size_t n = 0; n < 8; ++n)
    if (!same(a, b, 32 + 16 * n, 10))
      return "x87 registers";
  if (!same(a, b, 160, 256))
    return "XMM registers";
  for (const unsigned component : {2u, 5u, 6u, 7u}) {
    if ((rt::arch::__stillpoint_vector_save.mask >> component & 1) == 0)
      continue; // not here, or a test has chosen FXSAVE
    const auto [offset, size] = place_of_component(component);
    if (size != 0 && offset + size <= a.area_size && !same(a, b, offset, size))
      return component == 2 ? "YMM registers" : component == 5 ? "mask registers" : "ZMM registers";
  }
  return nullptr;
}

} // namespace

component_place place_of_component(unsigned number) { return known.places[number]; }

vector_area::vector_area(const ucontext_t &context) : bytes(reinterpret_cast<unsigned char *>(context.uc_mcontext.fpregs)) {
  std::uint32_t reserved[5];
  std::memcpy(reserved, bytes + reserved_at, sizeof reserved);
  const bool extended = reserved[0] == reserved_magic;
  size = extended ? std::min<std::size_t>(reserved[4], vector_area_limit) : legacy_size;
  components = extended ? reinterpret_cast<std::uint64_t *>(bytes + legacy_size) : nullptr;
}

void machine_state::record(const ucontext_t &context) {
  std::memcpy(general, context.uc_mcontext.gregs, sizeof general);
  general[REG_EFL] &= ~(resume_flag | trap_flag); // how it was traced
  std::memcpy(red_zone, reinterpret_cast<const void *>(context.uc_mcontext.gregs[REG_RSP] - 128), sizeof red_zone);
  const vector_area from(context);
  area_size = from.size;
  std::memcpy(area, from.bytes, from.size);
  if (from.components == nullptr)
    return;
  if ((*from.components & 1) == 0)
    std::memset(area + 32, 0, 128);
  if ((*from.components & 2) == 0)
    std::memset(area + 160, 0, 256);
  for (unsigned n = 2; n <= last_component; ++n)
    if (const auto [offset, size] = place_of_component(n); (*from.components >> n & 1) == 0 && size != 0 && offset + size <= area_size)
      std::memset(area + offset, 0, size);
}

const char *difference(const machine_state &a, const machine_state &b, bool with_vectors) {
  if (std::memcmp(a.general, b.general, sizeof a.general) != 0)
    return "general registers or flags";
  if (std::memcmp(a.red_zone, b.red_zone, sizeof a.red_zone) != 0)
    return "red zone";
  if (!same(a, b, 0, 4))
    return "x87 control or status";
  if (!same(a, b, 24, 4))
    return "MXCSR";
  return with_vectors ? vector_difference(a, b) : nullptr;
}

} // namespace stillpoint::test
