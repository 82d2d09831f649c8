// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See support.h.
#include "test/scan/support.h"

#include "passes/emit/Encoding.h"
#include "runtime/map/registry.h"
#include "runtime/scan/scan.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <span>

namespace {

constexpr std::int32_t none = 0x7fff;

// As kernels.S writes them.
struct function_entry {
  std::uintptr_t from, to;
  std::int32_t saved, cfa_is_rbp, words, base, root, unused;
};
struct state_entry {
  std::uintptr_t from, to;
  std::int32_t form, registers, slots[2], ready, unused;
};
struct truth_entry {
  std::uintptr_t from, to;
  std::uint32_t objects, unused;
};
enum form : std::int32_t { prologue, whole, epilogue, entry, unsafe };

} // namespace

extern "C" const function_entry __start_scan_functions[], __stop_scan_functions[];
extern "C" const state_entry __start_scan_states[], __stop_scan_states[];
extern "C" const truth_entry __start_scan_truths[], __stop_scan_truths[];

namespace stillpoint::test {
namespace {

using emit::PointState;

alignas(8) unsigned char records[1024];
unsigned char maps[4096];

PointState state_of(const state_entry &e) {
  PointState s;
  if (e.form == unsafe)
    return s;
  s.Kind = abi::kind_safe;
  s.VectorLive = e.form != whole;
  s.Form = e.form == entry ? abi::frame_entry : abi::frame_whole;
  s.Sequence = e.form == prologue   ? PointState::Standard::Prologue
               : e.form == epilogue ? PointState::Standard::Epilogue
                                    : PointState::Standard::None;
  s.RefRegisters = static_cast<std::uint16_t>(e.registers);
  s.RootsReady = e.ready != 0;
  for (const std::int32_t slot : e.slots)
    if (slot != none)
      s.RefSlots.push_back(slot);
  return s;
}

emit::Fragment<std::uint64_t> fragment_of(const function_entry &f) {
  emit::Fragment<std::uint64_t> result;
  result.Frame.Saved = static_cast<std::uint8_t>(f.saved);
  result.Frame.CfaIsRbp = f.cfa_is_rbp != 0;
  result.Frame.Words = static_cast<std::uint32_t>(std::max(f.words, 1));
  result.Frame.Base = static_cast<emit::SlotBase>(f.base);
  if (f.root != none)
    result.Frame.StackRoots.push_back(f.root);
  for (const state_entry &e : std::span(__start_scan_states, __stop_scan_states))
    if (e.from >= f.from && e.from < f.to)
      result.Runs.push_back({e.from, e.to, emit::internState(result.OwnStates, state_of(e))});
  return result;
}

} // namespace

scan_tables::scan_tables() {
  std::vector<function_entry> functions(__start_scan_functions, __stop_scan_functions);
  std::sort(functions.begin(), functions.end(), [](const auto &a, const auto &b) { return a.from < b.from; });
  unsigned char *record = records;
  unsigned char *map = maps;
  for (const function_entry &f : functions) {
    emit::ByteSink bytes;
    emit::encodeMap(bytes, fragment_of(f));
    const auto address = reinterpret_cast<std::uintptr_t>(record);
    const abi::record r{static_cast<std::int32_t>(f.from - address),
                        static_cast<std::int32_t>(reinterpret_cast<std::uintptr_t>(map) - address - offsetof(abi::record, map))};
    std::memcpy(record, &r, sizeof r);
    std::copy(bytes.Bytes.begin(), bytes.Bytes.end(), map);
    record += sizeof r;
    map += bytes.Bytes.size();
  }
  if (record > std::end(records) || map > std::end(maps))
    std::abort();
  descriptor_.magic = abi::descriptor_magic;
  descriptor_.version = abi::version;
  descriptor_.size = sizeof descriptor_;
  descriptor_.records_begin = records;
  descriptor_.records_end = record;
  descriptor_.maps_begin = maps;
  descriptor_.maps_end = map;
  const std::size_t before = map::registered_modules();
  __stillpoint_register_tables(&descriptor_);
  if (map::registered_modules() != before + 1)
    std::abort(); // refused
}

scan_tables::~scan_tables() { __stillpoint_unregister_tables(&descriptor_); }

std::optional<std::uint32_t> truth_at(std::uintptr_t pc) {
  for (const truth_entry &e : std::span(__start_scan_truths, __stop_scan_truths))
    if (pc >= e.from && pc < e.to)
      return e.objects;
  return std::nullopt;
}

std::uint32_t scanned(const rt::task &t, const job &j) {
  struct sum {
    const job &j;
    std::uint32_t objects = 0;
  } s{j};
  rt::scan::frame_counts counts;
  rt::scan::roots(
      t,
      [](void *context, std::uintptr_t *root) {
        auto &into = *static_cast<sum *>(context);
        const auto found = std::find(std::begin(into.j.objects), std::end(into.j.objects), *root);
        if (*root != 0)
          into.objects |= 1u << (found == std::end(into.j.objects) ? 31 : found - std::begin(into.j.objects));
      },
      &s, counts);
  return s.objects;
}

} // namespace stillpoint::test
