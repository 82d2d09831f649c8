// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One setting, two ways in: Clang's -fplugin-arg-stillpoint-liveness= (FrontEnd.cpp), and -stillpoint-liveness= for the tools that have no
// plugin arguments (llc, opt, -mllvm of the linker). Both end in the same command-line variable.
#include "plugin/Options.h"

#include "llvm/Support/CommandLine.h"

using namespace llvm;

namespace {

enum class Liveness { GC, Full };

cl::opt<Liveness> LivenessOption("stillpoint-liveness", cl::Hidden, cl::init(Liveness::GC),
                                 cl::desc("What Stillpoint's tables say of live registers"),
                                 cl::values(clEnumValN(Liveness::GC, "gc", "what the collector needs"),
                                            clEnumValN(Liveness::Full, "full", "the live registers of every class")));

} // namespace

bool stillpoint::wantsFullLiveness() { return LivenessOption == Liveness::Full; }
void stillpoint::setFullLiveness(bool Full) { LivenessOption = Full ? Liveness::Full : Liveness::GC; }
