// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: an undefined reference is a register that holds whatever was left in it, and the tables would list it.
//
// Mechanism: every undef, poison and freeze of a reference becomes null (an undefined aggregate with references: all zero), which is what
// undef may be. A PHI with undef on some edge then has null there.
//
// Invariant: behind this pass no operand of any instruction is an undefined reference.
#include "passes/ir/LiveReferences.h"
#include "passes/ir/ReferenceTypes.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"

using namespace llvm;

namespace {

// The constant with its undefined references made null; itself if it has none.
Constant *definedConstant(Constant *C) {
  if (!stillpoint::holdsReferences(C->getType()))
    return C;
  if (isa<UndefValue>(C))
    return Constant::getNullValue(C->getType());
  if (!isa<ConstantAggregate>(C))
    return C;
  SmallVector<Constant *> Elements;
  bool Changed = false;
  for (Use &U : C->operands()) {
    Elements.push_back(definedConstant(cast<Constant>(U.get())));
    Changed |= Elements.back() != U.get();
  }
  if (!Changed)
    return C;
  if (auto *Struct = dyn_cast<StructType>(C->getType()))
    return ConstantStruct::get(Struct, Elements);
  if (auto *Array = dyn_cast<ArrayType>(C->getType()))
    return ConstantArray::get(Array, Elements);
  return ConstantVector::get(Elements);
}

} // namespace

bool stillpoint::nullUndefinedReferences(Function &F) {
  bool Changed = false;
  for (Instruction &I : make_early_inc_range(instructions(F))) {
    for (Use &U : I.operands())
      if (auto *C = dyn_cast<Constant>(U.get()))
        if (Constant *Defined = definedConstant(C); Defined != C) {
          U.set(Defined);
          Changed = true;
        }
    if (isa<FreezeInst>(I) && holdsReferences(I.getType())) {
      I.replaceAllUsesWith(I.getOperand(0));
      I.eraseFromParent();
      Changed = true;
    }
  }
  return Changed;
}
