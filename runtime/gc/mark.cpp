// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See mark.h.
#include "gc/mark.h"

#include "fatal.h"

#include <algorithm>
#include <bit>
#include <sys/mman.h>
#include <utility>

// Tasks write references while these functions read them, on purpose and as words.
#define STILLPOINT_RACES_WITH_TASKS __attribute__((no_sanitize("thread")))

namespace stillpoint::rt::gc {

struct mark_chunk {
  static constexpr std::size_t capacity = 510;
  mark_chunk *next;
  std::size_t count;
  std::uintptr_t items[capacity];
};
static_assert(sizeof(mark_chunk) == 4096);

namespace {

constexpr std::size_t chunks_at_a_time = 64;
constexpr std::size_t ring_size = 16;
// Of a large array at a time.
constexpr std::size_t piece = std::size_t{32} << 10;
constexpr std::uintptr_t rest_of_array = 1;
// How often a worker that marks looks whether the others have nothing to do.
constexpr unsigned scans_between_looks = 64;

struct mark_list {
  lock mutex;
  mark_chunk *full STILLPOINT_GUARDED_BY(mutex) = nullptr;
  mark_chunk *unused STILLPOINT_GUARDED_BY(mutex) = nullptr;
  std::atomic<std::uint32_t> waiting{0};  // chunks in `full`
  std::atomic<std::uint32_t> draining{0}; // workers in drain()
  std::atomic<std::uint32_t> held{0};     // 1: drain() does nothing
  std::atomic<bool> shared{true};
};
constinit mark_list list;

mark_chunk *make_chunks() noexcept STILLPOINT_REQUIRES(list.mutex) {
  void *const at = mmap(nullptr, chunks_at_a_time * sizeof(mark_chunk), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED)
    fatal("no memory to mark the collected heap with");
  auto *const chunks = static_cast<mark_chunk *>(at);
  for (std::size_t i = 1; i < chunks_at_a_time; ++i) {
    chunks[i].next = list.unused;
    list.unused = &chunks[i];
  }
  return chunks;
}

mark_chunk *empty_chunk() noexcept {
  const lock_guard held(list.mutex);
  mark_chunk *c = list.unused;
  if (c)
    list.unused = c->next;
  else
    c = make_chunks();
  c->next = nullptr;
  c->count = 0;
  return c;
}

void give_chunk(mark_chunk &c) noexcept {
  const lock_guard held(list.mutex);
  mark_chunk *&to = c.count != 0 ? list.full : list.unused;
  if (c.count != 0)
    list.waiting.fetch_add(1, std::memory_order_relaxed);
  c.next = to;
  to = &c;
}

mark_chunk *take_chunk() noexcept {
  if (list.waiting.load(std::memory_order_relaxed) == 0)
    return nullptr;
  const lock_guard held(list.mutex);
  mark_chunk *const c = list.full;
  if (c) {
    list.full = c->next;
    list.waiting.fetch_sub(1, std::memory_order_relaxed);
  }
  return c;
}

// Sets the mark; false if it was set.
template <bool Shared>
inline bool set_mark(std::atomic<std::uint64_t> &word, std::uint64_t bit) noexcept {
  const std::uint64_t seen = word.load(std::memory_order_relaxed);
  if (seen & bit)
    return false;
  if constexpr (Shared)
    return (word.fetch_or(bit, std::memory_order_relaxed) & bit) == 0;
  word.store(seen | bit, std::memory_order_relaxed);
  return true;
}

STILLPOINT_RACES_WITH_TASKS inline std::uintptr_t read(std::uintptr_t address) noexcept {
  return __atomic_load_n(reinterpret_cast<std::uintptr_t *>(address), __ATOMIC_RELAXED);
}

// A cache's marking, with everything in registers that the compiler would otherwise read again after each store.
template <bool Shared>
class marker {
public:
  explicit marker(cache &mine) noexcept : mine_(mine), heap_(range.base), size_(range.size), table_(range.table) { adopt(mine.local); }
  ~marker() {
    settle();
    mine_.marked_bytes += bytes_;
    mine_.marked_objects += objects_;
  }
  marker(const marker &) = delete;
  marker &operator=(const marker &) = delete;

  [[gnu::always_inline]] void mark(std::uintptr_t word) noexcept {
    const std::uintptr_t offset = word - heap_;
    if (offset >= size_) [[unlikely]]
      return;
    span *const s = table_[offset >> page_shift].load(std::memory_order_acquire); // pairs with the release in publish_span
    if (!s) [[unlikely]]
      return;
    const std::uint32_t cell = cell_of(*s, word);
    if (cell >= s->cells || !set_mark<Shared>(s->marked[cell / 64], std::uint64_t{1} << (cell % 64)))
      return;
    ++objects_;
    bytes_ += s->large ? s->bytes : s->cell_size;
    if (s->scan != scanning::nothing)
      push(address_of(*s, cell));
  }

  void mark_words(std::uintptr_t object, std::uint64_t words) noexcept {
    for (; words != 0; words &= words - 1)
      mark(read(object + 8 * static_cast<unsigned>(std::countr_zero(words))));
  }

  void mark_object(std::uintptr_t object, const type_record &type) noexcept {
    if (type.reference_words != 0)
      return mark_words(object, type.reference_words);
    for (const std::uint32_t offset : type.offsets)
      mark(read(object + offset));
  }

  // Until nothing is left or about `budget` bytes are scanned; returns how many. What is taken off waits in a ring until its memory is there.
  std::size_t drain(std::size_t budget) noexcept {
    std::uintptr_t ring[ring_size] = {};
    std::size_t done = 0;
    std::size_t in_ring = 0;
    unsigned scans = 0;
    hot h(*this);
    for (std::size_t at = 0; done < budget; at = (at + 1) % ring_size) {
      const std::uintptr_t fresh = h.top != h.bottom ? *--h.top : h.fetch();
      const std::uintptr_t item = ring[at];
      ring[at] = fresh;
      if (fresh) {
        __builtin_prefetch(reinterpret_cast<const void *>(fresh));
        ++in_ring;
      }
      if (item) {
        --in_ring;
        done += h.scan(item);
        if (Shared && ++scans % scans_between_looks == 0)
          h.outside([this] { share(); });
      } else if (!fresh && in_ring == 0) {
        break;
      }
    }
    h.put_back();
    for (const std::uintptr_t item : ring)
      if (item)
        push(item);
    return done;
  }

private:
  // The members that the loop of drain() needs, as locals: they stay in registers as long as nobody outside may look at them.
  struct hot {
    explicit hot(marker &m) noexcept : of(m), heap(m.heap_), size(m.size_), table(m.table_) { take(); }
    [[gnu::always_inline]] void take() noexcept {
      bottom = of.bottom_;
      top = of.top_;
      limit = of.limit_;
      bytes = objects = 0;
    }
    [[gnu::always_inline]] void put_back() noexcept {
      of.top_ = top;
      of.bytes_ += bytes;
      of.objects_ += objects;
    }
    template <class F>
    [[gnu::always_inline]] auto outside(F f) noexcept {
      put_back();
      struct again {
        hot &h;
        ~again() { h.take(); }
      } const then{*this};
      return f();
    }
    [[gnu::always_inline]] std::uintptr_t fetch() noexcept {
      return outside([m = &of] { return m->fetch() ? *--m->top_ : 0; });
    }

    [[gnu::always_inline]] void mark(std::uintptr_t word) noexcept {
      const std::uintptr_t offset = word - heap;
      if (offset >= size)
        return;
      span *const s = table[offset >> page_shift].load(std::memory_order_acquire); // pairs with the release in publish_span
      if (!s) [[unlikely]]
        return;
      const std::uint32_t cell = cell_of(*s, word);
      if (cell >= s->cells || !set_mark<Shared>(s->marked[cell / 64], std::uint64_t{1} << (cell % 64)))
        return;
      ++objects;
      bytes += s->cell_size;
      if (s->scan != scanning::words) {
        if (s->large)
          bytes += s->bytes;
        if (s->scan == scanning::nothing)
          return;
      }
      if (top == limit) [[unlikely]]
        outside([m = &of] { m->make_room(); });
      *top++ = address_of(*s, cell);
    }

    [[gnu::always_inline]] std::size_t scan(std::uintptr_t item) noexcept {
      const span &s = *table[(item - heap) >> page_shift].load(std::memory_order_relaxed);
      if (s.scan != scanning::words) [[unlikely]]
        return outside([m = &of, &s, item] { return m->scan_general(s, item); });
      const std::uint32_t cell_size = s.cell_size;
      for (std::uint64_t words = s.reference_words; words != 0; words &= words - 1)
        mark(read(item + 8 * static_cast<unsigned>(std::countr_zero(words))));
      return cell_size;
    }

    marker &of;
    std::uintptr_t heap;
    std::uintptr_t size;
    std::atomic<span *> *table;
    std::uintptr_t *bottom;
    std::uintptr_t *top;
    std::uintptr_t *limit;
    std::uint64_t bytes;
    std::uint64_t objects;
  };

  void push(std::uintptr_t item) noexcept {
    if (top_ == limit_) [[unlikely]]
      make_room();
    *top_++ = item;
  }

  void adopt(mark_chunk *c) noexcept {
    mine_.local = c;
    bottom_ = c ? c->items : nullptr;
    top_ = c ? c->items + c->count : nullptr;
    limit_ = c ? c->items + mark_chunk::capacity : nullptr;
  }
  void settle() noexcept {
    if (mine_.local)
      mine_.local->count = static_cast<std::size_t>(top_ - bottom_);
  }
  [[gnu::noinline]] void make_room() noexcept {
    settle();
    if (mine_.local)
      give_chunk(*mine_.local);
    adopt(empty_chunk());
  }
  [[gnu::noinline]] bool fetch() noexcept {
    mark_chunk *const other = take_chunk();
    if (!other)
      return false;
    settle();
    if (mine_.local)
      give_chunk(*mine_.local);
    adopt(other);
    return true;
  }
  // Gives the older half away: in a tree, those with the most below them.
  void share() noexcept {
    const auto count = static_cast<std::size_t>(top_ - bottom_);
    if (count < 4 || list.waiting.load(std::memory_order_relaxed) != 0)
      return;
    mark_chunk *const half = empty_chunk();
    half->count = count / 2;
    std::copy_n(bottom_, half->count, half->items);
    std::copy(bottom_ + half->count, top_, bottom_);
    top_ -= half->count;
    give_chunk(*half);
  }

  // The elements of an array from `from` on, or a part of them.
  std::size_t scan_elements(const span &s, std::uintptr_t array, std::uintptr_t from) noexcept {
    const type_record &type = *s.cls->type;
    const std::uintptr_t first = array + first_element(*s.cls);
    const std::size_t room = (array + s.bytes - first) / type.size;
    const std::size_t count = s.cls->form == shape::counted_array ? std::min<std::size_t>(read(array), room) : room;
    const std::uintptr_t end = first + count * type.size;
    std::uintptr_t at = std::max(from, first);
    std::uintptr_t stop = end;
    if (end - at > piece) {
      stop = at + std::max<std::size_t>(piece / type.size, 1) * type.size;
      if (stop < end)
        push(stop | rest_of_array);
    }
    const std::size_t bytes = stop - at;
    for (; at < stop; at += type.size)
      mark_object(at, type);
    return bytes;
  }

  [[gnu::noinline]] std::size_t scan_general(const span &s, std::uintptr_t item) noexcept {
    const std::uintptr_t at = item & ~rest_of_array;
    if (s.cls->form != shape::object)
      return scan_elements(s, address_of(s, cell_of(s, at)), at);
    mark_object(at, *s.cls->type);
    return s.bytes;
  }

  cache &mine_;
  std::uintptr_t heap_;
  std::uintptr_t size_;
  std::atomic<span *> *table_;
  std::uintptr_t *bottom_ = nullptr;
  std::uintptr_t *top_ = nullptr;
  std::uintptr_t *limit_ = nullptr;
  std::uint64_t bytes_ = 0;
  std::uint64_t objects_ = 0;
};

bool shared_marking() noexcept { return list.shared.load(std::memory_order_relaxed); }

} // namespace

void set_shared_marking(bool shared) noexcept { list.shared.store(shared, std::memory_order_relaxed); }

// Barriers and roots always mark as if others did: they may, on a worker that an earlier run() has left behind.
void mark(cache &mine, std::uintptr_t word) noexcept {
  if (const place at = find(word); at && !at.is_marked()) // most are: what was just allocated, what was just stored elsewhere
    marker<true>(mine).mark(word);
}

void mark_from_outside(std::uintptr_t word) noexcept {
  cache nobody;
  mark(nobody, word);
  publish_local(nobody);
}

void mark_references_in(cache &mine, const type_record &type, const void *object) noexcept {
  marker<true>(mine).mark_object(reinterpret_cast<std::uintptr_t>(object), type);
}

std::size_t drain(cache &mine, std::size_t budget) noexcept {
  // Sequentially consistent: pairs with hold_draining. Either it sees us and waits, or we see it and leave.
  list.draining.fetch_add(1, std::memory_order_seq_cst);
  std::size_t done = 0;
  if (list.held.load(std::memory_order_seq_cst) == 0)
    done = drain_held(mine, budget);
  list.draining.fetch_sub(1, std::memory_order_release); // pairs with seems_marked and hold_draining
  return done;
}

std::size_t drain_held(cache &mine, std::size_t budget) noexcept {
  const std::size_t done = shared_marking() ? marker<true>(mine).drain(budget) : marker<false>(mine).drain(budget);
  publish_local(mine);
  return done;
}

void hold_draining() noexcept {
  list.held.store(1, std::memory_order_seq_cst);
  while (list.draining.load(std::memory_order_seq_cst) != 0)
    __builtin_ia32_pause();
}

void allow_draining() noexcept { list.held.store(0, std::memory_order_seq_cst); }

void publish_local(cache &mine) noexcept {
  if (mine.local)
    give_chunk(*std::exchange(mine.local, nullptr));
}

bool seems_marked() noexcept {
  return list.draining.load(std::memory_order_acquire) == 0 && list.waiting.load(std::memory_order_relaxed) == 0;
}

bool nothing_waits() noexcept {
  const lock_guard held(list.mutex);
  return list.full == nullptr;
}

} // namespace stillpoint::rt::gc
