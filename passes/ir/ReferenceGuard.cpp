// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: the vectorisers make one load of two references, and AddressSanitizer moves stack objects to a stack of its own, in the heap.
//
// Mechanism: loads and stores of references become atomic without any order, which no vectoriser touches and nearly every other optimisation treats as plain;
// code generation makes them plain again. Stack objects with references are marked for the sanitizers to leave alone.
//
// Rejected: attributes against vectorisation (of the function's other loops too); taking the vectors apart afterwards (shuffles stay behind; that is the
// fallback, VectorSplit.cpp).
#include "passes/ir/ReferenceTypes.h"
#include "passes/ir/ReferencesInMemory.h"
#include "passes/ir/StackObjects.h"

#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Metadata.h"

using namespace llvm;
using namespace stillpoint;

namespace {

constexpr uint64_t WordSize = 8;

template <class Access>
bool guard(Access &A, Type *T) {
  if (!isReference(T) || T->isVectorTy() || !A.isSimple() || A.getAlign().value() < WordSize)
    return false;
  A.setOrdering(AtomicOrdering::Unordered);
  return true;
}

template <class Access>
bool unguard(Access &A, Type *T) {
  if (!isReference(T) || A.getOrdering() != AtomicOrdering::Unordered)
    return false;
  A.setOrdering(AtomicOrdering::NotAtomic);
  return true;
}

} // namespace

bool stillpoint::guardReferences(Function &F) {
  bool Changed = false;
  for (Instruction &I : instructions(F))
    if (auto *L = dyn_cast<LoadInst>(&I))
      Changed |= guard(*L, L->getType());
    else if (auto *S = dyn_cast<StoreInst>(&I))
      Changed |= guard(*S, S->getValueOperand()->getType());
  return Changed;
}

bool stillpoint::unguardReferences(Function &F) {
  bool Changed = false;
  for (Instruction &I : instructions(F))
    if (auto *L = dyn_cast<LoadInst>(&I))
      Changed |= unguard(*L, L->getType());
    else if (auto *S = dyn_cast<StoreInst>(&I))
      Changed |= unguard(*S, S->getValueOperand()->getType());
  return Changed;
}

bool stillpoint::guardStackObjects(Function &F) {
  if (!F.hasFnAttribute(Attribute::SanitizeAddress) && !F.hasFnAttribute(Attribute::SanitizeHWAddress))
    return false;
  bool Changed = false;
  StackObjects Objects(F);
  for (const auto &[A, Offsets] : Objects.objects())
    if (!Offsets.empty()) {
      A->setMetadata(LLVMContext::MD_nosanitize, MDNode::get(F.getContext(), {}));
      Changed = true;
    }
  return Changed;
}
