// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tables made by hand, for tests: bytes as include/stillpoint/abi/map_format.h draws them, without the writer that the compiler uses, so
// that a mistake in the writer cannot hide one in the reader.
#ifndef STILLPOINT_TEST_MAP_TABLES_H
#define STILLPOINT_TEST_MAP_TABLES_H

#include "map/reader.h"

#include <cstdint>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

namespace stillpoint::test {

using bytes = std::vector<unsigned char>;
using random = std::mt19937_64;

inline std::uint64_t below(random &r, std::uint64_t limit) { return r() % limit; }

// One fragment's map.
class map_bytes {
public:
  explicit map_bytes(unsigned frame_byte) { content.push_back(static_cast<unsigned char>(frame_byte)); }

  map_bytes &uleb(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7)
      content.push_back(static_cast<unsigned char>(value | 0x80));
    content.push_back(static_cast<unsigned char>(value));
    return *this;
  }
  // The same with redundant bytes, `size` in all.
  map_bytes &padded_uleb(std::uint64_t value, unsigned size) {
    for (unsigned i = 1; i < size; ++i, value >>= 7)
      content.push_back(static_cast<unsigned char>(value | 0x80));
    content.push_back(static_cast<unsigned char>(value & 0x7f));
    return *this;
  }
  map_bytes &raw(std::initializer_list<unsigned char> more) {
    content.insert(content.end(), more);
    return *this;
  }
  map_bytes &run(std::uint64_t length, unsigned code) { return uleb(length << abi::run_state_bits | code); }
  map_bytes &own_run(std::uint64_t length, std::uint64_t index) { return run(length, abi::state_escape).uleb(index); }
  map_bytes &end() { return uleb(abi::run_end); }

  bytes content;
};

inline constexpr std::uint64_t records_address = 0x500000;
inline constexpr std::uint64_t maps_address = 0x600000;

// Records and maps at fixed addresses.
class table {
public:
  table() = default;
  table(std::uint64_t start, const map_bytes &map) { add(start, map); }

  table &add(std::uint64_t start, const map_bytes &map) {
    add_record(start, maps_address + maps.size());
    maps.insert(maps.end(), map.content.begin(), map.content.end());
    return *this;
  }
  table &add_record(std::uint64_t start, std::uint64_t map_address) {
    const std::uint64_t field = records_address + records.size();
    const abi::record r{static_cast<std::int32_t>(start - field), static_cast<std::int32_t>(map_address - field - 4)};
    records.resize(records.size() + sizeof r);
    std::memcpy(records.data() + records.size() - sizeof r, &r, sizeof r);
    return *this;
  }
  // A record that holds its map.
  table &add_inline(std::uint64_t start, std::uint32_t word) {
    return add_record(start, records_address + records.size() + 4 + std::uint64_t{word});
  }
  map::table_view view() const { return {{records.data(), records.size(), records_address}, {maps.data(), maps.size(), maps_address}}; }
  map::status find(std::uint64_t pc, map::point &out) const { return map::find(view(), pc, out); }
  map::status validate() const {
    std::size_t bad;
    return map::validate(view(), bad);
  }

  bytes records;
  bytes maps;
};

// What visit_fragment told.
struct visited {
  map::status result;
  map::fragment header;
  std::uint64_t end = 0;
  std::vector<std::pair<map::run, map::point>> runs;
};

inline visited visit(const table &t, std::size_t index = 0) {
  visited v;
  const auto collect = [](void *context, const map::run &r, const map::point &p) {
    static_cast<visited *>(context)->runs.emplace_back(r, p);
    return true;
  };
  v.result = map::visit_fragment(t.view(), index, v.header, v.end, collect, &v);
  return v;
}

} // namespace stillpoint::test

#endif
