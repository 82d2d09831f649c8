// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linked into a program, steps all managed code that its tasks run, and at every instruction asks isAsyncSafePoint and does one of: nothing, a stop, a
// stop with a collection, overwriting everything that is dead.
//
// Problem: tables are right when no stop at any instruction can be noticed; sampling finds the frequent ones. Mechanism: the trap flag, in managed code
// (text.h). What is done is chosen at random from a fixed seed, so that a loop does not meet the same thing at the same instruction in every
// turn. A stop is the real one: SIGURG to this very thread, the runtime's handler, its scheduler (run under STILLPOINT_DEBUG=storm=1s, so
// that the task is scattered and its dead vector registers are overwritten); the first trap behind it is at the same instruction again (or, if marking began,
// at the one that stands for it in the copy with barriers), and the state is compared bit for bit. Memory that a collection frees is poisoned (gcpoison=1).
// Invariants: the program's results are its own business: whoever runs it compares them. Without STILLPOINT_STEP_FILE nothing happens. The handler
// runs with all signals blocked, allocates nothing and takes no lock.
// Rejected: a tracer in another process (some ten times slower, and blind to the runtime's state).
//
// Environment: STILLPOINT_STEP_FILE, where the report goes; STILLPOINT_STEP_MOST, full speed after so many steps; STILLPOINT_STEP_COLLECT, the mean
// number of safe points from one collection to the next; STILLPOINT_STEP_SEED.
#include "runtime/map/registry.h"
#include "runtime/preempt/safe_point.h"
#include "runtime/sched/scheduler.h"
#include "test/stepping/dead.h"
#include "test/stepping/machine_state.h"
#include "test/stepping/report.h"
#include "test/stepping/text.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <unwind.h>
#include <utility>

extern "C" void __stillpoint_async_preempt_plain();
extern "C" void __stillpoint_async_preempt_vector();

namespace stillpoint::test {
namespace {

// A stop that was asked for.
struct stop {
  std::atomic<rt::task *> owner{nullptr}; // task objects are never freed
  bool waiting = false;                   // for the first trap behind it
  bool begun = false;
  bool with_vectors = false;
  std::uintptr_t pc = 0;
  machine_state before;
};

// What a lookup of an address says, for the stepper's own use: liveness=full makes tables in which that takes as long as all the rest.
struct known_point {
  map::live_set live;
  bool looked_up, has_live_set, is_unsafe, has_frame;
};

constexpr std::size_t most_stops = 128;
stop stops[most_stops];
managed_text text;
step_report *report = nullptr;
std::uint32_t *executed = nullptr;
unsigned char *refused_with = nullptr;
known_point *points = nullptr;
std::uint64_t most_steps = UINT64_MAX, collect_gap = 1000;
std::atomic<std::uint64_t> random_state{88172645463325252};
std::atomic<std::uint64_t> next_collection{1};

// The thread's.
thread_local constinit std::uintptr_t lifted = 0; // a breakpoint that is out
thread_local constinit std::uintptr_t last = 0;   // where the thread was at the last trap, if it has been in managed code since
thread_local constinit machine_state after{};

void add(figure f, std::uint64_t n = 1) { __atomic_fetch_add(&report->figures[static_cast<unsigned>(f)], n, __ATOMIC_RELAXED); }
std::uint64_t read(figure f) { return __atomic_load_n(&report->figures[static_cast<unsigned>(f)], __ATOMIC_RELAXED); }

// Two threads at once may get the same number.
std::uint64_t next_random() {
  std::uint64_t x = random_state.load(std::memory_order_relaxed);
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  random_state.store(x, std::memory_order_relaxed);
  return x >> 11;
}

stop *stop_of(rt::task &t) {
  for (std::size_t i = 0, at = t.id; i < most_stops; ++i, ++at) {
    stop &s = stops[at % most_stops];
    rt::task *seen = s.owner.load(std::memory_order_relaxed);
    if (seen == &t || (seen == nullptr && s.owner.compare_exchange_strong(seen, &t, std::memory_order_relaxed)))
      return &s;
  }
  return nullptr;
}

void different(const char *what, std::uintptr_t pc) {
  add(figure::differences);
  if (report->first_difference[0] != '\0')
    return;
  std::strncpy(report->first_difference, what, sizeof report->first_difference - 1);
  report->first_difference_pc = pc;
}

// The first trap behind a stop. True: at this instruction everything has been done.
bool ends_stop(stop &s, const ucontext_t &context, std::uintptr_t pc) {
  s.waiting = false;
  if (!s.begun) {
    add(figure::refused_late);
    return false;
  }
  if (pc != s.pc) {
    const map::reader_scope reading(rt::this_worker());
    if (pc != map::checked_place(s.pc)) {
      different("the place where it went on", s.pc);
      return false;
    }
    s.before.general[REG_RIP] = static_cast<greg_t>(pc); // marking has begun: it was moved to the copy with barriers
  }
  after.record(context);
  if (const char *const what = difference(s.before, after, s.with_vectors))
    different(what, pc);
  return true;
}

void ask_to_stop(rt::worker &w, rt::task &t, const ucontext_t &context, std::uintptr_t pc, bool with_vectors, bool collect) {
  stop *const s = stop_of(t);
  if (s == nullptr || w.held == nullptr)
    return add(figure::not_compared);
  s->before.record(context);
  s->begun = false;
  s->with_vectors = with_vectors;
  s->pc = pc;
  w.held->owner->set.gcstress_preempt = collect; // what the scheduler's loop looks at behind the stop
  s->waiting = rt::preempt::request(w, t);
  if (!s->waiting)
    return;
  add(figure::preempted);
  add(figure::with_vectors, with_vectors);
  add(figure::collected, collect);
}

bool time_to_collect() {
  std::uint64_t due = next_collection.load(std::memory_order_relaxed);
  const std::uint64_t now = read(figure::safe) + read(figure::pinned);
  return now >= due && next_collection.compare_exchange_strong(due, now + 1 + next_random() % (2 * collect_gap), std::memory_order_relaxed);
}

void disturb(rt::worker &w, rt::task &t, ucontext_t &context, std::uintptr_t pc, const known_point &here, bool with_vectors) {
  if (time_to_collect())
    return ask_to_stop(w, t, context, pc, with_vectors, true);
  switch (next_random() % 8) {
  case 0:
  case 1:
  case 2:
    return;
  case 3:
    return ask_to_stop(w, t, context, pc, with_vectors, false);
  default:
    if (!here.has_live_set)
      return add(figure::without_live_set);
    add(figure::overwritten);
    add(figure::registers, overwrite_dead(context, here.live, t.stack_low));
  }
}

void count_refusal(refusal why, const known_point &here, std::uintptr_t pc) {
  __atomic_fetch_add(&report->refusals[static_cast<unsigned>(why)], 1, __ATOMIC_RELAXED);
  refused_with[pc - text.begin()] = static_cast<unsigned char>(1 + static_cast<unsigned>(why));
  if (why == refusal::unsafe_point)
    add(!here.is_unsafe ? figure::unsafe_caller : here.has_frame ? figure::unsafe_place : figure::unsafe_frame);
}

// The caller holds a reader_scope.
const known_point &point_at(std::uintptr_t pc) {
  known_point &known = points[pc - text.begin()];
  if (map::point p; !known.looked_up && map::lookup(pc, p) == map::status::ok)
    known = {p.live, true, p.has_live_set, p.kind == abi::kind_unsafe, p.frame.known};
  return known;
}

void step(rt::worker &w, rt::task &t, ucontext_t &context, std::uintptr_t pc) {
  if (stop *const s = stop_of(t); s != nullptr && s->waiting && ends_stop(*s, context, pc))
    return;
  add(figure::steps);
  __atomic_fetch_add(&executed[pc - text.begin()], 1, __ATOMIC_RELAXED);
  rt::preempt::stop_plan plan;
  const map::reader_scope reading(&w);
  const known_point &here = point_at(pc);
  const refusal why = rt::preempt::is_async_safe_point(w, t, rt::arch::interrupted_registers(context), plan);
  if (why != refusal::none)
    return count_refusal(why, here, pc);
  add(plan.pinned ? figure::pinned : figure::safe);
  disturb(w, t, context, pc, here, plan.vector_live);
}

bool is_return(std::uintptr_t pc) {
  const unsigned char first = text.original(pc);
  return first == 0xc3 || first == 0xc2 || (first == 0xf3 && text.original(pc + 1) == 0xc3); // ret, ret n, rep ret
}

bool in_injected_call(std::uintptr_t pc) {
  const auto behind = [pc](void (*entry)()) { return pc - reinterpret_cast<std::uintptr_t>(entry) < 16; };
  return behind(__stillpoint_async_preempt_plain) || behind(__stillpoint_async_preempt_vector);
}

// Returns whether the next instruction shall trap.
bool arrive(ucontext_t &context, std::uintptr_t pc) {
  rt::worker *const w = rt::this_worker();
  rt::task *const t = w != nullptr ? w->current : nullptr;
  const std::uintptr_t from = std::exchange(last, 0);
  if (t != nullptr && in_injected_call(pc)) {
    if (stop *const s = stop_of(*t); s != nullptr && s->waiting)
      s->begun = true;
    return false; // the flag comes back with the saved registers
  }
  const bool stepping = t != nullptr && read(figure::steps) < most_steps;
  if (!text.covers(pc)) {
    // By a call, or a jump that ends a function: there the caller's return address is on top of the stack as well.
    if (stepping && from != 0 && !is_return(from))
      text.plant(*reinterpret_cast<const std::uintptr_t *>(context.uc_mcontext.gregs[REG_RSP]));
    return false;
  }
  if (stepping) {
    step(*w, *t, context, pc);
    last = pc;
  } else {
    add(figure::other_threads);
    if (t != nullptr)
      text.close();
  }
  if (text.planted(pc)) {
    text.lift(pc);
    lifted = pc;
    return true;
  }
  return stepping;
}

void on_trap(int, siginfo_t *info, void *raw) {
  const int errno_value = errno;
  ucontext_t &context = *static_cast<ucontext_t *>(raw);
  greg_t *const registers = context.uc_mcontext.gregs;
  auto pc = static_cast<std::uintptr_t>(registers[REG_RIP]);
  if (info->si_code == SI_KERNEL) { // INT3, which leaves the PC behind it
    --pc;
    const bool ours = pc - text.begin() < text.size() && text.original(pc) != 0xcc;
    if (!ours) {
      std::signal(SIGTRAP, SIG_DFL); // the program's own
      errno = errno_value;
      return;
    }
    registers[REG_RIP] = static_cast<greg_t>(pc);
  }
  if (const std::uintptr_t out = std::exchange(lifted, 0); out != 0)
    text.put_back(out);
  if (arrive(context, pc))
    registers[REG_EFL] |= trap_flag;
  else
    registers[REG_EFL] &= ~trap_flag;
  errno = errno_value;
}

std::uint64_t number_from(const char *name, std::uint64_t otherwise) {
  const char *const value = std::getenv(name);
  return value != nullptr ? std::strtoull(value, nullptr, 0) : otherwise;
}

void map_report(const char *path) {
  const std::size_t size = sizeof(step_report) + text.size() * (sizeof *executed + 1);
  const int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  void *const memory = file < 0 || ftruncate(file, static_cast<off_t>(size)) != 0
                           ? MAP_FAILED
                           : mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) {
    std::perror(path);
    std::exit(1);
  }
  close(file);
  report = static_cast<step_report *>(memory);
  executed = reinterpret_cast<std::uint32_t *>(report + 1);
  refused_with = reinterpret_cast<unsigned char *>(executed + text.size());
  void *const table =
      mmap(nullptr, text.size() * sizeof *points, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (table == MAP_FAILED) {
    std::perror("stepping: mmap");
    std::exit(1);
  }
  points = static_cast<known_point *>(table);
  report->text_begin = text.begin();
  report->text_size = text.size();
  report->magic = step_report::expected_magic;
}

[[gnu::constructor]] void prepare() {
  const char *const path = std::getenv("STILLPOINT_STEP_FILE");
  if (path == nullptr)
    return;
  most_steps = number_from("STILLPOINT_STEP_MOST", most_steps);
  collect_gap = std::max<std::uint64_t>(1, number_from("STILLPOINT_STEP_COLLECT", collect_gap));
  random_state = random_state + 2 * number_from("STILLPOINT_STEP_SEED", 0);
  struct sigaction action = {};
  action.sa_sigaction = on_trap;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  sigaction(SIGTRAP, &action, nullptr);
  if (!text.open()) {
    std::fprintf(stderr, "stepping: this program has no managed code\n");
    std::exit(1);
  }
  map_report(path);
}

} // namespace
} // namespace stillpoint::test

// Called by the personality routine with the landing pad that an exception goes on at.
extern "C" void _Unwind_SetIP(_Unwind_Context *context, _Unwind_Ptr ip) {
  using stillpoint::test::text;
  static const auto set = reinterpret_cast<void (*)(_Unwind_Context *, _Unwind_Ptr)>(dlsym(RTLD_NEXT, "_Unwind_SetIP"));
  if (stillpoint::test::report != nullptr)
    text.plant(ip);
  set(context, ip);
}
