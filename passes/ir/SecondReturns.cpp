// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: what is live at a call of setjmp is live again when it returns once more, and no edge of the control flow says so: a reference that is only used
// behind the second return sits in nothing but the jmp_buf while the function goes on, and its object dies.
//
// Mechanism: in front of the call, every reference that is available there is stored in a stack object of its own. rootStackObjects() lists these for the
// rest of the function. Behind keepBases(), so that the bases of raw pointers are among them.
//
// Invariant: from the call to the end of the function, whatever jmp_buf can bring back is in a root.
//
// Rejected: keeps behind each call that setjmp can reach (what does not dominate that call would need PHIs); only what is used behind the call (raw pointers
// and their bases would have to be followed once more, for functions that are rare).
#include "passes/ir/ReferenceTypes.h"
#include "passes/ir/ReferencesInMemory.h"

#include "llvm/IR/Dominators.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"

using namespace llvm;
using namespace stillpoint;

namespace {

// Stores the references of V, which are V itself or its leaves.
void hold(Value &V, IRBuilder<> &B, BasicBlock &Entry) {
  Type *T = V.getType();
  if (T->isPointerTy()) {
    auto *Slot = new AllocaInst(T, /*AddrSpace=*/0, nullptr, Align(8), "held", Entry.begin());
    B.CreateAlignedStore(&V, Slot, Align(8), /*isVolatile=*/true);
    return;
  }
  if (!T->isAggregateType())
    return; // a vector: reported by whoever takes them apart
  uint64_t Count = T->isStructTy() ? T->getStructNumElements() : T->getArrayNumElements();
  for (unsigned I = 0; I != Count; ++I)
    if (holdsReferences(T->isStructTy() ? T->getStructElementType(I) : T->getArrayElementType()))
      hold(*B.CreateExtractValue(&V, I), B, Entry);
}

} // namespace

bool stillpoint::holdAcrossSecondReturns(Function &F) {
  if (!F.callsFunctionThatReturnsTwice())
    return false;
  SmallVector<CallBase *> Calls;
  SmallVector<Value *> References;
  for (Argument &A : F.args())
    if (holdsReferences(A.getType()))
      References.push_back(&A);
  for (Instruction &I : instructions(F)) {
    if (auto *Call = dyn_cast<CallBase>(&I); Call && Call->hasFnAttr(Attribute::ReturnsTwice))
      Calls.push_back(Call);
    if (holdsReferences(I.getType()))
      References.push_back(&I);
  }
  if (References.empty())
    return false;
  DominatorTree DT(F);
  for (CallBase *Call : Calls) {
    IRBuilder<> B(Call);
    for (Value *V : References)
      if (V != Call && !V->use_empty() && DT.dominates(V, Call))
        hold(*V, B, F.getEntryBlock());
  }
  return true;
}
