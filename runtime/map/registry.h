// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which module's table covers a PC.
//
// Problem: modules come and go (dlopen, dlclose) while handlers and schedulers look PCs up without locks.
// Mechanism: an immutable array of modules, sorted by address, behind one atomic pointer. A change builds a new array, swaps the pointer, and
// waits until every reader that may have seen the old one has left; then the old one and, after dlclose, the table itself may go away.
// A reader announces itself by an odd worker::handler_entries, or, on a thread that is no worker, in a common counter.
// Invariants: a table is looked at only after validate() has seen all of it, so a refused one is never half read; modules do not overlap.
// Rejected: dl_iterate_phdr in the handler (takes the loader's lock), a reader-writer lock (a handler may not wait).
#ifndef STILLPOINT_RUNTIME_MAP_REGISTRY_H
#define STILLPOINT_RUNTIME_MAP_REGISTRY_H

#include "runtime/map/reader.h"

#include <cstddef>
#include <cstdint>

namespace stillpoint::rt {
struct worker;
}

namespace stillpoint::map {

// While one lives, no table that lookup() can find is unmapped. Signal safe; may be nested; not to be held over a switch of tasks.
class reader_scope {
public:
  explicit reader_scope(rt::worker *w) noexcept;
  ~reader_scope();
  reader_scope(const reader_scope &) = delete;
  reader_scope &operator=(const reader_scope &) = delete;

private:
  rt::worker *worker_;
  bool outermost_ = true;
};

// The point at `pc` (for a return address ask for pc - 1). Lock-free, signal safe; the caller holds a reader_scope.
status lookup(std::uint64_t pc, point &out) noexcept;

// Where `pc` of an unchecked copy has its counterpart in the checked one (abi::copy_record); 0 if it lies in none. The caller holds a reader_scope.
std::uint64_t checked_place(std::uint64_t pc) noexcept;

// Visits the address of every word of static storage that holds a reference or null, in all registered modules. While the world is stopped, or
// with modules kept from going away otherwise; not for signal handlers.
using global_root_visitor = void (*)(void *context, std::uintptr_t *root);
void each_global_root(global_root_visitor visit, void *context) noexcept;

// Tells the write barriers of all modules whether the collector marks; modules that are registered later learn it then. Not for signal handlers.
void set_marking(bool on) noexcept;

// Changes whenever a module comes or goes: what was read from a table before may not be believed after. Signal safe.
std::uint64_t generation() noexcept;

// Whether a module's tables have been refused that may have told of references: the collector would not find these. Signal safe.
bool hides_references() noexcept;

// Says once, on stderr, that modules were compiled with the plugin and none has tables: it was not there when the code was generated. For run().
void report_if_nothing_is_managed() noexcept;

// For tests and tools: how many modules are registered.
std::size_t registered_modules() noexcept;

// pthread_atfork. In the child there are no readers but the forking thread, whatever the counters said.
void lock_for_fork() noexcept;
void unlock_after_fork_in_parent() noexcept;
void unlock_after_fork_in_child() noexcept;

} // namespace stillpoint::map

// Called by each module's constructor and destructor (also by dlopen and dlclose). The descriptor and what it names stay readable until it is
// unregistered; unregister returns when no handler looks at them any more. Not for signal handlers.
extern "C" {
void __stillpoint_register_tables(const stillpoint::abi::module_descriptor *descriptor);
void __stillpoint_unregister_tables(const stillpoint::abi::module_descriptor *descriptor);
}

#endif
