// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes the fuzzer's seeds: `fuzz_map_seeds DIRECTORY`. Generated rather than stored, so that a change of the format changes them too.
#include "map_input.h"

#include "test/map/tables.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

using namespace stillpoint;
using test::map_bytes;

namespace {

constexpr unsigned saved_rbp_rbx = 1u << abi::saved_rbp | 1u << abi::saved_rbx;

std::vector<map_bytes> maps() {
  return {
      map_bytes(0).uleb(1).run(20, abi::state_safe).end(),
      map_bytes(0)
          .uleb(3)
          .run(4, abi::state_prologue)
          .run(300, abi::state_safe_vector)
          .run(4, abi::state_epilogue)
          .run(1, abi::state_entry)
          .end(),
      map_bytes(saved_rbp_rbx | abi::frame_cfa_is_rbp)
          .run(9, abi::state_prologue)
          .run(90, abi::state_safe)
          .run(2, abi::state_epilogue)
          .end(),
      map_bytes(saved_rbp_rbx | abi::frame_has_extension)
          .uleb(abi::extension_explicit_slots)
          .uleb(9)
          .uleb(2)
          .uleb(7)
          .run(10, abi::state_unsafe)
          .run(30, abi::state_safe)
          .end(),
      map_bytes(saved_rbp_rbx | abi::frame_has_extension)
          .uleb(abi::extension_own_states | abi::extension_nosplit)
          .uleb(9)
          .uleb(3)
          .uleb(abi::kind_pinned | abi::own_vector_live)
          .uleb(abi::kind_safe | abi::own_vector_live | abi::own_has_live_set)
          .uleb(0x1ffff)
          .uleb(0xffffffff)
          .uleb(0xffff)
          .uleb(abi::kind_safe | abi::frame_explicit << abi::own_frame_shift)
          .uleb(20)
          .run(10, abi::state_own_0)
          .own_run(30, 1)
          .own_run(0, 2)
          .own_run(5, 2)
          .end(),
      map_bytes(abi::frame_saved_mask)
          .uleb(7)
          .run(10, abi::state_prologue)
          .run(64, abi::state_safe)
          .run(10, abi::state_epilogue)
          .run(1, abi::state_entry)
          .end(),
      map_bytes(saved_rbp_rbx | abi::frame_has_extension) // every step
          .uleb(abi::extension_references | abi::extension_ref_slots | abi::extension_stack_roots | abi::extension_own_states)
          .uleb(9)
          .raw({7, 3, 9, 1, 4, 1, 13, 2}) // slots -5, -3, 2; stack roots from -7
          .raw({1, abi::kind_pinned | abi::own_vector_live})
          .raw({1, abi::step_long_a | 1 << 4, abi::step_mask, 0x03, abi::step_prologue, 2 | 2 << 4}) // a prologue of 2 bytes
          .raw({abi::step_ready, abi::step_slot, 0, abi::step_safe | 5 << 4, abi::step_slot, 2, abi::step_call_result | 3 << 4})
          .raw({abi::step_own, 0, abi::step_call | 2 << 4, abi::step_clear, abi::step_safe_vector, 1 | 6 << 4})
          .raw({abi::step_unsafe, 2 | 1 << 4, abi::step_epilogue | 2 << 4, abi::step_entry | 1 << 4, abi::step_end}),
      map_bytes(saved_rbp_rbx | abi::frame_cfa_is_rbp | abi::frame_has_extension) // stack roots from RSP
          .uleb(abi::extension_references | abi::extension_stack_roots | abi::extension_base_rsp)
          .raw({3, 1, 4, 5})
          .raw({abi::step_ready, abi::step_safe | 7 << 4, abi::step_entry | 1 << 4, abi::step_end}),
  };
}

// The given maps behind one another, for code right in front of the records.
test::bytes input(const std::vector<map_bytes> &fragments, unsigned char placement) {
  test::bytes records, map_section;
  const std::uint64_t distance = 4;
  const std::uint64_t start_distance = fuzz::code_distance;
  for (std::size_t i = 0; i != fragments.size(); ++i) {
    const auto field = static_cast<std::int32_t>(records.size());
    const auto start = static_cast<std::int32_t>(i * 0x150) +
                       (placement == 1 ? static_cast<std::int32_t>(start_distance) : -static_cast<std::int32_t>(start_distance));
    const auto map = static_cast<std::int32_t>(distance * fuzz::maps_distance_unit + map_section.size());
    const abi::record r{start - field, map - field - 4};
    const auto *bytes = reinterpret_cast<const unsigned char *>(&r);
    records.insert(records.end(), bytes, bytes + sizeof r);
    map_section.insert(map_section.end(), fragments[i].content.begin(), fragments[i].content.end());
  }
  test::bytes result = {static_cast<unsigned char>(fragments.size()), 0, static_cast<unsigned char>(distance), placement, 0, 0};
  result.insert(result.end(), records.begin(), records.end());
  result.insert(result.end(), map_section.begin(), map_section.end());
  return result;
}

// A record that holds its map, of a function with an epilogue.
test::bytes inline_input(unsigned shape) {
  test::table t;
  t.add_inline(test::records_address - 0x800, 40u | 9u << abi::inline_tail_shift | shape << abi::inline_shape_shift |
                                                  2u << abi::inline_room_shift | (shape % 2 != 0 ? abi::inline_vector : 0) |
                                                  abi::inline_returns);
  test::bytes result = {1, 0, 4, 0, 0, 0};
  result.insert(result.end(), t.records.begin(), t.records.end());
  return result;
}

struct piece {
  unsigned char length;
  signed char distance; // of the counterpart from the one of the piece before; one byte as a number
  bool fixed;
};

// Records of unchecked copies, of the code in front of the records: each begins `step` bytes behind the one before.
test::bytes copies_input(const std::vector<std::vector<piece>> &stretches, unsigned step, unsigned char pages) {
  const std::int32_t maps = 4 * fuzz::maps_distance_unit, code = -static_cast<std::int32_t>(fuzz::code_distance);
  test::bytes records, pieces;
  const auto field = [&](std::int32_t target) { // from the records' address on
    const std::int32_t distance = target + static_cast<std::int32_t>(fuzz::copies_distance) - static_cast<std::int32_t>(records.size());
    const auto *bytes = reinterpret_cast<const unsigned char *>(&distance);
    records.insert(records.end(), bytes, bytes + sizeof distance);
  };
  for (std::size_t i = 0; i != stretches.size(); ++i) {
    field(code + static_cast<std::int32_t>(i * step));
    field(code + 0x80 + static_cast<std::int32_t>(i * step));
    field(maps + static_cast<std::int32_t>(pieces.size()));
    pieces.push_back(static_cast<unsigned char>(stretches[i].size()));
    for (const piece &p : stretches[i]) {
      pieces.push_back(static_cast<unsigned char>(p.length << abi::piece_bits | (p.fixed ? abi::piece_fixed : 0)));
      pieces.push_back(static_cast<unsigned char>(p.distance & 0x7f));
    }
  }
  test::bytes result = {0, 0, 4, 0, static_cast<unsigned char>(stretches.size()), pages};
  result.insert(result.end(), records.begin(), records.end());
  result.insert(result.end(), pieces.begin(), pieces.end());
  return result;
}

bool write(const std::filesystem::path &path, const test::bytes &content) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char *>(content.data()), static_cast<std::streamsize>(content.size()));
  return static_cast<bool>(out.flush());
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
    return 1;
  }
  const std::filesystem::path directory = argv[1];
  std::error_code error;
  std::filesystem::remove_all(directory, error); // what an earlier run of the fuzzer found belongs to another format, perhaps
  std::filesystem::create_directories(directory, error);
  const std::vector<map_bytes> all = maps();
  bool good = true;
  for (std::size_t i = 0; i != all.size(); ++i)
    good = write(directory / ("one" + std::to_string(i)), input({all[i]}, 0)) && good;
  for (unsigned char placement : {0, 1, 2})
    good = write(directory / ("all" + std::to_string(placement)), input(all, placement)) && good;
  for (unsigned shape = 0; shape != std::size(abi::inline_shapes); ++shape)
    good = write(directory / ("inline" + std::to_string(shape)), inline_input(shape)) && good;
  const std::vector<piece> several = {{10, 0, false}, {6, 30, true}, {40, 0, false}, {3, -20, false}};
  good = write(directory / "copies_one", copies_input({several}, 0, 0)) && good;
  good = write(directory / "copies_several", copies_input({several, {{1, 60, false}}, several}, 64, 4)) && good;
  if (!good)
    std::fprintf(stderr, "%s: cannot write the seeds to %s\n", argv[0], directory.c_str());
  return good ? 0 : 1;
}
