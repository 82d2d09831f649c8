// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The alternative that Stillpoint is measured against: loops made preemptible by a check on every back edge. A pass plugin for
// -fpass-plugin=, run when everything else is optimised.
//
// Mechanism: on each edge from a loop's latch to its header
//   1. a load of the byte `bench_poll_flag` (relaxed atomic, so that nothing hoists it), a compare with zero and a branch, foretold not
//      taken;
//   2. where it is taken, a call of `bench_poll_taken` with the preserve_all convention, so that no register is lost to a call that never
//      happens.
// This is about the least that a poll can cost: behind all optimisations (loops are vectorised and unrolled already), a flag at a fixed
// address instead of a field of the current task.
//
// Rejected: polls at function entries as well, which a real scheme by polls needs too; they would only make the alternative look worse.
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/MDBuilder.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Plugins/PassPlugin.h"
#include "llvm/Transforms/Utils/BasicBlockUtils.h"

using namespace llvm;

namespace {

struct PollPass : PassInfoMixin<PollPass> {
  PreservedAnalyses run(Module &M, ModuleAnalysisManager &MAM) {
    auto &FAM = MAM.getResult<FunctionAnalysisManagerModuleProxy>(M).getManager();
    for (Function &F : M)
      if (!F.isDeclaration())
        addPolls(FAM.getResult<LoopAnalysis>(F));
    return PreservedAnalyses::none();
  }

  // -O0 measures nothing, but a polled build of it should be possible too.
  static bool isRequired() { return true; }

private:
  static void addPolls(LoopInfo &LI) {
    SmallVector<std::pair<BasicBlock *, BasicBlock *>> BackEdges;
    for (Loop *L : LI.getLoopsInPreorder()) {
      SmallVector<BasicBlock *> Latches;
      L->getLoopLatches(Latches);
      for (BasicBlock *Latch : Latches)
        if (!isa<IndirectBrInst>(Latch->getTerminator()))
          BackEdges.push_back({Latch, L->getHeader()});
    }
    for (auto [Latch, Header] : BackEdges)
      addPoll(*SplitEdge(Latch, Header));
  }

  // Turns the block on a back edge into: test, and off to the slow block and back.
  static void addPoll(BasicBlock &Edge) {
    Module &M = *Edge.getModule();
    LLVMContext &C = M.getContext();
    Type *Byte = Type::getInt8Ty(C);
    IRBuilder<> B(Edge.getTerminator());
    auto *Flag = cast<GlobalVariable>(M.getOrInsertGlobal("bench_poll_flag", Byte));
    Flag->setDSOLocal(true);
    LoadInst *Load = B.CreateLoad(Byte, Flag);
    Load->setAtomic(AtomicOrdering::Monotonic);
    Load->setAlignment(Align(1));
    Value *Taken = B.CreateICmpNE(Load, ConstantInt::get(Byte, 0));
    Instruction *Slow =
        SplitBlockAndInsertIfThen(Taken, Edge.getTerminator()->getIterator(), false, MDBuilder(C).createUnlikelyBranchWeights());
    FunctionCallee Callee = M.getOrInsertFunction("bench_poll_taken", Type::getVoidTy(C));
    CallInst *Call = IRBuilder<>(Slow).CreateCall(Callee);
    cast<Function>(Callee.getCallee())->setCallingConv(CallingConv::PreserveAll);
    Call->setCallingConv(CallingConv::PreserveAll);
    Call->setDoesNotThrow();
  }
};

} // namespace

extern "C" LLVM_ATTRIBUTE_VISIBILITY_DEFAULT PassPluginLibraryInfo llvmGetPassPluginInfo() {
  return {LLVM_PLUGIN_API_VERSION, "stillpoint-bench-poll", "1", [](PassBuilder &PB) {
            PB.registerOptimizerLastEPCallback(
                [](ModulePassManager &MPM, OptimizationLevel, ThinOrFullLTOPhase) { MPM.addPass(PollPass()); });
          }};
}
