// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: a task that holds the address of a thread-local variable must not resume on another thread. Which points are those?
//
// Mechanism: a forward taint over registers and spill slots. Sources: a load of the thread pointer (%fs:0), __tls_get_addr and TLS descriptors,
// calls of functions known to return such an address, RDFSBASE, results of inline assembly that mentions %fs. Everything computed from a tainted value
// is tainted; what is loaded through a tainted address is not. A point is pinned while a tainted register or slot is live there.
//
// Invariants: a tainted value that leaves for memory that is not an identified spill slot makes the function pinned from there on, on every path.
// An instruction that accesses %fs:x itself is a source of nothing. From where a function asks whether this thread's variables are initialised (the
// guard, _ZTH*, __tls_init) it is pinned on every path: another thread's may not be.
//
// Rejected: tracking arbitrary stack objects, for which the addresses would have to be resolved through pointers.
#ifndef STILLPOINT_PASSES_MACHINE_THREADTAINT_H
#define STILLPOINT_PASSES_MACHINE_THREADTAINT_H

#include "passes/machine/Code.h"
#include "passes/machine/Liveness.h"

#include "llvm/ADT/SmallBitVector.h"

namespace stillpoint {

class ThreadTaint {
public:
  ThreadTaint(const Code &C, const Liveness &Live);
  bool pinned(unsigned Index) const { return !Pinned.empty() && Pinned[Index]; }
  /// Whether the function gets at a thread-local address at all.
  bool any() const { return !Pinned.empty(); }

private:
  struct State {
    uint64_t Registers = 0; // general in bits 0-15, vector in bits 16-47
    bool Escaped = false;   // a tainted value is in memory that is not tracked
    llvm::SmallBitVector Slots;
    bool merge(const State &O);
  };
  bool findSources();
  bool isSource(const Instruction &I) const;
  bool returnsThreadAddress(const llvm::MachineInstr &Call) const;
  bool mentionsThreadFunction(const llvm::MachineInstr &MI) const;
  bool readsTaint(const llvm::MachineInstr &MI, const State &S) const;
  bool storesTaint(const llvm::MachineInstr &MI, const State &S) const;
  bool loadsTaint(const llvm::MachineInstr &MI, const State &S) const;
  void define(const llvm::MachineInstr &MI, State &S, bool Tainted) const;
  void call(const Instruction &I, State &S) const;
  void store(const llvm::MachineInstr &MI, State &S, bool Tainted) const;
  void step(const Instruction &I, State &S) const;
  int spillSlot(const llvm::MachineInstr &MI, bool Store) const;
  bool overwrites(const llvm::MachineInstr &MI, int Slot) const;
  template <typename Visitor>
  void walkSlots(const llvm::MachineBasicBlock &B, Visitor Visit) const;
  void propagate();
  void propagateSlots();
  void slotStep(const llvm::MachineInstr &MI, llvm::SmallBitVector &Live) const;
  void mark();

  const Code &C;
  const Liveness &Live;
  bool IndirectCallsTaint = false; // the address of a thread function is taken here
  unsigned SlotCount = 0;
  std::vector<State> In;
  std::vector<bool> Reached;
  std::vector<llvm::SmallBitVector> SlotsIn; // live spill slots, by block
  std::vector<bool> Pinned;
};

} // namespace stillpoint

#endif
