// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: reach Clang's front end, LLVM's IR pipeline and its code generator from one shared object, with one flag, in a stock compiler.
//
// Mechanism: three registrations, all made by static objects when the plugin is loaded.
//  - A Clang plugin action before the main one parses the options, checks the target, and hands a callback to the IR pipeline.
//  - llvmGetPassPluginInfo offers the same callback to opt, -fpass-plugin= and the linker, which have no plugin action.
//  - A callback of the code generator adds the passes of passes/; it is called by every tool, once for each module (in ThinLTO by several
//    threads at once).
// The attributes are registered where they are (Nosplit.cpp, UnsafeRegion.cpp).
//
// Invariants: no state but the options, which are read-only once code is generated. Every pass may be added twice (-fplugin= with
// -fpass-plugin=) and then does its work once.
#include "plugin/Nosplit.h"
#include "plugin/Options.h"

#include "passes/ir/Passes.h"
#ifdef STILLPOINT_HAS_MACHINE_PASSES
#include "passes/Passes.h"
#endif

#include "clang/AST/ASTConsumer.h"
#include "clang/Basic/TargetInfo.h"
#include "clang/Frontend/CompilerInstance.h"
#include "clang/Frontend/FrontendPluginRegistry.h"

#include "llvm/IR/LegacyPassManager.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Plugins/PassPlugin.h"
#include "llvm/Target/RegisterTargetPassConfigCallback.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Triple.h"

using namespace llvm;

namespace {

bool hasTables(const Triple &T) { return T.getArch() == Triple::x86_64 && !T.isX32() && T.isOSBinFormatELF(); }

void extendPipeline(PassBuilder &PB) {
  PB.registerPipelineStartEPCallback([](ModulePassManager &MPM, OptimizationLevel) {
    MPM.addPass(stillpoint::LowerAnnotationsPass(stillpoint::wantsFullLiveness()));
  });
  PB.registerOptimizerLastEPCallback([](ModulePassManager &MPM, OptimizationLevel, ThinOrFullLTOPhase Phase) {
    if (Phase == ThinOrFullLTOPhase::ThinLTOPreLink || Phase == ThinOrFullLTOPhase::FullLTOPreLink)
      MPM.addPass(stillpoint::RegisterModulePass());
  });
}

void extendCodeGeneration(TargetMachine &TM, PassManagerBase &PM, TargetPassConfig *TPC) {
  if (!hasTables(TM.getTargetTriple())) {
    PM.add(stillpoint::createUnsupportedTargetPass());
    return;
  }
  PM.add(stillpoint::createLowerAnnotationsLegacyPass());
  PM.add(stillpoint::createRegisterModuleLegacyPass());
#ifdef STILLPOINT_HAS_MACHINE_PASSES
  stillpoint::PassOptions Options;
  Options.FullLiveness = stillpoint::wantsFullLiveness();
  stillpoint::addStillpointPasses(TM, static_cast<legacy::PassManagerBase &>(PM), TPC, Options);
#else
  (void)TPC;
#endif
}

class Consumer : public clang::ASTConsumer {
public:
  void Initialize(clang::ASTContext &Context) override { stillpoint::forgetNosplitFunctions(Context); }
  void HandleTranslationUnit(clang::ASTContext &Context) override { stillpoint::checkNosplitFunctions(Context); }
};

class PluginAction : public clang::PluginASTAction {
public:
  bool ParseArgs(const clang::CompilerInstance &CI, const std::vector<std::string> &Arguments) override {
    return stillpoint::parseOptions(CI.getDiagnostics(), Arguments);
  }

  std::unique_ptr<clang::ASTConsumer> CreateASTConsumer(clang::CompilerInstance &CI, StringRef) override {
    const Triple &Target = CI.getTarget().getTriple();
    if (!hasTables(Target)) {
      clang::DiagnosticsEngine &Diags = CI.getDiagnostics();
      Diags.Report(Diags.getCustomDiagID(clang::DiagnosticsEngine::Error, "the plugin 'stillpoint' makes tables for x86-64 ELF only, not for '%0'"))
          << Target.str();
    } else {
      CI.getCodeGenOpts().PassBuilderCallbacks.push_back(extendPipeline);
    }
    return std::make_unique<Consumer>();
  }

  ActionType getActionType() override { return AddBeforeMainAction; }
};

clang::FrontendPluginRegistry::Add<PluginAction> Action("stillpoint", "safe-points everywhere: tables for precise preemption");
RegisterTargetPassConfigCallback CodeGeneration(extendCodeGeneration);

} // namespace

extern "C" LLVM_ATTRIBUTE_VISIBILITY_DEFAULT PassPluginLibraryInfo llvmGetPassPluginInfo() {
  return {LLVM_PLUGIN_API_VERSION, "stillpoint", "0.1", extendPipeline, nullptr};
}
