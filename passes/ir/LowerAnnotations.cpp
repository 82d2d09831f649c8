// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: Clang carries a plugin's attributes into IR only as annotations, which are strings in a global that the back end emits and that
// keep functions alive; and an unsafe region has to be two points of the function's own code, on every path out of it.
//
// Mechanism, first thing in the pipeline, at every optimisation level:
//  1. llvm.global.annotations is read: a function annotated as nosplit gets the attribute, and noinline (inlined elsewhere it would lose
//     its protection). Our entries leave the global; nothing of them reaches the object file.
//  2. Calls of the two functions that open and close an unsafe region become the markers (passes/Markers.h).
//  3. Atomic operations on references become instructions (ReferenceAtomics.cpp).
//  4. With liveness=full every function is told so, which survives link-time optimisation.
//
// Invariant: a module without our attributes and options is left untouched.
#include "passes/Markers.h"
#include "passes/ir/Passes.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"
#include "llvm/Pass.h"

using namespace llvm;

namespace {

// An entry is { value, pointer to the string, file, line, arguments }.
bool isNosplit(const Constant *Entry) {
  auto *Text = dyn_cast<GlobalVariable>(Entry->getOperand(1)->stripPointerCasts());
  auto *Data = Text && Text->hasInitializer() ? dyn_cast<ConstantDataSequential>(Text->getInitializer()) : nullptr;
  return Data && Data->isCString() && Data->getAsCString() == stillpoint::NosplitAnnotation;
}

// A call site may ask for inlining by itself ([[clang::always_inline]] on a statement).
void makeNosplit(Function &F) {
  F.addFnAttr(stillpoint::NosplitAttribute);
  F.removeFnAttr(Attribute::AlwaysInline);
  F.removeFnAttr(Attribute::InlineHint);
  F.addFnAttr(Attribute::NoInline);
  for (User *U : F.users())
    if (auto *Call = dyn_cast<CallBase>(U); Call && Call->getCalledOperand() == &F)
      Call->removeFnAttr(Attribute::AlwaysInline);
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

// The guard variable has no use but to be the cleanup's argument.
void eraseGuard(Value *V) {
  auto *Guard = dyn_cast<AllocaInst>(V->stripPointerCasts());
  if (!Guard || !all_of(Guard->users(), [](User *U) { return isa<Instruction>(U) && cast<Instruction>(U)->isLifetimeStartOrEnd(); }))
    return;
  for (User *U : make_early_inc_range(Guard->users()))
    cast<Instruction>(U)->eraseFromParent();
  Guard->eraseFromParent();
}

bool lowerRegionCalls(Module &M, StringRef Name, StringRef Marker) {
  Function *F = M.getFunction(Name);
  if (!F)
    return false;
  auto *Asm = InlineAsm::get(FunctionType::get(Type::getVoidTy(M.getContext()), false), Marker, "~{memory}", /*hasSideEffects=*/true);
  SmallSetVector<Value *, 8> Guards;
  for (User *U : make_early_inc_range(F->users())) {
    auto *Call = cast<CallInst>(U); // never an invoke: the front end declares both functions as not throwing
    auto *New = CallInst::Create(Asm, {}, "", Call->getIterator());
    New->setDebugLoc(Call->getDebugLoc());
    New->setDoesNotThrow();
    if (Call->arg_size() == 1)
      Guards.insert(Call->getArgOperand(0));
    Call->eraseFromParent();
  }
  F->eraseFromParent();
  for (Value *Guard : Guards)
    eraseGuard(Guard);
  return true;
}

bool lowerAnnotations(Module &M) {
  bool Changed = lowerGlobalAnnotations(M);
  Changed |= lowerRegionCalls(M, stillpoint::UnsafeBeginFunction, stillpoint::UnsafeBeginMarker);
  Changed |= lowerRegionCalls(M, stillpoint::UnsafeEndFunction, stillpoint::UnsafeEndMarker);
  Changed |= stillpoint::lowerReferenceAtomics(M);
  return Changed;
}

class LowerAnnotations : public ModulePass {
public:
  static char ID;
  LowerAnnotations() : ModulePass(ID) {}
  StringRef getPassName() const override { return "Stillpoint: annotations to attributes and markers"; }
  bool runOnModule(Module &M) override { return lowerAnnotations(M); }
};
char LowerAnnotations::ID = 0;

} // namespace

PreservedAnalyses stillpoint::LowerAnnotationsPass::run(Module &M, ModuleAnalysisManager &) {
  bool Changed = lowerAnnotations(M);
  if (FullLiveness)
    for (Function &F : M)
      if (!F.isDeclaration())
        F.addFnAttr(LivenessAttribute, "full");
  return Changed || FullLiveness ? PreservedAnalyses::none() : PreservedAnalyses::all();
}

ModulePass *stillpoint::createLowerAnnotationsLegacyPass() { return new LowerAnnotations; }
