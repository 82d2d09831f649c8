// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loops that move references about in arrays and lists and call nothing: where the compiler makes copies without the checks of write barriers. An object whose
// only reference is moved to where the collector has looked already is lost unless somebody tells it.
//
// As long as the loops run, another task collects. Every object is found again at the end, with what was in it.
#include "../programs/program.h"

#include <algorithm>
#include <atomic>

namespace {

struct item {
  std::uint64_t key;
  std::uint64_t check;
  explicit item(std::uint64_t key) : key(key), check(~key * 3) {}
};
using items = gc::array<gc::ref<item>>;

struct link {
  gc::ref<link> next;
  gc::ref<item> what;
};

items make_items(std::size_t count, random_numbers &numbers) {
  const auto all = gc::make_array<gc::ref<item>>(count);
  for (auto &one : all)
    one = gc::make<item>(numbers() >> 1);
  return all;
}

std::uint64_t sum_of(items all) {
  std::uint64_t sum = 0;
  for (const auto &one : all) {
    CHECK(one && one->check == ~one->key * 3);
    sum += one->key;
  }
  return sum;
}

[[gnu::noinline]] void reverse(items all, unsigned times) {
  const std::size_t count = all.size();
  for (unsigned round = 0; round < times; ++round)
    for (std::size_t i = 0, j = count - 1; i < j; ++i, --j) {
      const gc::ref<item> first = all[i];
      all[i] = all[j];
      all[j] = first;
    }
}

[[gnu::noinline]] void rotate(items all, unsigned times) {
  const std::size_t last = all.size() - 1;
  for (unsigned round = 0; round < times; ++round) {
    const gc::ref<item> first = all[0];
    for (std::size_t i = 0; i < last; ++i)
      all[i] = all[i + 1];
    all[last] = first;
  }
}

[[gnu::noinline]] void sort(items all) {
  std::sort(all.begin(), all.end(), [](const gc::ref<item> &a, const gc::ref<item> &b) { return a->key < b->key; });
}

[[gnu::noinline]] void sort_by_insertion(items all) {
  for (std::size_t i = 1; i < all.size(); ++i) {
    const gc::ref<item> one = all[i];
    std::size_t at = i;
    for (; at > 0 && one->key < all[at - 1]->key; --at)
      all[at] = all[at - 1];
    all[at] = one;
  }
}

[[gnu::noinline]] gc::ref<link> reverse(gc::ref<link> at, unsigned times) {
  for (unsigned round = 0; round < times; ++round) {
    gc::ref<link> done = nullptr;
    while (at) {
      const gc::ref<link> next = at->next;
      at->next = done;
      done = at;
      at = next;
    }
    at = done;
  }
  return at;
}

// What the links hold goes round, one link at a time.
[[gnu::noinline]] void rotate(gc::ref<link> first, unsigned times) {
  for (unsigned round = 0; round < times; ++round) {
    gc::ref<item> carried = first->what;
    for (gc::ref<link> at = first->next; at; at = at->next) {
      const gc::ref<item> here = at->what;
      at->what = carried;
      carried = here;
    }
    first->what = carried;
  }
}

void shuffle(items all, random_numbers &numbers) {
  for (std::size_t i = all.size(); i > 1; --i)
    std::swap(all[i - 1], all[numbers.below(i)]);
}

void check_arrays(std::size_t count, unsigned times, random_numbers &numbers) {
  const items all = make_items(count, numbers);
  const std::uint64_t sum = sum_of(all);
  reverse(all, times);
  CHECK(sum_of(all) == sum);
  rotate(all, times);
  CHECK(sum_of(all) == sum);
  sort(all);
  CHECK(sum_of(all) == sum && std::is_sorted(all.begin(), all.end(), [](const auto &a, const auto &b) { return a->key < b->key; }));
  shuffle(all, numbers);
  sort(all);
  CHECK(sum_of(all) == sum);
  const items few = make_items(count / 16 + 2, numbers);
  const std::uint64_t sum_of_few = sum_of(few);
  sort_by_insertion(few);
  CHECK(sum_of(few) == sum_of_few && std::is_sorted(few.begin(), few.end(), [](const auto &a, const auto &b) { return a->key < b->key; }));
}

void check_list(std::size_t count, unsigned times, random_numbers &numbers) {
  gc::ref<link> first = nullptr;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto what = gc::make<item>(numbers() >> 1);
    sum += what->key;
    first = gc::make<link>(first, what);
  }
  first = reverse(first, times);
  rotate(first, times);
  first = reverse(first, times);
  std::size_t found = 0;
  for (gc::ref<link> at = first; at; at = at->next, ++found) {
    CHECK(at->what && at->what->check == ~at->what->key * 3);
    sum -= at->what->key;
  }
  CHECK(found == count && sum == 0);
}

// With a scale of more than 1 there is enough for marking to take a while: the other task collects again and again.
void reorder(unsigned scale) {
  random_numbers numbers(7919);
  std::atomic<bool> done = false;
  stillpoint::wait_group collecting;
  if (scale > 1) {
    collecting.add(1);
    stillpoint::go([&] {
      while (!done.load(std::memory_order_relaxed))
        gc::collect();
      collecting.done();
    });
  }
  for (unsigned round = 0; round < (scale + 9) / 10; ++round) {
    check_arrays(scale > 1 ? 20'000 : 40, scale > 1 ? 40 : 3, numbers);
    check_list(scale > 1 ? 5'000 : 30, scale > 1 ? 40 : 3, numbers);
  }
  done.store(true, std::memory_order_relaxed);
  collecting.wait();
}

} // namespace

int main(int argc, char **argv) { return run_program("reorder", argc, argv, reorder); }
