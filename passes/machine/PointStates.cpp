// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Goal, as an invariant: behind this pass, every fragment of every function of the module has a list of runs that covers its code without gaps, and
// each run's state is true at each of its points. The code itself is untouched: only labels are added.
//
// Steps:
//  1. Number the instructions that become code (Code).
//  2. Frame at every point (FrameFlow, FramePlan).
//  3. Registers that are live (Liveness), points that are unsafe by rule (UnsafePoints) or pinned (ThreadTaint), references (References).
//  4. Put these together into one state for each point, smooth out what is not worth a change, and delete the markers of references.
//     Unchecked copies of code (UncheckedCopies.h) have the states of what they are copies of.
//  5. Place labels where the state changes, and hand the fragments to the module's tables.
//
// A label stands before the instruction that begins a new state. Where that instruction opens an aligned block, the label would come behind the
// padding, which is executed on the way in; there it is put behind the instruction before it, unless that never falls through.
#include "passes/Markers.h"
#include "passes/Passes.h"
#include "passes/Remarks.h"
#include "passes/emit/Tables.h"
#include "passes/machine/CopyPairs.h"
#include "passes/machine/FramePlan.h"
#include "passes/machine/Liveness.h"
#include "passes/machine/PointRemarks.h"
#include "passes/machine/SmoothReferences.h"
#include "passes/machine/ThreadTaint.h"
#include "passes/machine/UnsafePoints.h"

#include "llvm/CodeGen/GCMetadata.h"
#include "llvm/CodeGen/MachineFunctionPass.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/Function.h"
#include "llvm/MC/MCContext.h"
#include "llvm/Support/DebugCounter.h"

using namespace llvm;

namespace stillpoint {

namespace {

using emit::PointState;

// For bisecting: from the point on at which a counter says so, what would be safe is unsafe instead. docs/experiments.md
DEBUG_COUNTER(PointCounter, "stillpoint-points", "Points that the rules allow stops at");

// Gaps of at most this many instructions without a live vector register, inside stretches that have one, are not worth two changes.
constexpr unsigned LongestSmoothedGap = 8;

constexpr const char *LabelNames[] = {"stillpoint_unsafe",   "stillpoint_safe",     "stillpoint_safe_vector", "stillpoint_entry",
                                      "stillpoint_prologue", "stillpoint_epilogue", "stillpoint_own",         "stillpoint_own"};

// Everything that step 3 found.
struct Findings {
  const FramePlan &Plan;
  const Liveness &Live;
  const UnsafePoints &Unsafe;
  const ThreadTaint &Taint;
  const References &Refs;
  bool Full;

  /// Whether what is called at a point must go on in the same thread. Where functions return twice, what is live is not what the flow says.
  bool calleePinned(unsigned I) const { return Unsafe.returnsTwice() ? Taint.any() : Taint.pinned(I); }
};

void addReferences(const PointReferences &R, PointState &S) {
  S.RefRegisters = R.Registers;
  S.RefSlots = R.Slots;
  S.RootsReady = R.RootsReady;
}

PointState unsafeState(const PointFrame &Frame, bool IsCall, bool CalleePinned, const PointReferences &R) {
  PointState S;
  // Only a call needs its frame: it can be walked through while the callee is stopped.
  if (Frame.Form != abi::frame_whole && !IsCall)
    return S;
  S.Form = Frame.Form;
  S.Depth = Frame.Depth;
  S.CalleeMayStop = !R.CalleesUnsafe && Frame.Form != abi::frame_unknown;
  S.CalleePinned = IsCall && S.CalleeMayStop && CalleePinned;
  if (IsCall && S.CalleeMayStop)
    addReferences(R, S);
  return S;
}

// The registers that unwinders and walkers read from here: those that still hold the caller's values, and those by which the frame is found.
uint32_t readByWalkers(const Findings &F, const PointFrame &Frame) {
  const emit::FrameDescription &Whole = F.Plan.description();
  if (Frame.Form == abi::frame_entry)
    return F.Live.callersGeneral();
  uint32_t Saved = 0;
  for (unsigned R = 0; R != abi::saved_register_count; ++R)
    Saved |= (Whole.Saved >> R & 1u) << SavedRegisterNumber[R];
  bool ByRbp = Whole.CfaIsRbp && Frame.Form == abi::frame_whole;
  return (F.Live.callersGeneral() & ~Saved) | uint32_t(ByRbp) << RBP | uint32_t(F.Refs.foundByRbx()) << RBX;
}

// Whether a counter that is set calls the point unsafe.
bool isCountedOut(const Code &C, unsigned I) { return !isMarker(C.Instructions[I].Class) && !DebugCounter::shouldExecute(PointCounter); }

PointState stateAt(const Code &C, const Findings &F, unsigned I, const char *&Rule) {
  const PointFrame &Frame = F.Plan.at(I);
  PointReferences R = F.Refs.at(I, Frame.Form);
  Danger D = std::max(F.Unsafe.at(I), R.Unsafe ? Danger::NoStop : Danger::None);
  Rule = F.Unsafe.at(I) != Danger::None ? F.Unsafe.ruleAt(I) : R.Rule;
  if (D == Danger::None && isCountedOut(C, I)) {
    D = Danger::NoStop;
    Rule = "debug-counter";
  }
  if (D == Danger::NoFrame)
    return {};
  if (D == Danger::NoStop)
    return unsafeState(Frame, C.Instructions[I].MI->isCall(), F.calleePinned(I), R);
  if (F.Taint.pinned(I))
    Rule = "thread-local-address";
  PointState S;
  S.Kind = abi::kind_safe;
  if (Frame.Sequence != PointState::Standard::None) {
    if (F.Taint.pinned(I))
      return {};
    S.Sequence = Frame.Sequence;
    addReferences(R, S);
    return S;
  }
  if (Frame.Form == abi::frame_unknown) {
    Rule = "frame";
    return {};
  }
  S.Form = Frame.Form;
  S.Depth = Frame.Depth;
  addReferences(R, S);
  if (F.Taint.pinned(I))
    S.Kind = abi::kind_pinned;
  if (F.Full) {
    S.HasLiveSet = true;
    S.Live = F.Live.liveSet(I, readByWalkers(F, Frame));
    S.VectorLive = F.Live.vectorLive(I);
  } else if (Frame.Form == abi::frame_whole) {
    S.VectorLive = F.Live.vectorLive(I);
  }
  return S;
}

// Whether a walk gets past a call at a point of this state.
bool isWalkable(const PointState &S) { return S.Form != abi::frame_unknown && (S.Kind != abi::kind_unsafe || S.CalleeMayStop); }

// The first call under which a collection would find nothing to go by.
void reportLostReferences(const Code &C, const Findings &F, ArrayRef<PointState> States) {
  for (unsigned I = 0; I != C.size(); ++I)
    if (const char *Why = F.Refs.whyLostAcross(I, F.Plan.at(I).Form, isWalkable(States[I]))) {
      const Function &Of = C.MF.getFunction();
      Of.getContext().diagnose(DiagnosticInfoUnsupported(Of, Why, C.Instructions[I].MI->getDebugLoc()));
      return;
    }
}

// The runs of prologues and epilogues have implied lengths, so each is one state or unsafe as a whole.
void unifySequences(const FramePlan &Plan, std::vector<PointState> &States) {
  for (unsigned I = 0; I < States.size();) {
    PointState::Standard Sequence = Plan.at(I).Sequence;
    unsigned End = I + 1;
    while (Sequence != PointState::Standard::None && End != States.size() && Plan.at(End).Sequence == Sequence)
      ++End;
    auto Begin = States.begin() + I;
    if (!std::all_of(Begin, States.begin() + End, [&](const PointState &S) { return S == *Begin; }))
      std::fill(Begin, States.begin() + End, PointState());
    I = End;
  }
}

// Step 4, second half.
void smooth(std::vector<PointState> &States) {
  auto IsSafe = [&](size_t I, bool Vector) {
    const PointState &S = States[I];
    return S.Kind == abi::kind_safe && S.Form == abi::frame_whole && S.Sequence == PointState::Standard::None && !S.HasLiveSet &&
           S.VectorLive == Vector;
  };
  for (size_t I = 1; I < States.size(); ++I) {
    if (!IsSafe(I, false) || !IsSafe(I - 1, true))
      continue;
    size_t End = I;
    while (End != States.size() && IsSafe(End, false))
      ++End;
    if (End != States.size() && IsSafe(End, true) && End - I <= LongestSmoothedGap)
      for (size_t J = I; J < End; ++J)
        States[J].VectorLive = true;
    I = End;
  }
}

class PointStates : public MachineFunctionPass {
public:
  static char ID;
  explicit PointStates(const PassOptions &Options) : MachineFunctionPass(ID), Options(Options) {}

  StringRef getPassName() const override { return "Stillpoint point states"; }

  void getAnalysisUsage(AnalysisUsage &AU) const override {
    AU.setPreservesAll();
    AU.addRequired<GCModuleInfo>();
    MachineFunctionPass::getAnalysisUsage(AU);
  }

  bool runOnMachineFunction(MachineFunction &MF) override {
    auto *Tables = static_cast<TablesStrategy *>(getAnalysis<GCModuleInfo>().getGCStrategy(TablesStrategyName));
    // The pass may have been added twice.
    if (Tables->LastFunction == MF.getFunctionNumber() || MF.getFunction().hasFnAttribute(IgnoreAttribute))
      return false;
    Tables->LastFunction = MF.getFunctionNumber();
    Code C(MF);
    if (C.size() == 0)
      return false;
    UncheckedCopies Copies = Tables->Copies.lookup(MF.getFunctionNumber());
    computeStates(C, Copies);
    if (C.size() == 0)
      return true;
    // Once more, without markers: what is not paired in the tables must not be safe.
    CopyPairs Pairs(C, Copies);
    std::vector<const char *> Told(C.size());
    Pairs.spreadStates(States, Told);
    emitFragments(C, Pairs, *Tables);
    return true;
  }

private:
  void computeStates(Code &C, const UncheckedCopies &Copies);
  void tell(const Code &C, ArrayRef<const char *> Rules) const;
  void removeMarkers(Code &C);
  void emitFragments(const Code &C, const CopyPairs &Pairs, TablesStrategy &Tables);

  PassOptions Options;
  std::vector<PointState> States;
  emit::FrameDescription Frame;
};

char PointStates::ID = 0;

void PointStates::computeStates(Code &C, const UncheckedCopies &Copies) {
  FrameFlow Flow(C);
  FramePlan Plan(C, Flow);
  Liveness Live(C);
  UnsafePoints Unsafe(C, Live);
  ThreadTaint Taint(C, Live);
  bool Full = Options.FullLiveness || C.MF.getFunction().hasFnAttribute(LivenessAttribute);
  References Refs(C, Flow, Live);
  Findings F{Plan, Live, Unsafe, Taint, Refs, Full};
  Frame = Plan.description();
  Frame.Nosplit = Unsafe.isNosplit();
  Refs.describe(Frame);
  States.clear();
  std::vector<const char *> Rules(C.size());
  for (unsigned I = 0; I != C.size(); ++I)
    States.push_back(stateAt(C, F, I, Rules[I]));
  reportLostReferences(C, F, States);
  unifySequences(Plan, States);
  smooth(States);
  smoothReferences(C, Refs, States);
  CopyPairs(C, Copies).spreadStates(States, Rules);
  tell(C, Rules);
  removeMarkers(C);
}

// Whoever asked for it. A point that is unsafe by no rule belongs to a prologue or an epilogue with an unsafe one.
void PointStates::tell(const Code &C, ArrayRef<const char *> Rules) const {
  bool Dump = !Options.DumpFunction.empty() && (Options.DumpFunction == "*" || Options.DumpFunction == C.MF.getName());
  if (!Dump && !wantsRemarks(C.MF.getFunction()))
    return;
  std::vector<RuledState> Points;
  for (auto [State, Rule] : zip_equal(States, Rules)) {
    bool Forbidden = State.Kind != abi::kind_safe;
    Points.push_back({State, !Forbidden ? nullptr : Rule ? Rule : "frame-sequence"});
  }
  remarkPoints(C, Points);
  if (Dump)
    dumpPoints(C, Points, Frame);
}

void PointStates::removeMarkers(Code &C) {
  if (!C.hasMarkers())
    return;
  std::vector<unsigned> Keep;
  C.removeMarkers(Keep);
  for (unsigned I = 0; I != Keep.size(); ++I)
    if (Keep[I] != I)
      States[I] = std::move(States[Keep[I]]);
  States.resize(Keep.size());
}

// Places labels between instructions.
class Labels {
public:
  Labels(const Code &C, const CopyPairs &Pairs)
      : C(C), Pairs(Pairs), Context(C.MF.getContext()), Padding(C.size()), Sections(C.size(), MBBSectionID(0)) {
    Align Alignment(1);
    for (const MachineBasicBlock &B : C.MF) {
      Alignment = std::max(Alignment, B.getAlignment());
      const BlockRange &R = C.range(B);
      if (R.Begin == R.End)
        continue;
      Padding[R.Begin] = static_cast<uint32_t>(Alignment.value() - 1);
      Alignment = Align(1);
      for (unsigned I = R.Begin; I != R.End; ++I)
        Sections[I] = B.getSectionID();
    }
  }

  /// The most bytes of padding that may stand before the instruction.
  uint32_t paddingBefore(unsigned I) const { return Padding[I]; }
  bool startsFragment(unsigned I) const { return I == 0 || Sections[I] != Sections[I - 1]; }

  const MCSymbol *before(unsigned I, abi::state_code Code) {
    if (isPadded(I) && !Pairs.followsTest(I))
      return behind(I - 1, LabelNames[Code]);
    return at(I, LabelNames[Code]);
  }

  /// Whether there may be padding in front that is executed.
  bool isPadded(unsigned I) const { return Padding[I] && !startsFragment(I) && !C.Instructions[I - 1].MI->isBarrier(); }
  const MCSymbol *at(unsigned I, const char *Name = "stillpoint_copy") {
    MachineInstr &MI = *C.Instructions[I].MI;
    if (!MI.getPreInstrSymbol())
      MI.setPreInstrSymbol(C.MF, Context.createTempSymbol(Name));
    return MI.getPreInstrSymbol();
  }

  const MCSymbol *behind(unsigned I, const char *Name) {
    MachineInstr &MI = *C.Instructions[I].MI;
    if (!MI.getPostInstrSymbol())
      MI.setPostInstrSymbol(C.MF, Context.createTempSymbol(Name));
    return MI.getPostInstrSymbol();
  }

private:
  const Code &C;
  const CopyPairs &Pairs;
  MCContext &Context;
  std::vector<uint32_t> Padding;
  std::vector<MBBSectionID> Sections;
};

// The stretch of an unchecked copy from Begin to End.
std::vector<emit::CopyPiece<const MCSymbol *>> describeCopy(const CopyPairs &Pairs, Labels &Label, unsigned Begin, unsigned End) {
  std::vector<emit::CopyPiece<const MCSymbol *>> Pieces;
  auto Start = [&](const MCSymbol *From, const MCSymbol *Checked, bool Fixed) {
    if (!Pieces.empty())
      Pieces.back().To = From;
    Pieces.push_back({From, nullptr, Checked, Fixed});
  };
  for (unsigned I = Begin; I != End; ++I) {
    unsigned J = Pairs.counterpart(I);
    bool Padded = I != Begin && Label.isPadded(I);
    if (I != Begin && !Padded && !Pairs.isJump(I - 1) && Pairs.counterpart(I - 1) + 1 == J)
      continue;
    if (Padded)
      Start(Label.behind(I - 1, "stillpoint_padding"), Label.at(J), /*Fixed=*/true);
    Start(Label.at(I), Label.at(J), /*Fixed=*/false);
  }
  Pieces.back().To = Label.behind(End - 1, "stillpoint_end");
  return Pieces;
}

void describeCopies(const CopyPairs &Pairs, Labels &Label, unsigned Begin, unsigned End, TablesStrategy::Fragment &F) {
  for (unsigned I = Begin; I != End;) {
    unsigned First = I++;
    if (Pairs.counterpart(First) == CopyPairs::None)
      continue;
    while (I != End && Pairs.counterpart(I) != CopyPairs::None && !Pairs.followsTest(I))
      ++I;
    F.Copies.push_back(describeCopy(Pairs, Label, First, I));
  }
}

// Step 5.
void PointStates::emitFragments(const Code &C, const CopyPairs &Pairs, TablesStrategy &Tables) {
  Labels Label(C, Pairs);
  for (unsigned Begin = 0; Begin != C.size();) {
    unsigned End = Begin + 1;
    while (End != C.size() && !Label.startsFragment(End))
      ++End;
    TablesStrategy::Fragment &F = Tables.Fragments.emplace_back();
    F.Frame = Frame;
    for (unsigned I = Begin; I != End; ++I) {
      emit::StateRef State = emit::internState(F.OwnStates, States[I]);
      if (F.Runs.empty() || F.Runs.back().State != State) {
        const MCSymbol *Here = Label.before(I, State.Code);
        if (!F.Runs.empty())
          F.Runs.back().To = Here;
        F.Runs.push_back({Here, nullptr, State, 0});
      }
      F.Runs.back().MostBytes += abi::max_instruction_size + Label.paddingBefore(I);
    }
    F.Runs.back().To = Label.behind(End - 1, "stillpoint_end");
    describeCopies(Pairs, Label, Begin, End, F);
    Begin = End;
  }
}

} // namespace

MachineFunctionPass *createPointStatesPass(const PassOptions &Options) { return new PointStates(Options); }

} // namespace stillpoint
