// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See text.h.
#include "test/stepping/text.h"

#include "runtime/map/reader.h"
#include "stillpoint/abi/map_format.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

extern "C" [[gnu::weak, gnu::visibility("hidden")]] const stillpoint::abi::module_descriptor this_module asm(STILLPOINT_DESCRIPTOR_SYMBOL);

namespace stillpoint::test {
namespace {

map::bytes_at section(const unsigned char *begin, const unsigned char *end) {
  return {begin, static_cast<std::size_t>(end - begin), reinterpret_cast<std::uint64_t>(begin)};
}

unsigned char *get_memory(std::size_t size) {
  void *const memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    std::perror("stepping: mmap");
    std::exit(1);
  }
  return static_cast<unsigned char *>(memory);
}

template <class Visit>
void each_fragment(Visit visit) {
  const map::table_view tables{section(this_module.records_begin, this_module.records_end),
                               section(this_module.maps_begin, this_module.maps_end)};
  for (std::size_t i = 0; i < tables.record_count(); ++i) {
    map::fragment f;
    std::uint64_t end = 0;
    if (map::visit_fragment(tables, i, f, end, nullptr, nullptr) != map::status::ok) {
      std::fprintf(stderr, "stepping: the tables are corrupt at record %zu\n", i);
      std::exit(1);
    }
    visit(f.start, end);
  }
}

} // namespace

bool managed_text::open() {
  if (&this_module == nullptr || this_module.records_begin == this_module.records_end)
    return false;
  std::uintptr_t low = UINTPTR_MAX, high = 0;
  each_fragment([&](std::uintptr_t start, std::uintptr_t end) {
    low = std::min(low, start);
    high = std::max(high, end);
  });
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  begin_ = low & ~(page - 1);
  size_ = ((high + page - 1) & ~(page - 1)) - begin_;
  if (mprotect(reinterpret_cast<void *>(begin_), size_, PROT_READ | PROT_WRITE | PROT_EXEC) != 0) {
    std::perror("stepping: mprotect of this program's code");
    std::exit(1);
  }
  marks_ = get_memory(size_);
  copy_ = get_memory(size_);
  std::memcpy(copy_, reinterpret_cast<const void *>(begin_), size_);
  each_fragment([&](std::uintptr_t start, std::uintptr_t end) { std::memset(marks_ + (start - begin_), managed, end - start); });
  each_fragment([&](std::uintptr_t start, std::uintptr_t) { plant(start); });
  return true;
}

void managed_text::close() {
  if (closed_.exchange(true, std::memory_order_relaxed))
    return;
  for (std::uintptr_t pc = begin_; pc < begin_ + size_; ++pc)
    if (planted(pc)) {
      __atomic_and_fetch(&marks_[pc - begin_], static_cast<unsigned char>(~breakpoint), __ATOMIC_SEQ_CST);
      lift(pc);
    }
}

void managed_text::plant(std::uintptr_t pc) {
  if (!covers(pc) || planted(pc) || closed_.load(std::memory_order_relaxed))
    return;
  __atomic_or_fetch(&marks_[pc - begin_], breakpoint, __ATOMIC_SEQ_CST);
  write(pc, int3);
}

} // namespace stillpoint::test
