// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Raw pointers into collected objects, collected over the turns of a loop in local arrays and moved about there by functions that are not
// inlined: the local object is all that holds them, and no word of it stays where it was put.
#include "program.h"

#include <algorithm>
#include <utility>

namespace {

struct node {
  explicit node(std::uint64_t v) : value(v) {}
  std::uint64_t value;
  std::uint64_t more[3] = {};
};

[[gnu::noinline]] gc::ref<node> make(std::uint64_t value) { return gc::make<node>(value); }

[[gnu::noinline]] void churn(int count) {
  for (int i = 0; i < count; ++i)
    make(1'000'000'000);
}

// Takes each pointer out of the array for a while in which objects are made.
[[gnu::noinline]] void rotate(node **pointers, std::size_t size) {
  node *const first = pointers[0];
  for (std::size_t i = 1; i < size; ++i)
    pointers[i - 1] = pointers[i];
  churn(1);
  pointers[size - 1] = first;
}

[[gnu::noinline]] void exchange(node **a, node **b, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    node *const mine = std::exchange(a[i], nullptr);
    churn(1);
    a[i] = std::exchange(b[size - 1 - i], mine);
  }
}

[[gnu::noinline]] std::uint64_t sum(node *const *pointers, std::size_t size) {
  std::uint64_t total = 0;
  churn(2);
  for (std::size_t i = 0; i < size; ++i)
    if (pointers[i])
      total += pointers[i]->value;
  return total;
}

// One is put in at the front in each turn, and all move on behind that.
void moved_between_stores(std::uint64_t turns) {
  node *ring[8] = {};
  for (std::uint64_t i = 0; i < turns; ++i) {
    ring[0] = make(i).get();
    rotate(ring, 8);
    churn(2);
    std::uint64_t expected = 0;
    for (std::uint64_t back = 0; back < 8 && back <= i; ++back) {
      CHECK(ring[7 - back]->value == i - back);
      expected += i - back;
    }
    CHECK(sum(ring, 8) == expected);
  }
}

// The places are known at run time only; then the array is filled again while another has what was in it.
void moved_to_another_array(std::uint64_t turns) {
  constexpr std::size_t size = 12;
  node *mine[size] = {};
  node *others[size] = {};
  for (std::uint64_t i = 0; i < turns; ++i) {
    for (std::uint64_t j = 0; j < size; ++j)
      mine[(j * 5 + i) % size] = make(100 * i + j).get();
    if (i != 0)
      CHECK(sum(others, size) == 12 * 100 * (i - 1) + 66);
    exchange(mine, others, size);
    churn(3);
    CHECK(sum(others, size) == 12 * 100 * i + 66);
    if (i != 0)
      CHECK(sum(mine, size) == 12 * 100 * (i - 1) + 66);
  }
}

// A container with room for a few in itself, whose functions are not inlined.
template <std::size_t N>
class inline_vector {
public:
  [[gnu::noinline]] void push_back(node *p) {
    churn(1);
    *slot(size_) = p;
    ++size_;
  }
  [[gnu::noinline]] void erase_first() {
    churn(1);
    std::move(slot(1), slot(size_), slot(0));
    --size_;
  }
  [[gnu::noinline]] node *at(std::size_t i) { return *slot(i); }
  node **slot(std::size_t i) { return reinterpret_cast<node **>(storage_) + i; }
  std::size_t size() const { return size_; }

private:
  std::size_t size_ = 0;
  alignas(node *) unsigned char storage_[N * sizeof(node *)];
};

void in_a_container(std::uint64_t turns) {
  inline_vector<6> last;
  for (std::uint64_t i = 0; i < turns; ++i) {
    if (last.size() == 6)
      last.erase_first();
    last.push_back(make(i).get());
    churn(1);
    for (std::size_t j = 0; j < last.size(); ++j)
      CHECK(last.at(j)->value == i + 1 - last.size() + j);
  }
}

[[gnu::noinline]] bool less(const node *a, const node *b) {
  churn(1);
  return a->value < b->value;
}

[[gnu::noinline]] void sort(node **from, node **to) { std::sort(from, to, less); }

void sorted(std::uint64_t turns) {
  constexpr std::size_t size = 24;
  node *pointers[size];
  for (std::uint64_t i = 0; i < turns; ++i) {
    for (std::uint64_t j = 0; j < size; ++j)
      pointers[j] = make(j * 7 % size).get();
    sort(pointers, pointers + size);
    for (std::uint64_t j = 0; j < size; ++j)
      CHECK(pointers[j]->value == j);
    for (std::uint64_t j = 0; j < size; j += 2) // every other one anew
      pointers[j] = make(1000 + j).get();
    std::sort(pointers, pointers + size, less);
    churn(2);
    for (std::uint64_t j = 0; j < size / 2; ++j)
      CHECK(pointers[j]->value == 2 * j + 1 && pointers[size / 2 + j]->value == 1000 + 2 * j);
  }
}

// Copied as a whole, by value and by assignment: such copies may go by way of integers.
struct view {
  const node *first = nullptr;
};
struct two_views {
  view a, b;
};

[[gnu::noinline]] void look(two_views &both, const view *kept, std::size_t size) {
  asm volatile("" ::"r"(&both), "r"(kept), "r"(size) : "memory");
  churn(2);
}

void copied_as_a_whole(std::uint64_t turns) {
  view kept[4];
  for (std::uint64_t i = 0; i < turns; ++i) {
    two_views both;
    both.a.first = make(2 * i).get();
    both.b.first = make(2 * i + 1).get();
    look(both, kept, 4);
    kept[i % 4] = i % 2 != 0 ? both.a : both.b;
    two_views copy = both;
    std::swap(copy.a, copy.b);
    look(copy, kept, 4);
    kept[(i + 1) % 4] = copy.b;
    churn(1);
    CHECK(kept[i % 4].first->value == 2 * i + (i % 2 == 0));
    CHECK(kept[(i + 1) % 4].first->value == 2 * i && copy.a.first->value == 2 * i + 1);
    if (i != 0)
      CHECK(kept[(i + 3) % 4].first->value == 2 * (i - 1) + (i % 2 != 0));
  }
}

void body(unsigned scale) {
  for (unsigned i = 0; i < scale; ++i) {
    moved_between_stores(40);
    moved_to_another_array(10);
    in_a_container(40);
    sorted(3);
    copied_as_a_whole(30);
  }
}

} // namespace

int main(int argc, char **argv) { return run_program("raw pointers", argc, argv, body); }
