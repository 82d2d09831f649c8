// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A cache that forgets what was used longest ago: hash buckets and a doubly linked list of references. Weak references beside it see exactly the
// evicted entries die.
#include "program.h"

#include <list>
#include <vector>

namespace {

struct entry {
  std::uint64_t key = 0, value = 0;
  gc::ref<entry> bucket_next, newer, older;
};

class cache {
public:
  explicit cache(std::size_t capacity) : buckets_(gc::make_array<gc::ref<entry>>(capacity * 2)), capacity_(capacity) {}

  gc::ref<entry> find(std::uint64_t key) {
    gc::ref<entry> e = bucket(key);
    while (e && e->key != key)
      e = e->bucket_next;
    if (e) {
      unlink(e);
      link_newest(e);
    }
    return e;
  }

  gc::ref<entry> put(std::uint64_t key, std::uint64_t value) {
    if (gc::ref<entry> e = find(key)) {
      e->value = value;
      return e;
    }
    if (size_ == capacity_)
      evict();
    const gc::ref<entry> e = gc::make<entry>();
    e->key = key;
    e->value = value;
    e->bucket_next = bucket(key);
    bucket(key) = e;
    link_newest(e);
    ++size_;
    return e;
  }

private:
  gc::ref<entry> &bucket(std::uint64_t key) { return buckets_[key * 0x9e3779b97f4a7c15 % buckets_.size()]; }

  void link_newest(gc::ref<entry> e) {
    e->older = newest_;
    e->newer = nullptr;
    if (newest_)
      newest_->newer = e;
    else
      oldest_ = e;
    newest_ = e;
  }

  void unlink(gc::ref<entry> e) {
    (e->newer ? e->newer->older : newest_) = e->older;
    (e->older ? e->older->newer : oldest_) = e->newer;
  }

  void evict() {
    const gc::ref<entry> e = oldest_;
    unlink(e);
    gc::ref<entry> *slot = &bucket(e->key);
    while (*slot != e)
      slot = &(*slot)->bucket_next;
    *slot = e->bucket_next;
    --size_;
  }

  gc::array<gc::ref<entry>> buckets_;
  gc::ref<entry> newest_, oldest_;
  std::size_t capacity_, size_ = 0;
};

void body(unsigned scale) {
  constexpr std::size_t capacity = 24;
  cache c(capacity);
  std::list<std::uint64_t> model; // newest first
  random_numbers random(3);
  const unsigned steps = 400 * scale;
  const auto watchers = gc::make_array<gc::weak<entry>>(64);
  for (unsigned i = 0; i < steps; ++i) {
    const std::uint64_t key = random.below(64);
    model.remove(key);
    model.push_front(key);
    if (model.size() > capacity)
      model.pop_back();
    watchers[key] = gc::weak<entry>(c.put(key, key * i));
    CHECK(c.find(key)->value == key * i);
  }
  gc::collect();
  std::size_t alive = 0;
  for (std::uint64_t key = 0; key < 64; ++key)
    alive += watchers[key].lock() ? 1 : 0;
  CHECK(alive <= capacity + 1); // one more may still be named by a register
  for (std::uint64_t key : model) {
    const gc::ref<entry> e = watchers[key].lock();
    CHECK(e && e->key == key && e == c.find(key)); // the last use of `c`, which keeps them all alive up to here
  }
}

} // namespace

int main(int argc, char **argv) { return run_program("lru_cache", argc, argv, body); }
