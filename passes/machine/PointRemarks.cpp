// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See PointRemarks.h.
#include "passes/machine/PointRemarks.h"
#include "passes/Remarks.h"
#include "passes/emit/Describe.h"

#include "llvm/Analysis/OptimizationRemarkEmitter.h"
#include "llvm/CodeGen/MachineOptimizationRemarkEmitter.h"
#include "llvm/IR/Function.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace stillpoint {

namespace {

void remark(const Code &C, const RuledState &Point, unsigned First, unsigned Count) {
  const MachineInstr &MI = *C.Instructions[First].MI;
  bool Pinned = Point.State.Kind == abi::kind_pinned;
  MachineOptimizationRemarkAnalysis Remark(RemarkPass, Pinned ? "PinnedPoints" : "UnsafePoints", MI.getDebugLoc(), MI.getParent());
  Remark << ore::NV("Points", Count) << (Count == 1 ? " point is " : " points are ") << (Pinned ? "pinned" : "unsafe") << " by the rule '"
         << ore::NV("Rule", Point.Rule) << "'";
  C.MF.getFunction().getContext().diagnose(Remark);
}

} // namespace

void remarkPoints(const Code &C, ArrayRef<RuledState> Points) {
  if (!wantsRemarks(C.MF.getFunction()))
    return;
  for (unsigned I = 0; I < Points.size();) {
    const DebugLoc &Where = C.Instructions[I].MI->getDebugLoc();
    unsigned Count = 0, End = I;
    for (; End != Points.size() && Points[End].Rule == Points[I].Rule && Points[End].State.Kind == Points[I].State.Kind &&
           C.Instructions[End].MI->getDebugLoc() == Where;
         ++End)
      Count += !isMarker(C.Instructions[End].Class);
    if (Points[I].Rule && Count)
      remark(C, Points[I], I, Count);
    I = End;
  }
}

void dumpPoints(const Code &C, ArrayRef<RuledState> Points, const emit::FrameDescription &Frame) {
  std::string Text;
  raw_string_ostream OS(Text);
  OS << "stillpoint: points of " << C.MF.getName() << "\n";
  for (unsigned I = 0; I != Points.size(); ++I) {
    const MachineInstr &MI = *C.Instructions[I].MI;
    if (!I || MI.getParent() != C.Instructions[I - 1].MI->getParent())
      OS << printMBBReference(*MI.getParent()) << ":\n";
    OS << formatv("  {0,4} ", I) << emit::describe(Points[I].State, Frame);
    if (Points[I].Rule)
      OS << " (" << Points[I].Rule << ")";
    OS << " | ";
    MI.print(OS, /*IsStandalone=*/true, /*SkipOpers=*/false, /*SkipDebugLoc=*/true, /*AddNewLine=*/false);
    OS << "\n";
  }
  errs() << Text; // at once: ThinLTO's threads write as well
}

} // namespace stillpoint
