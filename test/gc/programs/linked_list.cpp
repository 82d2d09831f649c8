// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Doubly linked rings: garbage in cycles, references both ways, splices and removals. A std::list does the same in step.
#include "program.h"

#include <list>

namespace {

struct link {
  gc::ref<link> next, previous;
  std::uint64_t value = 0;
};

class ring {
public:
  ring() : head_(gc::make<link>()) { head_->next = head_->previous = head_; }

  void push_back(std::uint64_t value) {
    const gc::ref<link> l = gc::make<link>();
    l->value = value;
    insert_before(head_, l);
  }

  gc::ref<link> at(std::size_t index) const {
    gc::ref<link> l = head_->next;
    while (index-- != 0)
      l = l->next;
    return l;
  }

  static void remove(gc::ref<link> l) {
    l->next->previous = l->previous;
    l->previous->next = l->next;
  }

  void move_to_front(gc::ref<link> l) {
    remove(l);
    insert_before(head_->next, l);
  }

  void reverse() {
    gc::ref<link> l = head_;
    do {
      std::swap(l->next, l->previous);
      l = l->previous;
    } while (l != head_);
  }

  bool equals(const std::list<std::uint64_t> &expected) const {
    gc::ref<link> l = head_->next;
    for (std::uint64_t value : expected) {
      if (l == head_ || l->value != value || l->next->previous != l)
        return false;
      l = l->next;
    }
    return l == head_;
  }

private:
  static void insert_before(gc::ref<link> where, gc::ref<link> l) {
    l->next = where;
    l->previous = where->previous;
    where->previous->next = l;
    where->previous = l;
  }

  gc::ref<link> head_;
};

void play(random_numbers &random, unsigned steps) {
  ring r;
  std::list<std::uint64_t> expected;
  for (unsigned i = 0; i < steps; ++i) {
    const std::uint64_t what = random.below(8);
    if (what < 4 || expected.empty()) {
      r.push_back(i);
      expected.push_back(i);
      continue;
    }
    const std::size_t index = random.below(expected.size());
    const auto it = std::next(expected.begin(), static_cast<std::ptrdiff_t>(index));
    if (what < 6) {
      ring::remove(r.at(index));
      expected.erase(it);
    } else if (what < 7) {
      r.move_to_front(r.at(index));
      expected.splice(expected.begin(), expected, it);
    } else {
      r.reverse();
      expected.reverse();
    }
  }
  CHECK(r.equals(expected));
}

void body(unsigned scale) {
  random_numbers random(11);
  for (unsigned round = 0; round < 10 * scale; ++round)
    play(random, 60);
}

} // namespace

int main(int argc, char **argv) { return run_program("linked_list", argc, argv, body); }
