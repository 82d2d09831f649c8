// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The name under which all passes emit optimisation remarks, and whether anybody listens.
#ifndef STILLPOINT_PASSES_REMARKS_H
#define STILLPOINT_PASSES_REMARKS_H

#include "llvm/IR/DiagnosticHandler.h"
#include "llvm/IR/Function.h"
#include "llvm/IR/LLVMContext.h"

namespace stillpoint {

inline constexpr char RemarkPass[] = "stillpoint";

/// Whether remarks are shown (-Rpass-analysis=stillpoint) or written down (-fsave-optimization-record).
inline bool wantsRemarks(const llvm::Function &F) {
  llvm::LLVMContext &Context = F.getContext();
  return Context.getLLVMRemarkStreamer() || Context.getDiagHandlerPtr()->isAnalysisRemarkEnabled(RemarkPass);
}

} // namespace stillpoint

#endif
