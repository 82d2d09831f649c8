// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See cfi.h. The names of instructions and encodings are DWARF's (DW_CFA_*, DW_EH_PE_*), without the prefix.
#include "runtime/preempt/cfi.h"

#include "runtime/map/cursor.h"

#include <cstring>
#include <dlfcn.h>

// Not in the C library of every system; then no foreign frame is stepped over.
extern "C" [[gnu::weak]] int _dl_find_object(void *pc, dl_find_object *result) noexcept;

namespace stillpoint::rt::preempt::cfi {
namespace {

constexpr std::uintptr_t word = sizeof(std::uintptr_t);

using map::cursor;

// A procedure's rules at one PC. Registers without one keep their values, if they are callee-saved.
enum class rule : std::uint8_t { same, unknown, saved, value };
struct rules {
  std::uint64_t cfa_register = return_address;
  std::int64_t cfa_offset = 0;
  bool cfa_known = false;
  rule kind[column_count] = {};
  std::int64_t offset[column_count] = {}; // of `saved` and `value`, from the CFA
};

// What an FDE and its CIE say. `at` is all that may be read of the object.
struct procedure {
  cursor object;
  std::uintptr_t begin = 0;
  std::uintptr_t size = 0;
  std::uint64_t code_alignment = 0;
  std::int64_t data_alignment = 0;
  cursor initial; // instructions of the CIE
  cursor own;     // and of the FDE
};

template <class T>
bool read(cursor &c, T &value) noexcept {
  if (static_cast<std::size_t>(c.end - c.at) < sizeof value)
    return false;
  std::memcpy(&value, c.at, sizeof value);
  c.at += sizeof value;
  return true;
}

// `size` bytes from where `c` stands, as a cursor of their own; `c` goes behind them.
bool take(cursor &c, std::uint64_t size, cursor &out) noexcept {
  if (size > static_cast<std::uint64_t>(c.end - c.at))
    return false;
  out = {c.at, c.at + size};
  c.at += size;
  return true;
}

constexpr std::uint8_t pcrel_sdata4 = 0x1b, udata4 = 0x03, datarel_sdata4 = 0x3b;

std::uintptr_t address_of(const unsigned char *p) noexcept { return reinterpret_cast<std::uintptr_t>(p); }

// A cursor that stands `distance` bytes from `from`; false if that is outside of the object.
bool go_to(const cursor &object, const unsigned char *from, std::int64_t distance, cursor &out) noexcept {
  const std::uintptr_t at = address_of(from) + static_cast<std::uintptr_t>(distance);
  if (at < address_of(object.at) || at >= address_of(object.end))
    return false;
  out = {reinterpret_cast<const unsigned char *>(at), object.end};
  return true;
}

// The FDE that begins last at or before `pc`, by the table of .eh_frame_hdr.
bool find_fde(const cursor &object, const unsigned char *header, std::uintptr_t pc, cursor &fde) noexcept {
  struct entry {
    std::int32_t begin, fde;
  };
  cursor c;
  std::uint8_t version = 0, pointer_encoding = 0, count_encoding = 0, table_encoding = 0;
  std::int32_t frames = 0;
  std::uint32_t count = 0;
  if (!go_to(object, header, 0, c) || !read(c, version) || !read(c, pointer_encoding) || !read(c, count_encoding) ||
      !read(c, table_encoding) || version != 1 || pointer_encoding != pcrel_sdata4 || count_encoding != udata4 ||
      table_encoding != datarel_sdata4 || !read(c, frames) || !read(c, count) ||
      count > static_cast<std::uint64_t>(c.end - c.at) / sizeof(entry))
    return false;
  const auto at = [&](std::uint32_t index) {
    entry e;
    std::memcpy(&e, c.at + index * sizeof e, sizeof e);
    return e;
  };
  const auto wanted = static_cast<std::int64_t>(pc - address_of(header));
  std::uint32_t low = 0;
  for (std::uint32_t high = count; low < high;) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (at(middle).begin <= wanted)
      low = middle + 1;
    else
      high = middle;
  }
  return low != 0 && go_to(object, header, at(low - 1).fde, fde);
}

// Behind the letter 'P': an encoded pointer to the personality routine, to be skipped.
bool skip_personality(cursor &c) noexcept {
  std::uint8_t encoding = 0;
  cursor skipped;
  if (!read(c, encoding))
    return false;
  switch (encoding & 0x0f) {
  case 0x03:
  case 0x0b:
    return take(c, 4, skipped);
  case 0x00:
  case 0x04:
  case 0x0c:
    return take(c, 8, skipped);
  default:
    return false;
  }
}

// An entry's length and contents.
bool read_entry(cursor c, cursor &contents) noexcept {
  std::uint32_t length = 0;
  return read(c, length) && length != 0 && length != 0xffffffff && take(c, length, contents);
}

bool read_cie(cursor c, procedure &p, bool &augmented) noexcept {
  std::uint32_t id = 0;
  std::uint8_t version = 0, address_column = 0;
  if (!read_entry(c, c) || !read(c, id) || id != 0 || !read(c, version) || version != 1)
    return false;
  const auto *const letters = reinterpret_cast<const char *>(c.at);
  const std::size_t room = static_cast<std::size_t>(c.end - c.at);
  const std::size_t count = strnlen(letters, room);
  if (count == room)
    return false;
  c.at += count + 1;
  if (!map::read_uleb(c, p.code_alignment) || !read_sleb(c, p.data_alignment) || !read(c, address_column) ||
      address_column != return_address)
    return false;
  augmented = count != 0;
  std::uint8_t address_encoding = 0, ignored = 0;
  cursor augmentation;
  if (std::uint64_t size = 0; augmented && (letters[0] != 'z' || !map::read_uleb(c, size) || !take(c, size, augmentation)))
    return false;
  for (std::size_t i = 1; i < count; ++i)
    if (letters[i] == 'R'   ? !read(augmentation, address_encoding)
        : letters[i] == 'L' ? !read(augmentation, ignored)
                            : letters[i] != 'P' || !skip_personality(augmentation))
      return false; // 'S', a signal frame, too
  p.initial = c;
  return address_encoding == pcrel_sdata4;
}

bool read_fde(const cursor &object, const cursor &fde, procedure &p) noexcept {
  cursor c, cie;
  std::uint32_t back = 0;
  if (!read_entry(fde, c))
    return false;
  const unsigned char *const pointer = c.at;
  bool augmented = false;
  if (!read(c, back) || back == 0 || !go_to(object, pointer, -std::int64_t{back}, cie) || !read_cie(cie, p, augmented))
    return false;
  const std::uintptr_t here = address_of(c.at);
  std::int32_t begin = 0;
  std::uint32_t size = 0;
  cursor skipped;
  if (!read(c, begin) || !read(c, size))
    return false;
  if (std::uint64_t length = 0; augmented && (!map::read_uleb(c, length) || !take(c, length, skipped)))
    return false;
  p.begin = here + static_cast<std::uintptr_t>(std::int64_t{begin});
  p.size = size;
  p.own = c;
  return true;
}

// Runs call frame instructions until the row of `offset`, bytes behind the procedure's start.
class machine {
public:
  machine(const procedure &p, std::uintptr_t offset) noexcept : p_(p), offset_(offset) {}

  bool run(rules &out) noexcept {
    if (!run(p_.initial))
      return false;
    initial_ = now_;
    if (!run(p_.own))
      return false;
    out = now_;
    return true;
  }

private:
  static constexpr unsigned deepest = 8;

  bool run(cursor c) noexcept {
    while (c.at != c.end && location_ <= offset_)
      if (!one(c))
        return false;
    return true;
  }

  void advance(std::uint64_t by) noexcept { location_ += by * p_.code_alignment; }

  // Of registers beyond ours (vector ones) nothing is kept.
  void set(std::uint64_t column, rule kind, std::int64_t offset = 0) noexcept {
    if (column < column_count) {
      now_.kind[column] = kind;
      now_.offset[column] = offset;
    }
  }
  void restore(std::uint64_t column) noexcept {
    if (column < column_count)
      set(column, initial_.kind[column], initial_.offset[column]);
  }

  bool one(cursor &c) noexcept {
    const std::uint8_t byte = *c.at++;
    const std::uint8_t operand = byte & 0x3f;
    switch (byte >> 6) {
    case 1: // advance_loc
      advance(operand);
      return true;
    case 2: { // offset
      std::uint64_t factored = 0;
      if (!map::read_uleb(c, factored))
        return false;
      set(operand, rule::saved, static_cast<std::int64_t>(factored) * p_.data_alignment);
      return true;
    }
    case 3: // restore
      restore(operand);
      return true;
    default:
      return operand < 0x0c ? simple(operand, c) : about_cfa(operand, c);
    }
  }

  template <class T>
  bool advance_by(cursor &c) noexcept {
    T by = 0;
    if (!read(c, by))
      return false;
    advance(by);
    return true;
  }

  bool simple(std::uint8_t code, cursor &c) noexcept {
    std::uint64_t column = 0, factored = 0;
    switch (code) {
    case 0x00: // nop
      return true;
    case 0x02: // advance_loc1, 2, 4
      return advance_by<std::uint8_t>(c);
    case 0x03:
      return advance_by<std::uint16_t>(c);
    case 0x04:
      return advance_by<std::uint32_t>(c);
    case 0x05: // offset_extended
      if (!map::read_uleb(c, column) || !map::read_uleb(c, factored))
        return false;
      set(column, rule::saved, static_cast<std::int64_t>(factored) * p_.data_alignment);
      return true;
    case 0x06: // restore_extended
      if (!map::read_uleb(c, column))
        return false;
      restore(column);
      return true;
    case 0x07: // undefined
    case 0x08: // same_value
      if (!map::read_uleb(c, column))
        return false;
      set(column, code == 0x07 ? rule::unknown : rule::same);
      return true;
    case 0x09: // register: in another one
      if (!map::read_uleb(c, column) || !map::read_uleb(c, factored))
        return false;
      set(column, rule::unknown);
      return true;
    case 0x0a: // remember_state
      if (depth_ == deepest)
        return false;
      stack_[depth_++] = now_;
      return true;
    case 0x0b: // restore_state
      if (depth_ == 0)
        return false;
      now_ = stack_[--depth_];
      return true;
    default:
      return false;
    }
  }

  bool about_cfa(std::uint8_t code, cursor &c) noexcept {
    std::uint64_t number = 0, size = 0;
    cursor skipped;
    switch (code) {
    case 0x0c: // def_cfa
      if (!map::read_uleb(c, now_.cfa_register) || !map::read_uleb(c, number))
        return false;
      now_.cfa_offset = static_cast<std::int64_t>(number);
      now_.cfa_known = true;
      return true;
    case 0x0d: // def_cfa_register
      return map::read_uleb(c, now_.cfa_register);
    case 0x0e: // def_cfa_offset
      if (!map::read_uleb(c, number))
        return false;
      now_.cfa_offset = static_cast<std::int64_t>(number);
      return true;
    case 0x0f: // def_cfa_expression
      now_.cfa_known = false;
      return map::read_uleb(c, size) && take(c, size, skipped);
    case 0x10: // expression, val_expression: of a register
    case 0x16:
      if (!map::read_uleb(c, number) || !map::read_uleb(c, size) || !take(c, size, skipped))
        return false;
      set(number, rule::unknown);
      return true;
    case 0x2e: // GNU_args_size
      return map::read_uleb(c, number);
    default:
      return false;
    }
  }

  const procedure &p_;
  const std::uintptr_t offset_;
  std::uintptr_t location_ = 0;
  rules now_, initial_;
  rules stack_[deepest];
  unsigned depth_ = 0;
};

bool holds_word(const stack_bounds &stack, std::uintptr_t address) noexcept {
  return address % word == 0 && address >= stack.low && address <= stack.high - word;
}
std::uintptr_t read_word(std::uintptr_t address) noexcept { return *reinterpret_cast<const volatile std::uintptr_t *>(address); }

bool find(std::uintptr_t address, dl_find_object &object) noexcept {
  return _dl_find_object != nullptr && _dl_find_object(reinterpret_cast<void *>(address), &object) == 0;
}

constexpr std::uint32_t callee_saved = 1u << rbx | 1u << rbp | 0xfu << r12;

// The CFA; 0: not found.
std::uintptr_t cfa_of(const stack_bounds &stack, const rules &r, const registers &frame) noexcept {
  if (!r.cfa_known || r.cfa_register >= return_address || (r.cfa_register != rsp && (frame.known >> r.cfa_register & 1) == 0))
    return 0;
  const std::uintptr_t origin = r.cfa_register == rsp ? frame.sp : frame.value[r.cfa_register];
  const std::uintptr_t cfa = origin + static_cast<std::uintptr_t>(r.cfa_offset);
  return cfa > frame.sp && cfa <= stack.high && holds_word(stack, cfa - word) ? cfa : 0;
}

bool apply(const stack_bounds &stack, const rules &r, registers &frame, step_result &out) noexcept {
  const std::uintptr_t cfa = cfa_of(stack, r, frame);
  if (cfa == 0 || r.kind[return_address] != rule::saved || r.offset[return_address] != -static_cast<std::int64_t>(word) ||
      r.kind[rsp] != rule::same)
    return false;
  registers caller;
  caller.known = frame.known & callee_saved;
  for (unsigned n = 0; n < return_address; ++n) {
    caller.value[n] = frame.value[n];
    if (r.kind[n] == rule::same)
      continue;
    caller.known &= ~(1u << n);
    const std::uintptr_t place = cfa + static_cast<std::uintptr_t>(r.offset[n]);
    if (r.kind[n] == rule::saved && holds_word(stack, place) && place >= frame.sp) {
      caller.value[n] = read_word(place);
      caller.known |= 1u << n;
    }
  }
  out.slot = cfa - word;
  caller.pc = read_word(out.slot);
  caller.sp = cfa;
  frame = caller;
  return true;
}

} // namespace

bool step(const stack_bounds &stack, registers &frame, bool interrupted, step_result &out) noexcept {
  const std::uintptr_t pc = interrupted ? frame.pc : frame.pc - 1;
  dl_find_object object;
  if (!find(pc, object) || object.dlfo_eh_frame == nullptr)
    return false;
  procedure p;
  p.object = {static_cast<const unsigned char *>(object.dlfo_map_start), static_cast<const unsigned char *>(object.dlfo_map_end)};
  cursor fde;
  if (!find_fde(p.object, static_cast<const unsigned char *>(object.dlfo_eh_frame), pc, fde) || !read_fde(p.object, fde, p) ||
      pc - p.begin >= p.size)
    return false;
  rules r;
  if (!machine(p, pc - p.begin).run(r))
    return false;
  out.function = p.begin;
  out.object = address_of(p.object.at);
  return apply(stack, r, frame, out);
}

bool step_managed(const stack_bounds &stack, const map::frame_rule &at, registers &frame) noexcept {
  constexpr unsigned column[abi::saved_register_count] = {rbp, 15, 14, 13, r12, rbx};
  if (at.cfa_is_rbp && (frame.known >> rbp & 1) == 0)
    return false;
  arch::walk_registers registers{frame.pc, frame.sp, frame.value[rbp]};
  if (preempt::step(stack, at, registers) != refusal::none)
    return false;
  for (unsigned r = 0; r < abi::saved_register_count; ++r)
    if ((at.saved >> r & 1) != 0) {
      const std::uintptr_t place = registers.sp - at.slot[r];
      const bool there = holds_word(stack, place);
      frame.known = (frame.known & ~(1u << column[r])) | (there ? 1u << column[r] : 0);
      frame.value[column[r]] = there ? read_word(place) : 0;
    }
  frame.known &= callee_saved;
  frame.pc = registers.pc;
  frame.sp = registers.sp;
  return true;
}

std::uintptr_t object_of(std::uintptr_t address) noexcept {
  dl_find_object object;
  return find(address, object) ? reinterpret_cast<std::uintptr_t>(object.dlfo_map_start) : 0;
}

} // namespace stillpoint::rt::preempt::cfi
