// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: Clang emits atomic operations on pointers as operations on integers, in which no pass sees a reference.
//
// Mechanism: the headers (include/stillpoint/gc/atomic.hpp) call functions that nobody defines; first thing in the pipeline each call becomes
// one atomic instruction on a pointer in address space 1. All are sequentially consistent but the store, which releases: on x86-64 weaker
// orders would make the same code, and a store that is sequentially consistent is an exchange.
#include "passes/Markers.h"
#include "passes/ir/Passes.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"

using namespace llvm;

namespace {

using Replace = Value *(*)(IRBuilder<> &, CallBase &);
constexpr uint64_t WordSize = 8;

Value *load(IRBuilder<> &B, CallBase &Call) {
  LoadInst *Load = B.CreateAlignedLoad(Call.getType(), Call.getArgOperand(0), Align(WordSize));
  Load->setAtomic(AtomicOrdering::SequentiallyConsistent);
  return Load;
}

Value *store(IRBuilder<> &B, CallBase &Call) {
  StoreInst *Store = B.CreateAlignedStore(Call.getArgOperand(1), Call.getArgOperand(0), Align(WordSize));
  Store->setAtomic(AtomicOrdering::Release);
  return Store;
}

Value *exchange(IRBuilder<> &B, CallBase &Call) {
  return B.CreateAtomicRMW(AtomicRMWInst::Xchg, Call.getArgOperand(0), Call.getArgOperand(1), Align(WordSize),
                           AtomicOrdering::SequentiallyConsistent);
}

Value *compareExchange(IRBuilder<> &B, CallBase &Call) {
  Value *Result = B.CreateAtomicCmpXchg(Call.getArgOperand(0), Call.getArgOperand(1), Call.getArgOperand(2), Align(WordSize),
                                        AtomicOrdering::SequentiallyConsistent, AtomicOrdering::SequentiallyConsistent);
  return B.CreateExtractValue(Result, 0);
}

constexpr struct {
  const char *Name;
  unsigned Arguments;
  Replace Make;
} Operations[] = {{"__stillpoint_reference_load", 1, load},
                  {"__stillpoint_reference_store", 2, store},
                  {"__stillpoint_reference_exchange", 2, exchange},
                  {"__stillpoint_reference_compare_exchange", 3, compareExchange}};

bool replaceCalls(Function &F, unsigned Arguments, Replace Make) {
  bool Changed = false;
  for (User *U : make_early_inc_range(F.users())) {
    auto *Call = dyn_cast<CallInst>(U); // never an invoke: the header declares them noexcept
    if (!Call || Call->getCalledOperand() != &F || Call->arg_size() != Arguments)
      continue;
    IRBuilder<> B(Call);
    Value *New = Make(B, *Call);
    if (!Call->getType()->isVoidTy())
      Call->replaceAllUsesWith(New);
    Call->eraseFromParent();
    Changed = true;
  }
  if (F.use_empty())
    F.eraseFromParent();
  return Changed;
}

} // namespace

bool stillpoint::lowerReferenceAtomics(Module &M) {
  bool Changed = false;
  for (const auto &Operation : Operations)
    if (Function *F = M.getFunction(Operation.Name); F && F->isDeclaration())
      Changed |= replaceCalls(*F, Operation.Arguments, Operation.Make);
  return Changed;
}
