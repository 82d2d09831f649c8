// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The managed code of this program, with breakpoints in it.
//
// Problem: only managed instructions are of interest, and foreign code must run at full speed: it would take most of the time, and some of it blocks all
// signals, where a trap ends the program. Mechanism: the trap flag is on in managed code only, and wherever a task may come (back) from foreign code
// there is an INT3: at the first instruction of every function, where calls of foreign code return to, at landing pads. One that a task stands
// at is taken out for as long as one instruction takes, and put in again.
// Invariants: signal safe behind open(). What is planted is never another place than the start of an instruction. Two threads that run the same
// instruction at that very moment may both get past it: then one of them is not stepped until it comes to the next breakpoint.
// Rejected: changing return addresses on the stack (unwinders and the collector read them), debug registers (four).
#ifndef STILLPOINT_TEST_STEPPING_TEXT_H
#define STILLPOINT_TEST_STEPPING_TEXT_H

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace stillpoint::test {

class managed_text {
public:
  // Finds the code by this module's tables and plants a breakpoint at the start of every function. False: there is none.
  bool open();
  // From now on there are no breakpoints. Any thread.
  void close();

  [[nodiscard]] std::uintptr_t begin() const { return begin_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool covers(std::uintptr_t pc) const { return pc - begin_ < size_ && (marks_[pc - begin_] & managed) != 0; }
  [[nodiscard]] bool planted(std::uintptr_t pc) const { return pc - begin_ < size_ && (marks_[pc - begin_] & breakpoint) != 0; }
  // What the compiler wrote there.
  [[nodiscard]] unsigned char original(std::uintptr_t pc) const { return copy_[pc - begin_]; }

  void plant(std::uintptr_t pc); // for good
  void lift(std::uintptr_t pc) { write(pc, original(pc)); }
  void put_back(std::uintptr_t pc) {
    if (planted(pc))
      write(pc, int3);
  }

private:
  enum mark : unsigned char { managed = 1, breakpoint = 2 };
  static constexpr unsigned char int3 = 0xcc;
  static void write(std::uintptr_t pc, unsigned char byte) {
    __atomic_store_n(reinterpret_cast<unsigned char *>(pc), byte, __ATOMIC_SEQ_CST);
  }

  std::uintptr_t begin_ = 0;
  std::size_t size_ = 0;
  unsigned char *marks_ = nullptr; // of each byte
  unsigned char *copy_ = nullptr;
  std::atomic<bool> closed_{false};
};

} // namespace stillpoint::test

#endif
