// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: which words of a stack object may hold references. Its type says so for what the programmer declared; but the optimizer also makes new
// objects of parts of old ones, as plain bytes, and inlined code puts references into character buffers.
//
// Mechanism: by type, hidden places included; and by accesses: from the object's address through arithmetic, casts, PHIs and selects every load and
// store of a reference is found, and every argument whose type is known (byval, sret). Where an address depends on a variable, the places
// that the strides allow. Copies between objects carry what is known of one to the other, until nothing changes.
//
// Invariant: objects that the optimizer has made do not escape (only such are split), so all their accesses are seen. An object that escapes has the
// type that the front end gave it.
#include "passes/ir/StackObjects.h"
#include "passes/Markers.h"
#include "passes/ir/ReferenceTypes.h"

#include "llvm/ADT/APInt.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/DataLayout.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Operator.h"

#include <numeric>

using namespace llvm;
using namespace stillpoint;

namespace {

constexpr uint64_t WordSize = 8;

// The addresses At + n * Stride; one if Stride is 0.
struct Place {
  int64_t At = 0;
  uint64_t Stride = 0;

  bool operator==(const Place &) const = default;

  Place normalised() const {
    if (Stride == 0)
      return *this;
    auto S = static_cast<int64_t>(Stride);
    return {((At % S) + S) % S, Stride};
  }
  Place joined(const Place &Other) const {
    uint64_t Distance = static_cast<uint64_t>(At > Other.At ? At - Other.At : Other.At - At);
    return Place{At, std::gcd(std::gcd(Stride, Other.Stride), Distance)}.normalised();
  }
};

Place behindGep(Place P, const GEPOperator &Gep, const DataLayout &DL) {
  constexpr unsigned PointerBits = 64;
  SmallMapVector<Value *, APInt, 4> Variable;
  APInt Constant(PointerBits, 0);
  if (Gep.getType()->isVectorTy() || !Gep.collectOffset(DL, PointerBits, Variable, Constant))
    return Place{0, 1};
  P.At += Constant.getSExtValue();
  for (const auto &[V, Scale] : Variable)
    P.Stride = std::gcd(P.Stride, Scale.abs().getZExtValue());
  return P.normalised();
}

// Follows one object's address.
class AccessWalk {
public:
  using KnownOffsets = function_ref<SmallVector<uint64_t>(const Value *, uint64_t)>;

  AccessWalk(Value &Object, uint64_t Size, const DataLayout &DL, StackObjects::Offsets &Found, KnownOffsets KnownOf)
      : DL(DL), Size(Size), Found(Found), KnownOf(KnownOf) {
    reach(&Object, Place{});
    while (!Work.empty()) {
      Value *V = Work.pop_back_val();
      for (Use &U : V->uses())
        visit(U, Seen[V]);
    }
  }

private:
  void reach(Value *V, Place P) {
    auto [It, New] = Seen.try_emplace(V, P);
    if (!New) {
      Place Joined = It->second == P ? P : It->second.joined(P);
      if (Joined == It->second)
        return;
      It->second = Joined;
    }
    Work.push_back(V);
  }

  void add(Place P, ArrayRef<uint64_t> Offsets) {
    for (uint64_t Offset : Offsets) {
      Place At{P.At + static_cast<int64_t>(Offset), P.Stride};
      At = At.normalised();
      for (int64_t I = At.At; I >= 0 && static_cast<uint64_t>(I) + WordSize <= Size; I += static_cast<int64_t>(At.Stride)) {
        if (At.Stride == 0 || I % static_cast<int64_t>(WordSize) == 0)
          Found.insert(static_cast<uint64_t>(I));
        if (At.Stride == 0)
          break;
      }
    }
  }

  void add(Place P, Type *T, bool Hidden) {
    SmallVector<uint64_t> Offsets;
    appendReferenceOffsets(T, DL, 0, Hidden, Offsets);
    add(P, Offsets);
  }

  void visit(Use &U, Place P) {
    if (auto *Gep = dyn_cast<GEPOperator>(U.getUser())) {
      reach(Gep, behindGep(P, *Gep, DL));
      return;
    }
    auto *I = dyn_cast<Instruction>(U.getUser());
    if (!I)
      return; // a variable's address in another's initial value
    if (isa<BitCastInst, AddrSpaceCastInst, PHINode, SelectInst, FreezeInst, InsertElementInst, ShuffleVectorInst>(I))
      reach(I, P);
    else if (auto *L = dyn_cast<LoadInst>(I))
      add(P, L->getType(), false);
    else if (auto *S = dyn_cast<StoreInst>(I); S && U.getOperandNo() == StoreInst::getPointerOperandIndex())
      add(P, S->getValueOperand()->getType(), false);
    else if (auto *X = dyn_cast<AtomicCmpXchgInst>(I); X && U.getOperandNo() == AtomicCmpXchgInst::getPointerOperandIndex())
      add(P, X->getNewValOperand()->getType(), false);
    else if (auto *X = dyn_cast<AtomicRMWInst>(I); X && U.getOperandNo() == AtomicRMWInst::getPointerOperandIndex())
      add(P, X->getValOperand()->getType(), false);
    else if (auto *Call = dyn_cast<CallBase>(I); Call && Call->isArgOperand(&U))
      visitArgument(*Call, Call->getArgOperandNo(&U), P);
  }

  void visitArgument(CallBase &Call, unsigned No, Place P) {
    if (auto *Copy = dyn_cast<AnyMemTransferInst>(&Call); Copy && No < 2) {
      auto *Length = dyn_cast<ConstantInt>(Copy->getLength());
      add(P, KnownOf(Copy->getArgOperand(1 - No), Length ? Length->getZExtValue() : Size));
      return;
    }
    if (Type *T = Call.getParamStructRetType(No) ? Call.getParamStructRetType(No) : Call.getParamByValType(No))
      add(P, T, true);
    if (Call.getType()->isPointerTy() && Call.getReturnedArgOperand() == Call.getArgOperand(No))
      reach(&Call, P);
    auto *Known = dyn_cast<IntrinsicInst>(&Call);
    if (!Known || Known->isAssumeLikeIntrinsic())
      return;
    if (Known->getType()->isPtrOrPtrVectorTy() && !isReference(Known->getType()))
      reach(Known, P); // launder.invariant.group and its like
    for (const Value *V : Known->args())
      if (isReference(V->getType()))
        add(P, V->getType(), false); // masked and scattered stores
    if (isReference(Known->getType()))
      add(P, Known->getType(), false);
  }

  const DataLayout &DL;
  uint64_t Size;
  StackObjects::Offsets &Found;
  KnownOffsets KnownOf;
  DenseMap<Value *, Place> Seen;
  SmallVector<Value *> Work;
};

// What a type at `Pointer` - `Into` says of the memory from `Pointer` on.
void appendKnown(Type *T, int64_t Into, uint64_t Size, const DataLayout &DL, bool Hidden, StackObjects::Offsets &Known) {
  SmallVector<uint64_t> Offsets;
  appendReferenceOffsets(T, DL, 0, Hidden, Offsets);
  for (uint64_t Offset : Offsets)
    if (int64_t At = static_cast<int64_t>(Offset) - Into; At >= 0 && static_cast<uint64_t>(At) < Size)
      Known.insert(static_cast<uint64_t>(At));
}

} // namespace

SmallVector<uint64_t> stillpoint::knownReferenceOffsets(const Value *Pointer, uint64_t Size, const DataLayout &DL, bool Hidden) {
  StackObjects::Offsets Known;
  APInt Into(64, 0);
  const Value *V = Pointer;
  while (auto *Gep = dyn_cast<GEPOperator>(V)) {
    APInt Step(64, 0);
    if (!Gep->accumulateConstantOffset(DL, Step)) {
      // The element that the indices end at begins there, wherever that is.
      if (V == Pointer)
        appendKnown(Gep->getResultElementType(), 0, Size, DL, Hidden, Known);
      break;
    }
    Into += Step;
    if (Gep->getSourceElementType()->isSized() && Into.sge(0) && Into.slt(DL.getTypeAllocSize(Gep->getSourceElementType()).getFixedValue()))
      appendKnown(Gep->getSourceElementType(), Into.getSExtValue(), Size, DL, Hidden, Known);
    V = Gep->getPointerOperand();
  }
  Type *T = nullptr;
  if (auto *A = dyn_cast<AllocaInst>(V))
    T = A->getAllocatedType();
  else if (auto *G = dyn_cast<GlobalVariable>(V))
    T = G->getValueType();
  else if (auto *A = dyn_cast<Argument>(V); A && A->hasPointeeInMemoryValueAttr())
    T = A->getPointeeInMemoryValueType();
  if (T)
    appendKnown(T, Into.getSExtValue(), Size, DL, Hidden, Known);
  return SmallVector<uint64_t>(Known.begin(), Known.end());
}

void stillpoint::appendAccessedOffsets(Value &Object, uint64_t Size, const DataLayout &DL, std::set<uint64_t> &Offsets) {
  AccessWalk(Object, Size, DL, Offsets, [&](const Value *V, uint64_t N) { return knownReferenceOffsets(V, N, DL); });
}

// Where the place in the object is not known, each word from there on is taken for a reference.
static bool mayPointToMembers(const Value *Pointer) {
  SmallVector<const Value *> Places;
  getUnderlyingObjects(Pointer, Places, /*LI=*/nullptr, /*MaxLookup=*/0);
  return any_of(Places, [](const Value *V) { return isa<AllocaInst>(V) && cast<AllocaInst>(V)->hasMetadata(MembersMetadata); });
}

SmallVector<uint64_t> StackObjects::offsetsAt(const Value *Pointer, uint64_t Size) const {
  SmallVector<uint64_t> ByType = knownReferenceOffsets(Pointer, Size, DL);
  APInt Into(64, 0);
  auto *A = dyn_cast<AllocaInst>(Pointer->stripAndAccumulateConstantOffsets(DL, Into, /*AllowNonInbounds=*/true));
  auto It = A ? Objects.find(const_cast<AllocaInst *>(A)) : Objects.end();
  if (It == Objects.end() && mayPointToMembers(Pointer)) {
    constexpr uint64_t MostNamed = 64 * WordSize; // larger copies are the runtime's, which looks at each word
    SmallVector<uint64_t> All;
    for (uint64_t At = 0; At + WordSize <= std::min(Size, MostNamed); At += WordSize)
      All.push_back(At);
    return All;
  }
  if (It == Objects.end())
    return ByType;
  Offsets All(ByType.begin(), ByType.end());
  for (uint64_t Offset : It->second)
    if (int64_t At = static_cast<int64_t>(Offset) - Into.getSExtValue(); At >= 0 && static_cast<uint64_t>(At) < Size)
      All.insert(static_cast<uint64_t>(At));
  return SmallVector<uint64_t>(All.begin(), All.end());
}

StackObjects::StackObjects(Function &F) : DL(F.getDataLayout()) {
  for (Instruction &I : instructions(F)) {
    auto *A = dyn_cast<AllocaInst>(&I);
    if (!A)
      continue;
    SmallVector<uint64_t> ByType;
    uint64_t Elements = isa<ConstantInt>(A->getArraySize()) ? cast<ConstantInt>(A->getArraySize())->getZExtValue() : 1;
    if (mayHoldReferences(A->getAllocatedType()))
      appendReferenceOffsets(ArrayType::get(A->getAllocatedType(), Elements), DL, 0, /*Hidden=*/A->isStaticAlloca(), ByType);
    Offsets &Known = Objects[A] = Offsets(ByType.begin(), ByType.end());
    auto Size = A->hasMetadata(MembersMetadata) ? A->getAllocationSize(DL) : std::nullopt;
    for (uint64_t At = 0; Size && At + WordSize <= Size->getFixedValue(); At += WordSize)
      Known.insert(At);
  }
  auto KnownOf = [&](const Value *V, uint64_t Size) { return offsetsAt(V, Size); };
  for (bool Changed = true; Changed;) {
    Changed = false;
    for (auto &[A, Found] : Objects) {
      size_t Before = Found.size();
      auto Size = A->getAllocationSize(DL);
      AccessWalk(*A, Size && Size->isFixed() ? Size->getFixedValue() : UINT32_MAX, DL, Found, KnownOf);
      Changed |= Found.size() != Before;
    }
  }
}
