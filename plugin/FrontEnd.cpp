// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Clang's side of the plugin: an action that Clang runs before the main one, whatever that is. It parses the plugin's arguments, refuses
// targets that have no tables, defines __STILLPOINT__, checks what is done with references, completes layouts, and hands the callback for
// the IR pipeline to code generation. The attributes register themselves where they are (Nosplit.cpp, UnsafeRegion.cpp).
//
// Every error goes through Clang's diagnostics, once for each compilation; none ends the compiler by itself.
#include "plugin/CodeGeneration.h"
#include "plugin/Layouts.h"
#include "plugin/Nosplit.h"
#include "plugin/Options.h"
#include "plugin/ReferenceDiagnostics.h"
#include "plugin/ReferenceWarnings.h"

#include "passes/Passes.h"
#include "passes/Remarks.h"

#include "clang/AST/ASTConsumer.h"
#include "clang/Basic/TargetInfo.h"
#include "clang/Frontend/CompilerInstance.h"
#include "clang/Frontend/FrontendPluginRegistry.h"
#include "clang/Lex/Preprocessor.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Regex.h"

using namespace clang;

namespace {

class Consumer : public ASTConsumer {
public:
  void Initialize(ASTContext &Context) override { stillpoint::forgetNosplitFunctions(Context); }
  void HandleCXXStaticMemberVarInstantiation(VarDecl *Variable) override { stillpoint::completeLayout(Variable); }
  bool HandleTopLevelDecl(DeclGroupRef Declarations) override {
    References.add(Declarations);
    return true;
  }
  void HandleTranslationUnit(ASTContext &Context) override {
    stillpoint::checkNosplitFunctions(Context);
    References.check(Context);
    stillpoint::completeLayouts(Context);
  }

private:
  stillpoint::ReferenceDiagnostics References;
};

// An option with two values: hands on whether it is the second.
bool parseChoice(DiagnosticsEngine &Diags, llvm::StringRef Option, llvm::StringRef Value, llvm::StringRef First, llvm::StringRef Second,
                 void (*Set)(bool)) {
  if (Value == First || Value == Second) {
    Set(Value == Second);
    return true;
  }
  if (Value.empty())
    Diags.Report(Diags.getCustomDiagID(DiagnosticsEngine::Error, "option '%0' of the plugin 'stillpoint' needs a value: %0=%1 or %0=%2"))
        << Option << First << Second;
  else
    Diags.Report(
        Diags.getCustomDiagID(DiagnosticsEngine::Error, "'%0' is no value of the option '%1' of the plugin 'stillpoint'; known: %2, %3"))
        << Value << Option << First << Second;
  return false;
}

bool parseReferenceWarning(DiagnosticsEngine &Diags, llvm::StringRef Option, llvm::StringRef Value) {
  if (stillpoint::setReferenceWarning(Value, Option == "error" ? DiagnosticIDs::Error : DiagnosticIDs::Ignored))
    return true;
  Diags.Report(Diags.getCustomDiagID(DiagnosticsEngine::Error, "'%0' is no value of the option '%1' of the plugin 'stillpoint'; known: %2"))
      << Value << Option << stillpoint::referenceWarningNames();
  return false;
}

bool parseDump(DiagnosticsEngine &Diags, llvm::StringRef Value) {
  stillpoint::setDumpFunction(Value);
  if (Value.empty())
    Diags.Report(Diags.getCustomDiagID(DiagnosticsEngine::Error,
                                       "option 'dump' of the plugin 'stillpoint' needs a value: the mangled name of a "
                                       "function, or * for all"));
  return !Value.empty();
}

bool parseRemarks(DiagnosticsEngine &Diags, llvm::StringRef Argument) {
  stillpoint::setRemarks(true);
  if (Argument.contains('='))
    Diags.Report(Diags.getCustomDiagID(DiagnosticsEngine::Error, "option 'remarks' of the plugin 'stillpoint' takes no value"));
  return !Argument.contains('=');
}

// As -Rpass-analysis=stillpoint would, unless that option was given for something else: then its pattern decides.
void showRemarks(CompilerInstance &CI) {
  CodeGenOptions &Options = CI.getCodeGenOpts();
  CodeGenOptions::OptRemark &Analysis = Options.OptimizationRemarkAnalysis;
  if (!Analysis.hasValidPattern()) {
    Analysis.Kind = CodeGenOptions::RK_WithPattern;
    Analysis.Pattern = stillpoint::RemarkPass;
    Analysis.Regex = std::make_shared<llvm::Regex>(Analysis.Pattern);
  }
  CI.getDiagnostics().setSeverityForGroup(diag::Flavor::Remark, "pass-analysis", diag::Severity::Remark);
  if (Options.getDebugInfo() == llvm::codegenoptions::NoDebugInfo) // what is told has places; nothing of it is written
    Options.setDebugInfo(llvm::codegenoptions::LocTrackingOnly);
}

bool parseOption(DiagnosticsEngine &Diags, llvm::StringRef Argument) {
  auto [Name, Value] = Argument.split('=');
  if (Name == "remarks")
    return parseRemarks(Diags, Argument);
  if (Name == "dump")
    return parseDump(Diags, Value);
  if (Name == "liveness")
    return parseChoice(Diags, Name, Value, "gc", "full", stillpoint::setFullLiveness);
  if (Name == "main")
    return parseChoice(Diags, Name, Value, "thread", "task", stillpoint::setMainTask);
  if (Name == "unchecked-copies")
    return parseChoice(Diags, Name, Value, "on", "off", stillpoint::setWithoutUncheckedCopies);
  if (Name == "no-warn" || Name == "error")
    return parseReferenceWarning(Diags, Name, Value);
  Diags.Report(Diags.getCustomDiagID(DiagnosticsEngine::Error,
                                     "unknown option '%0' of the plugin 'stillpoint'; known: liveness=gc|full, "
                                     "main=thread|task, unchecked-copies=on|off, no-warn=NAME, error=NAME, remarks, dump=FUNCTION|*"))
      << Name;
  return false;
}

class Action : public PluginASTAction {
public:
  bool ParseArgs(const CompilerInstance &CI, const std::vector<std::string> &Arguments) override {
    return llvm::all_of(Arguments, [&](llvm::StringRef Argument) { return parseOption(CI.getDiagnostics(), Argument); });
  }

  std::unique_ptr<ASTConsumer> CreateASTConsumer(CompilerInstance &CI, llvm::StringRef) override {
    // What the headers ask whether the plugin is there. Only the preprocessor's own text: a definition among the options would be part of what a
    // precompiled header is checked against.
    if (CI.hasPreprocessor())
      CI.getPreprocessor().setPredefines(CI.getPreprocessor().getPredefines() + "#define __STILLPOINT__ 1\n");
    if (CI.getLangOpts().Freestanding) // there main is a function like others
      stillpoint::setMainTask(false);
    if (stillpoint::wantsRemarks())
      showRemarks(CI);
    const llvm::Triple &Target = CI.getTarget().getTriple();
    DiagnosticsEngine &Diags = CI.getDiagnostics();
    if (stillpoint::isSupportedTarget(Target))
      CI.getCodeGenOpts().PassBuilderCallbacks.push_back(stillpoint::extendPipeline);
    else
      Diags.Report(
          Diags.getCustomDiagID(DiagnosticsEngine::Error, "the plugin 'stillpoint' makes tables for x86-64 ELF only, not for '%0'"))
          << Target.str();
    return std::make_unique<Consumer>();
  }

  ActionType getActionType() override { return AddBeforeMainAction; }
};

FrontendPluginRegistry::Add<Action> Registered("stillpoint", "safe-points everywhere: tables for precise preemption");

} // namespace
