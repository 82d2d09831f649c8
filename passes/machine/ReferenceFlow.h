// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: which registers and words of the frame hold a reference at a point?
//
// Mechanism: two data flows over general and vector registers and the words of StackWords.
//  - Forward: a marker's result is a reference; so are copies of it (moves, spills, reloads, exchanges), what a conditional move or a mask may make
//    of it, and an interior reference (an addition with it).
//  - Backward: a location is a reference if its value flows by copies into a marker, a keep or a return of a reference. That covers what lies
//    between where a value comes into being (an argument, a load, a call) and its marker.
// A location is listed where it is a reference either way, live, and not a register that on every way still holds the caller's value.
//
// Invariants: both flows are "may", and where paths join, a reference on any of them counts: a reference that is not listed can be freed under its
// user, whereas a listed word that is none is harmless, since the collector does not move objects and ignores words that point to none. So at a join of a
// reference with something else that is live (blocks merged because their instructions are equal; undefined on one path) the word is
// listed. A register of which only a part was written is no reference any more.
//
// Rejected: "not a reference" winning at joins. It names fewer words wrongly, and misses some: a merged tail that loads through a
// reference on one way in and through a raw pointer on another.
#ifndef STILLPOINT_PASSES_MACHINE_REFERENCEFLOW_H
#define STILLPOINT_PASSES_MACHINE_REFERENCEFLOW_H

#include "passes/machine/Liveness.h"
#include "passes/machine/StackWords.h"

#include "llvm/ADT/BitVector.h"

namespace stillpoint {

class ReferenceFlow {
public:
  ReferenceFlow(const Code &C, const Liveness &Live, const StackWords &Stack);

  struct Point {
    uint16_t Registers = 0;  // live references in general registers
    uint32_t Vectors = 0;    // in vector registers
    bool Argument = false;   // an outgoing argument on the stack holds a reference
    bool RootsReady = false; // the RootsMarker is passed on every path
    std::vector<unsigned> Words;
  };
  const Point &before(unsigned Index) const { return Points[Index]; }
  /// Whether a reference goes through a stack object that nothing describes.
  bool losesReferences() const { return Lost; }
  /// The general registers with references of which the instruction makes an interior one.
  uint16_t offsetBase(unsigned Index) const;

private:
  // Registers: general in bits 0-15, vector in 16-47, then what is no location.
  static constexpr unsigned VectorShift = 16;
  static constexpr uint64_t ArgumentBit = uint64_t(1) << 48, RootsPendingBit = uint64_t(1) << 49;
  struct State {
    uint64_t Registers = 0;
    uint64_t Written = 0; // forward only: registers that some way here has written
    llvm::BitVector Words;
    bool merge(const State &O);
  };
  struct Demand {
    State References;
    llvm::BitVector LiveWords;
    bool merge(const Demand &O);
  };
  static uint64_t bitsOf(const RegInfo &I);
  static bool isWhole(const RegInfo &I) { return I.Class == RegClass::Vector || I.Width == 8; }
  uint64_t bitsOf(const llvm::MachineOperand &O) const;
  uint64_t clobbered(const llvm::MachineInstr &MI) const;
  uint64_t valueSources(const Instruction &I) const;
  uint64_t storedSources(const llvm::MachineInstr &MI) const;
  uint64_t result(const Instruction &I) const;
  bool wordsHold(const State &S, const WordAccess *A) const;
  bool makesReference(const Instruction &I, const State &S, const WordAccess *A) const;
  void forward(unsigned Index, State &S) const;
  void store(unsigned Index, State &S) const;
  void backward(unsigned Index, Demand &D);
  void demandSources(unsigned Index, Demand &D, bool Result);
  void backwardMarker(unsigned Index, Demand &D);
  void access(unsigned Index, Demand &D);
  uint64_t returned() const;
  uint64_t writtenAtEntry() const;
  void propagateForward();
  void propagateBackward();
  template <typename Visitor>
  Demand walkBack(const llvm::MachineBasicBlock &B, Visitor Visit);
  void record();

  const Code &C;
  const Liveness &Live;
  const StackWords &Stack;
  State Empty;
  std::vector<State> In, Before; // forward, by block and by instruction
  std::vector<Demand> DemandIn;  // by block
  std::vector<Point> Points;
  uint64_t Returned = 0;
  bool Lost = false;
};

} // namespace stillpoint

#endif
