// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A file descriptor that tasks wait on: who may use it now, who waits for which side, until when, and when it may be closed.
//
// Problem: several tasks read, write, set deadlines and close at the same time; events come late, for descriptors whose number belongs to
// somebody else by then.
//
// Mechanism. One word, `use`, counts the operations under way and says which sides are busy: an operation takes its side by one
// compare-and-swap and gives it back by another; who finds it busy queues (first in, first out) and is handed the side. close() forbids new
// operations and wakes those that wait; the last one out closes the file. So no operation ever meets a number that was given away.
// A side's `gate` is a semaphore of one: empty, open, or the task that waits. Opening it means "look again", nothing more: the poller, a
// timer, a new deadline and close() all just open it, and the task that gets through tries its system call, or finds out why it should not.
//
// Invariants: an object is never unmapped, only used again, so a late event or timer opens at worst a gate that has nothing to do with it, and
// somebody looks once too often. A task waits at a gate only while it holds that side. The system call is tried after the gate was emptied and
// before waiting at it, and the file is edge-triggered, registered for both sides: an edge in between opens the gate, and none is lost.
//
// Rejected: registering interest before each wait (a system call more a request); counting references to objects that are freed (a
// kernel that still holds a pointer does not count).
#ifndef STILLPOINT_RUNTIME_NET_DESCRIPTOR_H
#define STILLPOINT_RUNTIME_NET_DESCRIPTOR_H

#include "sched/lock.h"
#include "sched/park.h"

#include <atomic>
#include <cstdint>

namespace stillpoint::net::detail {

enum class direction : unsigned { read, write };

// What is known of a file.
enum class kind : std::uint8_t {
  pipe,   // read and write
  socket, // receive and send
  tcp     // the same, and a short read says that no more is there
};

// A task that waits for its turn at a side. On its own stack.
struct turn {
  rt::task *waiter = nullptr;
  bool granted = false; // else the file was closed
  turn *next = nullptr;
};

// Opens its side's gate. May be set for earlier than the deadline, which was moved meanwhile: then the task looks, and sets it anew. So a deadline
// that is renewed for each request costs no timer each.
struct side;
struct alarm : rt::timer {
  explicit alarm(side &s) noexcept : timer(ring), rings(s) {}
  static void ring(timer &self, rt::task_list &wake) noexcept;
  side &rings;
  std::atomic<std::uint64_t> set_for{rt::never}; // never: not set. Written by the side's holder and by ring()
};

struct side {
  static constexpr std::uintptr_t empty = 0, open = 1; // else the address of the waiting task

  std::atomic<std::uintptr_t> gate{empty};
  std::atomic<std::uint64_t> deadline{rt::never};
  alarm at_deadline{*this};
  std::uint64_t look_again_at = rt::never; // set by the side's holder for its next wait, where no event will tell
  turn *first = nullptr;                   // under descriptor::mutex, like all below
  turn *last = nullptr;
};

struct alignas(64) descriptor {
  // Bits of `use`; above them the number of operations under way, and one more until close().
  static constexpr std::uint64_t closed = 1, held = 2, gone = 4; // close() was called; a handle exists; the file is closed
  static constexpr std::uint64_t one = 256;
  static constexpr std::uint64_t busy(direction d) noexcept { return 8u << static_cast<unsigned>(d); }
  static constexpr std::uint64_t queued(direction d) noexcept { return 32u << static_cast<unsigned>(d); }

  std::atomic<std::uint64_t> use{0};
  side sides[2];
  int file = -1;
  kind is = kind::socket;
  // An end, an error or urgent data is there, or the socket is in foreign hands: a short read says nothing any more.
  std::atomic<bool> hung_up{false};
  // The last read was short. Belongs to who holds the reading side.
  bool drained = false;

  rt::lock mutex;
  std::atomic<std::uint32_t> registered{0}; // the poller's epoch in which it was; 0: never
  std::atomic<std::uint16_t> generation{0}; // of this use of the object
  descriptor *next_free = nullptr;

  side &operator[](direction d) noexcept { return sides[static_cast<unsigned>(d)]; }
};

// Takes over `file`, which must not block; closes it if there is no memory, and throws std::bad_alloc.
descriptor &adopt(int file, kind is);

// No more operations; wakes who waits. Any thread. A second call does nothing.
void close(descriptor &d) noexcept;
// The handle is gone. Closes.
void release(descriptor &d) noexcept;

// Opens a side's gate. Returns the task that waited there, which is the caller's to make ready. No lock; not for signal handlers.
rt::task *open_gate(side &s) noexcept;
// Whether a task waits at a gate. Where they come and go meanwhile, it may say yes without one.
bool anyone_waits() noexcept;

void lock_pool_for_fork() noexcept;
void unlock_pool_after_fork() noexcept;

// An operation on one side, or on neither.
class operation {
public:
  // Waits for its turn. On a task's stack.
  operation(descriptor &d, direction which, rt::worker &w, const rt::managed_caller &caller) noexcept;
  // For calls that do not wait and disturb nobody.
  explicit operation(descriptor &d) noexcept;
  ~operation();
  operation(const operation &) = delete;
  operation &operator=(const operation &) = delete;

  // False: the file is closed, and must not be touched.
  [[nodiscard]] explicit operator bool() const noexcept { return granted_; }
  [[nodiscard]] int file() const noexcept { return descriptor_.file; }

  // Both return 0, or what is in the way: EBADF after close(), ETIMEDOUT after the deadline, or why the file cannot be waited for.
  // Before the first system call. Empties the gate.
  int begin() noexcept;
  // After the system call would have blocked. The task may be on another thread afterwards: no errno is kept over it.
  int wait(const rt::managed_caller &caller) noexcept;

private:
  bool take_turn(rt::worker &w, const rt::managed_caller &caller) noexcept;
  int obstacle() const noexcept;

  descriptor &descriptor_;
  const direction which_;
  const bool exclusive_;
  bool granted_ = false;
};

// Nanoseconds of CLOCK_MONOTONIC, or never. Any thread. Who waits for longer is woken.
void set_deadline(descriptor &d, direction which, std::uint64_t when) noexcept;

} // namespace stillpoint::net::detail

#endif
