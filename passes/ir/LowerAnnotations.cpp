// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: Clang carries a plugin's attributes into IR only as annotations, which are strings in a global that the back end emits and that
// keep functions alive; and an unsafe region has to be two points of the function's own code, on every path out of it.
//
// Mechanism, first thing in the pipeline, at every optimisation level:
//  1. llvm.global.annotations is read: a function annotated as nosplit gets the attribute, and noinline (inlined elsewhere it would lose
//     its protection). Our entries leave the global; nothing of them reaches the object file.
//  2. Calls of the two functions that open and close an unsafe region become the markers (passes/Markers.h).
//  3. With liveness=full every function is told so, which survives link-time optimisation.
//
// Invariant: a module without our attributes and options is left untouched.
#include "passes/Markers.h"
#include "passes/ir/Passes.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"

using namespace llvm;

namespace {

// An entry is { value, pointer to the string, file, line, arguments }.
bool isNosplit(const Constant *Entry) {
  auto *Text = dyn_cast<GlobalVariable>(Entry->getOperand(1)->stripPointerCasts());
  auto *Data = Text && Text->hasInitializer() ? dyn_cast<ConstantDataSequential>(Text->getInitializer()) : nullptr;
  return Data && Data->isCString() && Data->getAsCString() == stillpoint::NosplitAnnotation;
}

void makeNosplit(Function &F) {
  F.addFnAttr(stillpoint::NosplitAttribute);
  F.removeFnAttr(Attribute::InlineHint);
  if (!F.hasFnAttribute(Attribute::AlwaysInline))
    F.addFnAttr(Attribute::NoInline);
}

bool lowerGlobalAnnotations(Module &M) {
  GlobalVariable *Old = M.getGlobalVariable("llvm.global.annotations");
  if (!Old || !Old->hasInitializer())
    return false;
  SmallVector<Constant *> Kept;
  SmallVector<GlobalVariable *> Strings;
  for (const Use &U : Old->getInitializer()->operands()) {
    auto *Entry = cast<Constant>(U.get());
    if (!isNosplit(Entry)) {
      Kept.push_back(Entry);
      continue;
    }
    if (auto *F = dyn_cast<Function>(Entry->getOperand(0)->stripPointerCasts()))
      makeNosplit(*F);
    for (unsigned I : {1, 2, 4})
      if (auto *Text = dyn_cast<GlobalVariable>(Entry->getOperand(I)->stripPointerCasts()); Text && !is_contained(Strings, Text))
        Strings.push_back(Text);
  }
  if (Kept.size() == Old->getInitializer()->getNumOperands())
    return false;
  if (!Kept.empty()) {
    auto *Type = ArrayType::get(Kept.front()->getType(), Kept.size());
    auto *New = new GlobalVariable(M, Type, Old->isConstant(), Old->getLinkage(), ConstantArray::get(Type, Kept), "", Old);
    New->copyAttributesFrom(Old);
    New->takeName(Old);
  }
  Old->eraseFromParent();
  for (GlobalVariable *Text : Strings) {
    Text->removeDeadConstantUsers();
    if (Text->use_empty() && Text->hasLocalLinkage())
      Text->eraseFromParent();
  }
  return true;
}

bool lowerRegionCalls(Module &M, StringRef Name, StringRef Marker) {
  Function *F = M.getFunction(Name);
  if (!F)
    return false;
  auto *Type = FunctionType::get(llvm::Type::getVoidTy(M.getContext()), false);
  auto *Asm = InlineAsm::get(Type, Marker, "~{memory}", /*hasSideEffects=*/true);
  for (User *U : make_early_inc_range(F->users())) {
    auto *Call = cast<CallBase>(U);
    auto *New = CallInst::Create(Asm, {}, "", Call->getIterator());
    New->setDebugLoc(Call->getDebugLoc());
    New->setDoesNotThrow();
    if (auto *Invoke = dyn_cast<InvokeInst>(Call)) {
      BranchInst::Create(Invoke->getNormalDest(), Invoke->getIterator());
      Invoke->getUnwindDest()->removePredecessor(Invoke->getParent());
    }
    Call->eraseFromParent();
  }
  F->eraseFromParent();
  return true;
}

} // namespace

PreservedAnalyses stillpoint::LowerAnnotationsPass::run(Module &M, ModuleAnalysisManager &) {
  bool Changed = lowerGlobalAnnotations(M);
  Changed |= lowerRegionCalls(M, UnsafeBeginFunction, UnsafeBeginMarker);
  Changed |= lowerRegionCalls(M, UnsafeEndFunction, UnsafeEndMarker);
  if (FullLiveness)
    for (Function &F : M)
      if (!F.isDeclaration())
        F.addFnAttr(LivenessAttribute, "full");
  return Changed || FullLiveness ? PreservedAnalyses::none() : PreservedAnalyses::all();
}
