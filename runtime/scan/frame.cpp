// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See frame.h.
#include "runtime/scan/frame.h"

#include "runtime/arch/arch.h"

#include <algorithm>
#include <sys/mman.h>

namespace stillpoint::rt::scan {
namespace {

constexpr std::uint64_t word = sizeof(std::uintptr_t);

bool add_word(frame &out, std::int64_t at) noexcept {
  if (out.word_count == frame_words || at < INT16_MIN || at > INT16_MAX)
    return false;
  out.words[out.word_count++] = static_cast<std::int16_t>(at);
  return true;
}

// False if it does not fit.
bool add_words(frame &out, const map::references &refs) noexcept {
  bool fits = true;
  map::each_slot(refs, [&](std::int64_t at) { fits = fits && add_word(out, at); });
  map::each_stack_root(refs, [&](std::int64_t at, std::uint64_t count) {
    for (std::uint64_t i = 0; fits && i < count; ++i)
      fits = add_word(out, at + static_cast<std::int64_t>(i));
  });
  return fits;
}

bool add_saved(frame &out, const map::frame_rule &rule) noexcept {
  out.saved = rule.saved;
  for (unsigned r = 0; r < abi::saved_register_count; ++r)
    if ((rule.saved >> r & 1) != 0) {
      if (rule.slot[r] / word > UINT16_MAX)
        return false;
      out.saved_words[r] = static_cast<std::uint16_t>(rule.slot[r] / word);
    }
  return true;
}

} // namespace

decoded decode(std::uintptr_t pc, frame &out, map::point &point) noexcept {
  switch (map::lookup(pc - 1, point)) {
  case map::status::ok:
    break;
  case map::status::not_managed:
    return decoded::foreign;
  case map::status::corrupt:
    return decoded::unusable;
  }
  if (!point.frame.known || !point.callee_may_stop)
    return decoded::unusable;
  out = {};
  if (point.frame.cfa_offset > UINT32_MAX || !add_saved(out, point.frame) || !add_words(out, point.refs))
    return decoded::too_large;
  out.pc = pc;
  out.cfa_offset = static_cast<std::uint32_t>(point.frame.cfa_offset);
  out.cfa_is_rbp = point.frame.cfa_is_rbp;
  out.callee_pinned = point.callee_pinned;
  out.base = static_cast<std::uint8_t>(point.refs.base);
  for (unsigned r = 0; r < abi::saved_register_count; ++r)
    out.references |= static_cast<std::uint8_t>((point.refs.registers >> arch::saved_register_number[r] & 1) << r);
  return decoded::ok;
}

frame_cache *frame_cache::of_this_thread() noexcept {
  worker *const w = this_worker();
  if (w == nullptr)
    return nullptr;
  if (w->frames == nullptr) { // all zeroes are an empty cache; lives as long as the worker: for ever
    void *const memory = mmap(nullptr, sizeof(frame_cache), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    w->frames = memory != MAP_FAILED ? static_cast<frame_cache *>(memory) : nullptr;
  }
  return w->frames;
}

void frame_cache::clear(std::uint64_t generation) noexcept {
  std::fill(std::begin(lines_), std::end(lines_), frame{});
  generation_ = generation;
}

} // namespace stillpoint::rt::scan
