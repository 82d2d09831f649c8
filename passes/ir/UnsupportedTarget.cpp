// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The front end refuses targets that have no tables by a diagnostic of its own; llc, opt and the linker's code generation have none. A pass
// that reports through the context's handler is the one way that works in each: never silence, never an abort.
#include "passes/ir/Passes.h"

#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Pass.h"

using namespace llvm;

namespace {

class UnsupportedTarget : public ModulePass {
public:
  static char ID;
  UnsupportedTarget() : ModulePass(ID) {}
  StringRef getPassName() const override { return "Stillpoint: refusal of targets without tables"; }
  bool runOnModule(Module &M) override {
    M.getContext().diagnose(
        DiagnosticInfoGeneric("the plugin 'stillpoint' makes tables for x86-64 ELF only, not for '" + M.getTargetTriple().str() + "'"));
    return false;
  }
};
char UnsupportedTarget::ID = 0;

} // namespace

ModulePass *stillpoint::createUnsupportedTargetPass() { return new UnsupportedTarget; }
