// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One setting, two ways in: clang's -fplugin-arg-stillpoint-liveness=, and -stillpoint-liveness= for the tools that have no plugin arguments
// (llc, opt, -mllvm of the linker). Both end in the same command-line variable.
#include "plugin/Options.h"

#include "clang/Basic/Diagnostic.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/CommandLine.h"

using namespace llvm;

namespace {

enum class Liveness { GC, Full };

cl::opt<Liveness> LivenessOption("stillpoint-liveness", cl::Hidden, cl::init(Liveness::GC), cl::desc("What Stillpoint's tables say of live registers"),
                                 cl::values(clEnumValN(Liveness::GC, "gc", "what the collector needs"),
                                            clEnumValN(Liveness::Full, "full", "the live registers of every class")));

bool parseLiveness(clang::DiagnosticsEngine &Diags, StringRef Value) {
  if (Value == "gc" || Value == "full") {
    LivenessOption = Value == "gc" ? Liveness::GC : Liveness::Full;
    return true;
  }
  if (Value.empty())
    Diags.Report(Diags.getCustomDiagID(clang::DiagnosticsEngine::Error, "option 'liveness' of the plugin 'stillpoint' needs a value: "
                                                                        "liveness=gc or liveness=full"));
  else
    Diags.Report(Diags.getCustomDiagID(clang::DiagnosticsEngine::Error, "'%0' is no value of the option 'liveness' of the plugin 'stillpoint'; "
                                                                        "known: gc, full"))
        << Value;
  return false;
}

} // namespace

bool stillpoint::wantsFullLiveness() { return LivenessOption == Liveness::Full; }

bool stillpoint::parseOptions(clang::DiagnosticsEngine &Diags, const std::vector<std::string> &Arguments) {
  for (StringRef Argument : Arguments) {
    auto [Name, Value] = Argument.split('=');
    if (Name != "liveness") {
      Diags.Report(Diags.getCustomDiagID(clang::DiagnosticsEngine::Error, "unknown option '%0' of the plugin 'stillpoint'; "
                                                                          "known: liveness=gc|full"))
          << Name;
      return false;
    }
    if (!parseLiveness(Diags, Value))
      return false;
  }
  return true;
}
