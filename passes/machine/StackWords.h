// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: a reference may wait in memory of the frame. Which words are those, which instruction touches which of them, and how does a table
// name them?
//
// Mechanism: an access whose address is RSP, RBP or RBX and a constant is resolved to an offset from the CFA, or, where locals have no fixed distance
// to it (realigned frames), from the register that they are reached by. Words are followed if they are spill slots or arguments that came
// on the stack: the compiler never takes the address of either. Stack objects of the program are roots as a whole (Markers.h), or hold no
// references: that is for the passes over IR to say. A pointer that comes out of one of these becomes a reference behind its load.
//
// Invariants: an access that cannot be resolved touches no followed word, as the compiler made no pointer to one. A word that the frame's base
// cannot name is followed all the same, so that the points where it matters become unsafe.
//
// Rejected: frame indices out of memory operands, which passes that merge or move code may drop.
#ifndef STILLPOINT_PASSES_MACHINE_STACKWORDS_H
#define STILLPOINT_PASSES_MACHINE_STACKWORDS_H

#include "passes/emit/Encoding.h"
#include "passes/machine/FrameFlow.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"

#include <optional>

namespace stillpoint {

/// What one instruction does to memory of the frame.
struct WordAccess {
  llvm::SmallVector<unsigned, 2> Words; // numbers of the followed words that it touches
  bool Whole = false;                   // it touches nothing but whole words of 8 bytes
  bool Outgoing = false;                // it stores an argument for a call
  bool Unfollowed = false;              // it touches a stack object of the code generator's that is not followed
};

class StackWords {
public:
  StackWords(const Code &C, const FrameFlow &Flow);

  struct Word {
    emit::SlotBase Base;
    int32_t Index; // words from that base
    bool Incoming; // in the caller's frame: arguments, and those of a tail call
  };
  unsigned size() const { return static_cast<unsigned>(Words.size()); }
  const Word &operator[](unsigned N) const { return Words[N]; }
  const WordAccess *access(unsigned Instruction) const;

  emit::SlotBase base() const { return Base; }
  const std::vector<int32_t> &roots() const { return Roots; }
  /// Whether each stack object that holds references was found.
  bool describesRoots() const { return RootsFound; }

  /// Where the base stands at a point.
  enum class Position : uint8_t {
    Ready, // where the frame description says
    Moved, // the stack pointer is elsewhere for a while
    Absent // before the prologue is done, behind the start of the epilogue
  };
  Position position(unsigned Instruction) const;

private:
  static constexpr int32_t NotThere = INT32_MIN, Lost = INT32_MIN + 1;
  struct Place {
    emit::SlotBase Base;
    int64_t Offset;
  };
  void chooseBase();
  void addObjects();
  void addWords(int Object);
  void addRoots(int Object);
  Place placeOf(int Object) const;
  void followBase();
  int32_t stepBase(const Instruction &I, int32_t Shift, bool LastOfSetup) const;
  void resolveAll();
  std::optional<Place> resolve(const MemoryOperands &M, unsigned Instruction) const;
  void add(unsigned Instruction, const MemoryOperands &M);
  bool isOfProgram(const Place &P) const;

  const Code &C;
  const FrameFlow &Flow;
  emit::SlotBase Base = emit::SlotBase::Cfa;
  std::vector<Word> Words;
  llvm::DenseMap<std::pair<unsigned, int64_t>, unsigned> Numbers; // base and index
  std::vector<std::pair<Place, int64_t>> ProgramObjects;          // stack objects that the program made, with their ends
  std::vector<int32_t> Roots;
  bool RootsFound = true;
  std::vector<int32_t> Shifts; // bytes from RSP up to where the base stands; only if the base is a register
  int32_t BodyDepth = 0;
  llvm::DenseMap<unsigned, WordAccess> Accesses;
};

/// The memory operands of a marker.
llvm::SmallVector<MemoryOperands, 1> markerMemory(const llvm::MachineInstr &Marker);

} // namespace stillpoint

#endif
