// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the machine pass leaves what it found until the module's assembly is finished.
//
// Mechanism: LLVM keeps one object of each GC strategy per module (GCModuleInfo) and asks the printer registered under the same name to
// finish the module's assembly. No function is given a GC; only the object and the moment are used.
//
// Invariant: all state is in this object, so that back ends that run in parallel do not meet.
#ifndef STILLPOINT_PASSES_EMIT_TABLES_H
#define STILLPOINT_PASSES_EMIT_TABLES_H

#include "passes/emit/Encoding.h"
#include "passes/machine/UncheckedCopies.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/IR/GCStrategy.h"

namespace llvm {
class MachineFunction;
class MCSymbol;
} // namespace llvm

namespace stillpoint {

inline constexpr char TablesStrategyName[] = "stillpoint";

class TablesStrategy : public llvm::GCStrategy {
public:
  using Fragment = emit::Fragment<const llvm::MCSymbol *>;

  TablesStrategy() { UsesMetadata = true; }
  std::vector<Fragment> Fragments;                  // in the order of the code
  unsigned LastFunction = ~0u;                      // number of the last function that was looked at
  llvm::DenseMap<unsigned, UncheckedCopies> Copies; // by the function's number
};

} // namespace stillpoint

#endif
