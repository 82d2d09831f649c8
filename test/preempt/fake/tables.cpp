// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See kernels.h. The distances in records are relative to their own addresses, so the copies are moved as one block of the same layout and every
// distance is corrected.
#include "test/preempt/fake/kernels.h"

#include "runtime/map/registry.h"

#include <cstdlib>
#include <cstring>

extern "C" const unsigned char __start_test_records[], __stop_test_records[];
extern "C" const unsigned char __start_test_maps[], __stop_test_maps[];

namespace stillpoint::test {
namespace {

alignas(8) unsigned char records_copy[4096];
unsigned char maps_copy[4096];

std::int32_t moved(std::int32_t distance, const void *from, const void *to) {
  return distance + static_cast<std::int32_t>(static_cast<const char *>(from) - static_cast<const char *>(to));
}

void copy_tables() {
  const auto records_size = static_cast<std::size_t>(__stop_test_records - __start_test_records);
  const auto maps_size = static_cast<std::size_t>(__stop_test_maps - __start_test_maps);
  if (records_size > sizeof records_copy || maps_size > sizeof maps_copy)
    std::abort();
  std::memcpy(records_copy, __start_test_records, records_size);
  std::memcpy(maps_copy, __start_test_maps, maps_size);
  const std::ptrdiff_t maps_moved = maps_copy - __start_test_maps;
  for (std::size_t at = 0; at < records_size; at += sizeof(abi::record)) {
    abi::record r;
    std::memcpy(&r, records_copy + at, sizeof r);
    r.start = moved(r.start, __start_test_records + at, records_copy + at);
    r.map = moved(r.map, __start_test_records + at, records_copy + at) + static_cast<std::int32_t>(maps_moved);
    std::memcpy(records_copy + at, &r, sizeof r);
  }
}

} // namespace

kernel_tables::kernel_tables() {
  copy_tables();
  descriptor = {abi::descriptor_magic,
                abi::version,
                sizeof descriptor,
                records_copy,
                records_copy + (__stop_test_records - __start_test_records),
                maps_copy,
                maps_copy + (__stop_test_maps - __start_test_maps),
                nullptr, // no global roots
                nullptr,
                &marking,
                &marking + 1,
                nullptr, // no unchecked copies
                nullptr};
  __stillpoint_register_tables(&descriptor);
}

kernel_tables::~kernel_tables() { __stillpoint_unregister_tables(&descriptor); }

void kernel_tables::spoil(void (*function)(void *)) {
  for (const unsigned char *at = records_copy; at < descriptor.records_end; at += sizeof(abi::record)) {
    abi::record r;
    std::memcpy(&r, at, sizeof r);
    if (reinterpret_cast<std::uintptr_t>(at) + static_cast<std::intptr_t>(r.start) != reinterpret_cast<std::uintptr_t>(function))
      continue;
    // A frame byte that says CFA = RBP + 16 without a saved RBP.
    const_cast<unsigned char *>(at)[offsetof(abi::record, map) + r.map] = abi::frame_cfa_is_rbp;
    return;
  }
  std::abort();
}

void kernel_tables::mend() { copy_tables(); }

} // namespace stillpoint::test
