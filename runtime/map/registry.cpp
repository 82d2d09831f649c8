// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See registry.h.
//
// The hand-shake between a reader and a change: the reader makes its entry visible, then loads the array's pointer; the change stores the
// pointer, then looks at the entries. All four are sequentially consistent: either the reader sees the new array, or the change sees the reader.
//
// Modules register before main, perhaps before this library's own constructors have run: everything static here is constant-initialized.
#include "runtime/map/registry.h"

#include "runtime/fatal.h"
#include "runtime/sched/core.h"
#include "stillpoint/export.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <dlfcn.h>
#include <memory>
#include <mutex>
#include <new>
#include <sched.h>

namespace stillpoint::map {
namespace {

struct module {
  std::uint64_t low = 0;  // first byte of managed code
  std::uint64_t high = 0; // one past the last
  const abi::module_descriptor *descriptor = nullptr;
  table_view table;
};

struct module_array {
  std::size_t count = 0;
  std::unique_ptr<module[]> modules;
};

constinit std::mutex change_mutex;
constinit std::atomic<const module_array *> published{nullptr};
constinit std::atomic<std::uint64_t> unattached_readers{0};
constinit std::atomic<std::uint64_t> generations{0};
constinit std::atomic<bool> references_hidden{false};
constinit std::atomic<bool> with_nothing{false}; // a module without tables has been here
constinit bool marking = false;                  // under change_mutex

std::uint64_t address_of(const void *p) noexcept { return reinterpret_cast<std::uint64_t>(p); }

rt::message refused(const abi::module_descriptor *descriptor) {
  if (descriptor->magic != abi::descriptor_magic || descriptor->version >= abi::first_version_with_references)
    references_hidden.store(true, std::memory_order_relaxed);
  Dl_info info{};
  rt::message m;
  m << "the preemption tables of ";
  if (dladdr(descriptor, &info) != 0 && info.dli_fname != nullptr)
    m << info.dli_fname;
  else
    m << "an unknown module";
  m << " are not used, its code counts as foreign: ";
  return m;
}

bool header_is_good(const abi::module_descriptor *d) {
  if (d->magic != abi::descriptor_magic) {
    (refused(d) << "the descriptor has a wrong magic number").print();
    return false;
  }
  if (d->version != abi::version) {
    (refused(d) << "they are of version " << std::uint64_t{d->version} << ", this runtime reads version " << std::uint64_t{abi::version}
                << " (build the program and the runtime with the same release of Stillpoint)")
        .print();
    return false;
  }
  if (d->size != sizeof(abi::module_descriptor)) {
    (refused(d) << "the descriptor has " << std::uint64_t{d->size} << " bytes, not " << std::uint64_t{sizeof(abi::module_descriptor)})
        .print();
    return false;
  }
  const auto records = static_cast<std::uint64_t>(d->records_end - d->records_begin);
  if (d->records_end < d->records_begin || d->maps_end < d->maps_begin || records % sizeof(abi::record) != 0 ||
      address_of(d->records_begin) % alignof(abi::record) != 0 || d->globals_end < d->globals_begin ||
      static_cast<std::uint64_t>(d->globals_end - d->globals_begin) % sizeof(abi::global_root) != 0 || d->marking_end < d->marking_begin ||
      d->copies_end < d->copies_begin || static_cast<std::uint64_t>(d->copies_end - d->copies_begin) % sizeof(abi::copy_record) != 0) {
    (refused(d) << "the descriptor's bounds are wrong").print();
    return false;
  }
  return true;
}

table_view view_of(const abi::module_descriptor *d) noexcept {
  const auto section = [](const unsigned char *begin, const unsigned char *end) {
    return bytes_at{begin, static_cast<std::size_t>(end - begin), address_of(begin)};
  };
  return {section(d->records_begin, d->records_end), section(d->maps_begin, d->maps_end), section(d->copies_begin, d->copies_end)};
}

// Fills in the bounds of the code. The table has been validated.
bool find_bounds(module &m) noexcept {
  fragment first, last;
  std::uint64_t end = 0;
  if (visit_fragment(m.table, 0, first, end, nullptr, nullptr) != status::ok ||
      visit_fragment(m.table, m.table.record_count() - 1, last, end, nullptr, nullptr) != status::ok)
    return false;
  m.low = first.start;
  m.high = end;
  return true;
}

bool tables_are_good(module &m) {
  std::size_t bad = 0;
  if (validate(m.table, bad) == status::ok && find_bounds(m)) {
    if (validate_copies(m.table, m.low, m.high, bad) == status::ok)
      return true;
    (refused(m.descriptor) << "the record " << std::uint64_t{bad} << " of its unchecked copies is corrupt").print();
    return false;
  }
  (refused(m.descriptor) << "record " << std::uint64_t{bad} << " of " << std::uint64_t{m.table.record_count()} << " is corrupt").print();
  return false;
}

// Waits until no reader that may have loaded the array published before is still inside.
void wait_for_readers() noexcept {
  for (rt::worker *w = rt::all_workers(); w != nullptr; w = w->next_all) {
    const std::uint64_t seen = w->handler_entries.load(std::memory_order_seq_cst);
    while ((seen & 1) != 0 && w->handler_entries.load(std::memory_order_acquire) == seen)
      sched_yield();
  }
  while (unattached_readers.load(std::memory_order_seq_cst) != 0)
    sched_yield();
}

void publish(std::unique_ptr<const module_array> next) noexcept {
  const module_array *const old = published.exchange(next.release(), std::memory_order_seq_cst);
  generations.fetch_add(1, std::memory_order_release); // whoever sees the new number sees the new array
  wait_for_readers();
  delete old;
}

std::unique_ptr<module_array> array_of(std::size_t count) {
  auto array = std::make_unique<module_array>();
  array->count = count;
  array->modules = std::make_unique<module[]>(count);
  return array;
}

void write_flag(const module &m) noexcept {
  for (unsigned char *flag = m.descriptor->marking_begin; flag != m.descriptor->marking_end; ++flag)
    std::atomic_ref(*flag).store(marking ? 1 : 0, std::memory_order_relaxed);
}

void add(const module &m) {
  const std::scoped_lock guard(change_mutex);
  const module_array *const now = published.load(std::memory_order_relaxed);
  const module *const begin = now != nullptr ? now->modules.get() : nullptr;
  const module *const end = begin + (now != nullptr ? now->count : 0);
  const module *const behind = std::find_if(begin, end, [&](const module &other) { return other.low >= m.low; });
  if (std::any_of(begin, end, [&](const module &other) { return other.descriptor == m.descriptor; }))
    return; // registered twice: once is enough
  if ((behind != end && behind->low < m.high) || (behind != begin && behind[-1].high > m.low)) {
    (refused(m.descriptor) << "they describe the same code as another module's").print();
    return;
  }
  auto next = array_of(static_cast<std::size_t>(end - begin) + 1);
  module *const place = std::copy(begin, behind, next->modules.get());
  *place = m;
  std::copy(behind, end, place + 1);
  write_flag(m);
  publish(std::move(next));
}

void remove(const abi::module_descriptor *descriptor) {
  const std::scoped_lock guard(change_mutex);
  const module_array *const now = published.load(std::memory_order_relaxed);
  if (now == nullptr)
    return;
  const module *const begin = now->modules.get();
  const module *const end = begin + now->count;
  const auto is_it = [&](const module &m) { return m.descriptor == descriptor; };
  if (std::none_of(begin, end, is_it))
    return; // it was refused
  auto next = array_of(now->count - 1);
  std::remove_copy_if(begin, end, next->modules.get(), is_it);
  publish(std::move(next));
}

} // namespace

reader_scope::reader_scope(rt::worker *w) noexcept : worker_(w) {
  if (worker_ == nullptr) {
    unattached_readers.fetch_add(1, std::memory_order_seq_cst);
    return;
  }
  // A handler that interrupts between these two statements leaves the number even again.
  outermost_ = (worker_->handler_entries.load(std::memory_order_relaxed) & 1) == 0;
  if (outermost_)
    worker_->handler_entries.fetch_add(1, std::memory_order_seq_cst);
}

reader_scope::~reader_scope() {
  if (worker_ == nullptr)
    unattached_readers.fetch_sub(1, std::memory_order_release);
  else if (outermost_)
    worker_->handler_entries.fetch_add(1, std::memory_order_release);
}

namespace {

const module *module_of(std::uint64_t pc) noexcept {
  const module_array *const array = published.load(std::memory_order_seq_cst);
  if (array == nullptr)
    return nullptr;
  const module *const begin = array->modules.get();
  const module *const behind =
      std::upper_bound(begin, begin + array->count, pc, [](std::uint64_t address, const module &m) { return address < m.low; });
  return behind == begin || pc >= behind[-1].high ? nullptr : behind - 1;
}

} // namespace

status lookup(std::uint64_t pc, point &out) noexcept {
  const module *const m = module_of(pc);
  return m != nullptr ? find(m->table, pc, out) : status::not_managed;
}

std::uint64_t checked_place(std::uint64_t pc) noexcept {
  const module *const m = module_of(pc);
  return m != nullptr ? checked_place(m->table, pc) : 0;
}

void each_global_root(global_root_visitor visit, void *context) noexcept {
  const std::scoped_lock guard(change_mutex);
  const module_array *const array = published.load(std::memory_order_relaxed);
  for (std::size_t i = 0; array != nullptr && i != array->count; ++i) {
    const abi::module_descriptor &d = *array->modules[i].descriptor;
    for (const unsigned char *entry = d.globals_begin; entry != d.globals_end; entry += sizeof(abi::global_root)) {
      abi::global_root root;
      std::memcpy(&root, entry, sizeof root);
      visit(context, reinterpret_cast<std::uintptr_t *>(root.address));
    }
  }
}

void set_marking(bool on) noexcept {
  const std::scoped_lock guard(change_mutex);
  marking = on;
  const module_array *const array = published.load(std::memory_order_relaxed);
  for (std::size_t i = 0; array != nullptr && i != array->count; ++i)
    write_flag(array->modules[i]);
}

void lock_for_fork() noexcept { change_mutex.lock(); }

void unlock_after_fork_in_parent() noexcept { change_mutex.unlock(); }

void unlock_after_fork_in_child() noexcept {
  unattached_readers.store(0, std::memory_order_relaxed);
  for (rt::worker *w = rt::all_workers(); w != nullptr; w = w->next_all)
    if ((w->handler_entries.load(std::memory_order_relaxed) & 1) != 0)
      w->handler_entries.fetch_add(1, std::memory_order_relaxed);
  change_mutex.unlock();
}

bool hides_references() noexcept { return references_hidden.load(std::memory_order_relaxed); }

std::uint64_t generation() noexcept { return generations.load(std::memory_order_acquire); }

void report_if_nothing_is_managed() noexcept {
  if (with_nothing.load(std::memory_order_relaxed) && registered_modules() == 0 && with_nothing.exchange(false, std::memory_order_relaxed))
    (rt::message()
     << "no code of this program can be stopped: link-time optimisation generated it without the plugin (link by stillpoint-clang, or"
        " with -fuse-ld=lld -Wl,--load-pass-plugin=.../stillpoint-plugin.so)")
        .print();
}

std::size_t registered_modules() noexcept {
  const std::scoped_lock guard(change_mutex);
  const module_array *const array = published.load(std::memory_order_relaxed);
  return array != nullptr ? array->count : 0;
}

} // namespace stillpoint::map

STILLPOINT_API void __stillpoint_register_tables(const stillpoint::abi::module_descriptor *descriptor) try {
  using namespace stillpoint::map;
  if (!header_is_good(descriptor))
    return;
  module m;
  m.descriptor = descriptor;
  m.table = view_of(descriptor);
  if (m.table.record_count() == 0 && descriptor->globals_begin == descriptor->globals_end)
    return with_nothing.store(true, std::memory_order_relaxed); // a module without code of its own
  // Without code, but with roots, it manages the empty range at 0.
  if (m.table.record_count() == 0 || tables_are_good(m))
    add(m);
} catch (const std::bad_alloc &) {
  stillpoint::rt::fatal("out of memory while registering a module's tables");
}

STILLPOINT_API void __stillpoint_unregister_tables(const stillpoint::abi::module_descriptor *descriptor) try {
  stillpoint::map::remove(descriptor);
} catch (const std::bad_alloc &) {
  stillpoint::rt::fatal("out of memory while unregistering a module's tables");
}
