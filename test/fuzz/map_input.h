// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a fuzzer's input is cut into a table; the seeds are written the same way.
//
//   +0  u8   number of records (of 8 bytes each)
//   +1  u8   low bits: how many bytes of a half record follow the records
//   +2  u8   distance of the maps section from the records section, in units of 256 bytes
//   +3  u8   0: usual addresses, 1: at the bottom of the address space, 2: at its top, others as 0
//   +4  u8   number of records of unchecked copies (of 12 bytes each)
//   +5  u8   the module that these belong to: its size, in units of 256 bytes, from code_distance in front of the records on; 0: all memory
//   +6       the records, the half record, the records of copies, the maps
#ifndef STILLPOINT_TEST_FUZZ_MAP_INPUT_H
#define STILLPOINT_TEST_FUZZ_MAP_INPUT_H

#include <cstddef>
#include <cstdint>

namespace stillpoint::fuzz {

inline constexpr std::size_t header_size = 6;
inline constexpr std::uint64_t records_address = 0x500000;
inline constexpr std::uint64_t maps_distance_unit = 256;
inline constexpr std::uint64_t code_distance = 0x800;
inline constexpr std::uint64_t copies_distance = 0x10000; // of the records of copies, in front of the others
inline constexpr std::uint64_t top_address = ~0ull - 0xfff;

} // namespace stillpoint::fuzz

#endif
