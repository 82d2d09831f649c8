// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See roots.h.
#include "gc/roots.h"

#include "gc/mark.h"
#include "sched/lock.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <unordered_map>

namespace stillpoint::rt::gc {
namespace {

struct rooted_block {
  rooted_block *before;
  rooted_block *after;
  const type_record *type;
  void *allocation;
  std::size_t count; // objects, one behind the other
};
static_assert(sizeof(rooted_block) == 40);

struct root_set {
  lock mutex;                                                                           // a leaf, but for marking's lists
  std::unordered_map<std::uintptr_t *, std::size_t> words STILLPOINT_GUARDED_BY(mutex); // how often each was registered
  rooted_block blocks STILLPOINT_GUARDED_BY(mutex) = {nullptr, nullptr, nullptr, nullptr, 0};
};

// Never destroyed: destructors of the program's globals still take their roots back.
root_set &roots() noexcept {
  alignas(root_set) static char memory[sizeof(root_set)];
  static root_set *const set = new (memory) root_set;
  return *set;
}

rooted_block *header_of(void *object) noexcept { return static_cast<rooted_block *>(object) - 1; }

} // namespace

void add_root(std::uintptr_t *address) {
  root_set &set = roots();
  const lock_guard held(set.mutex);
  ++set.words[address];
}

void remove_root(std::uintptr_t *address) noexcept {
  root_set &set = roots();
  const lock_guard held(set.mutex);
  const auto at = set.words.find(address);
  if (at != set.words.end() && --at->second == 0)
    set.words.erase(at);
}

void *allocate_rooted(abi::layout &layout, std::size_t count) {
  const type_record &type = *class_of(layout).type;
  const std::size_t alignment = std::max<std::size_t>(type.alignment, alignof(std::max_align_t));
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(count, std::size_t{type.size}, &bytes) ||
      __builtin_add_overflow(bytes, sizeof(rooted_block) + alignment, &bytes))
    throw std::bad_alloc();
  void *const allocation = std::calloc(1, bytes);
  if (!allocation)
    throw std::bad_alloc();
  const std::uintptr_t object =
      (reinterpret_cast<std::uintptr_t>(allocation) + sizeof(rooted_block) + alignment - 1) / alignment * alignment;
  rooted_block *const block = header_of(reinterpret_cast<void *>(object));
  root_set &set = roots();
  const lock_guard held(set.mutex);
  *block = {&set.blocks, set.blocks.after, &type, allocation, count};
  if (block->after)
    block->after->before = block;
  set.blocks.after = block;
  return reinterpret_cast<void *>(object);
}

void free_rooted(void *object) noexcept {
  if (!object)
    return;
  rooted_block *const block = header_of(object);
  {
    root_set &set = roots();
    const lock_guard held(set.mutex);
    block->before->after = block->after;
    if (block->after)
      block->after->before = block->before;
  }
  std::free(block->allocation);
}

void mark_registered_roots(cache &mine) noexcept {
  root_set &set = roots();
  const lock_guard held(set.mutex);
  for (const auto &[address, times] : set.words)
    if (const std::uintptr_t word = __atomic_load_n(address, __ATOMIC_RELAXED))
      mark(mine, word);
  for (const rooted_block *b = set.blocks.after; b; b = b->after)
    for (std::size_t i = 0; i < b->count; ++i)
      mark_references_in(mine, *b->type, reinterpret_cast<const char *>(b + 1) + i * b->type->size);
}

} // namespace stillpoint::rt::gc
