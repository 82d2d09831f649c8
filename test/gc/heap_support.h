// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the heap's tests share: hand-written layouts, and a collector without a scheduler, whose roots the test names.
#ifndef STILLPOINT_TEST_GC_HEAP_SUPPORT_H
#define STILLPOINT_TEST_GC_HEAP_SUPPORT_H

#include "gc/cycle.h"
#include "gc/death.h"
#include "gc/heap.h"
#include "gc/mark.h"
#include "gc/pages.h"
#include "gc/roots.h"
#include "stillpoint/gc/collector.hpp"
#include "stillpoint/gc/entry.hpp"

#include <cstdint>
#include <gtest/gtest.h>
#include <vector>

namespace stillpoint::test {

using namespace rt::gc;

// A layout of `size` bytes with references at `offsets`.
class test_layout {
public:
  test_layout(std::uint32_t size, std::vector<std::uint32_t> offsets, std::uint32_t alignment = 8, void (*destroy)(void *) = nullptr,
              const char *name = "test type")
      : offsets_(std::move(offsets)) {
    value_ = {abi::layout_version, size, alignment, static_cast<std::uint32_t>(offsets_.size()), offsets_.data(), 0, destroy, name, {}};
  }
  test_layout(const test_layout &) = delete;
  test_layout &operator=(const test_layout &) = delete;
  abi::layout &get() { return value_; }
  operator abi::layout &() { return value_; }

private:
  std::vector<std::uint32_t> offsets_;
  abi::layout value_;
};

// The collector as one thread sees it that has no scheduler: a cache, and a list of words as roots.
class alone : public testing::Test {
protected:
  alone() {
    set_page_limit(0);
    collect();
  }
  ~alone() override {
    roots.clear();
    rt::gc::heap_now.poison = false;
    rt::gc::heap_now.single_cells = false;
    collect();
    collect();
    finish_sweeping();
  }

  std::uintptr_t make(abi::layout &type) { return reinterpret_cast<std::uintptr_t>(take_cell(mine, class_of(type), type.size)); }
  std::uintptr_t make_array(abi::layout &type, std::size_t count, bool header) {
    std::size_t bytes = 0;
    cell_class &c = class_of_array(type, count, header, bytes);
    const auto cell = reinterpret_cast<std::uintptr_t>(take_cell(mine, c, bytes));
    if (header && cell)
      *reinterpret_cast<std::size_t *>(cell) = count;
    return cell;
  }
  static void mark_test_roots(cache &into, void *self) {
    for (const std::uintptr_t root : static_cast<alone *>(self)->roots)
      mark(into, root);
  }
  void begin() { begin_alone(mine, mark_test_roots, this); }
  void finish() { finish_alone(mine, mark_test_roots, this); }
  void collect() { collect_alone(mine, mark_test_roots, this); }
  // Whether `address` is in a cell that is handed out: exact once all is swept.
  static bool is_allocated(std::uintptr_t address) {
    finish_sweeping();
    const place p = find(address);
    return p && (p.in->allocated[p.word()] & p.bit()) != 0 && (p.in->quarantined[p.word()] & p.bit()) == 0;
  }
  static std::uintptr_t &word(std::uintptr_t object, std::size_t offset) { return *reinterpret_cast<std::uintptr_t *>(object + offset); }

  cache &mine = this_cache() ? *this_cache() : attach_cache(nullptr);
  std::vector<std::uintptr_t> roots;
};

} // namespace stillpoint::test

#endif
