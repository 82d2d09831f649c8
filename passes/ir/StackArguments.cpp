// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: where the registers for arguments have run out, Clang passes a class of one reference as an i64. The optimiser folds the casts on both sides away: a
// function that only hands such an argument on has an integer, and nothing tells that it is a reference.
//
// Mechanism: the cast of the argument is made a RefMarker (passes/Markers.h), which nothing sees through. What is cast to an integer behind it, for the next
// call, is a copy of a marked value, and the machine pass follows copies.
//
// Rejected: another type for the parameter (calls and declarations in other modules would have to agree).
#include "passes/Markers.h"
#include "passes/ir/ReferenceTypes.h"
#include "passes/ir/ReferencesInMemory.h"

#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/Instructions.h"

using namespace llvm;

bool stillpoint::markStackArguments(Function &F) {
  SmallVector<IntToPtrInst *> Casts;
  for (Argument &A : F.args())
    for (User *U : A.users())
      if (auto *Cast = dyn_cast<IntToPtrInst>(U); Cast && isReference(Cast->getType()) && A.getType()->isIntegerTy(64))
        Casts.push_back(Cast);
  for (IntToPtrInst *Cast : Casts) {
    auto *Type = FunctionType::get(Cast->getType(), {Cast->getSrcTy()}, false);
    auto *Marker = InlineAsm::get(Type, RefMarker, "=r,0", /*hasSideEffects=*/false);
    CallInst *Marked = CallInst::Create(Type, Marker, {Cast->getOperand(0)}, "", Cast->getIterator());
    Marked->setDoesNotThrow();
    Marked->setDoesNotAccessMemory();
    Marked->addFnAttr(Attribute::WillReturn);
    Cast->replaceAllUsesWith(Marked);
    Marked->takeName(Cast);
    Cast->eraseFromParent();
  }
  return !Casts.empty();
}
