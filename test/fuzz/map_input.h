// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a fuzzer's input is cut into a table; the seeds are written the same way.
//
//   +0  u8   number of records (of 8 bytes each)
//   +1  u8   low bits: how many bytes of a half record follow the records
//   +2  u8   distance of the maps section from the records section, in units of 256 bytes
//   +3  u8   0: usual addresses, 1: at the bottom of the address space, 2: at its top, others as 0
//   +4       the records, the half record, the maps
#ifndef STILLPOINT_TEST_FUZZ_MAP_INPUT_H
#define STILLPOINT_TEST_FUZZ_MAP_INPUT_H

#include <cstddef>
#include <cstdint>

namespace stillpoint::fuzz {

inline constexpr std::size_t header_size = 4;
inline constexpr std::uint64_t records_address = 0x500000;
inline constexpr std::uint64_t maps_distance_unit = 256;
inline constexpr std::uint64_t top_address = ~0ull - 0xfff;

} // namespace stillpoint::fuzz

#endif
