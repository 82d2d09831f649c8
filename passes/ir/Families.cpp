// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: a raw pointer made from a reference says nothing about the object that it points into.
//
// Mechanism: a flow-insensitive propagation of sources (Families.h) over the function's values and stack objects, to a fixed point. Behind it, PHIs over sources
// that do not dominate them become choices, which cuts the propagation there, and it is done again until no PHI is left to cut.
//
// Invariants: what goes to memory that is no stack object, or comes from there, is lost: the front end warns. A call may return, and put wherever it may
// write, anything that it was given; attributes narrow that where they speak of memory, never where they speak of the pointer alone (what a callee loads
// through a pointer is in the family, too).
//
// Rejected: rewriting a pointer's base for every derived value (RewriteStatepointsForGC): most need none.
#include "passes/ir/Families.h"
#include "passes/ir/ReferenceTypes.h"

#include "llvm/ADT/PostOrderIterator.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"

using namespace llvm;
using namespace stillpoint;

namespace {

bool holdsRawPointers(Type *T) {
  if (auto *Struct = dyn_cast<StructType>(T))
    return any_of(Struct->elements(), holdsRawPointers);
  if (auto *Array = dyn_cast<ArrayType>(T))
    return holdsRawPointers(Array->getElementType());
  return T->isPtrOrPtrVectorTy() && !isReference(T);
}

bool isAddressing(const Use &U) {
  const auto *I = cast<Instruction>(U.getUser());
  if (isa<LoadInst, GetElementPtrInst, ICmpInst, AddrSpaceCastInst, PtrToIntInst>(I))
    return true;
  return (isa<StoreInst>(I) && U.getOperandNo() == StoreInst::getPointerOperandIndex()) ||
         (isa<AtomicRMWInst>(I) && U.getOperandNo() == AtomicRMWInst::getPointerOperandIndex()) ||
         (isa<AtomicCmpXchgInst>(I) && U.getOperandNo() == AtomicCmpXchgInst::getPointerOperandIndex());
}

// The type of the scalar at a constant offset; none where the type does not tell (characters, padding).
Type *scalarAt(Type *T, uint64_t Offset, const DataLayout &DL) {
  while (Offset < DL.getTypeAllocSize(T)) {
    if (auto *Array = dyn_cast<ArrayType>(T)) {
      T = Array->getElementType();
      Offset %= DL.getTypeAllocSize(T);
    } else if (auto *Struct = dyn_cast<StructType>(T)) {
      const StructLayout *Layout = DL.getStructLayout(Struct);
      unsigned Member = Layout->getElementContainingOffset(Offset);
      Offset -= Layout->getElementOffset(Member);
      T = Struct->getElementType(Member);
    } else {
      return T->isIntegerTy(8) ? nullptr : T;
    }
  }
  return nullptr;
}

enum class WordKind { Elsewhere, Unknown, Pointer, Other };

// What is said to be in the stack object that the address points into.
WordKind kindOfWord(const Value *Address, const DataLayout &DL) {
  APInt Offset(64, 0);
  SmallVector<const Value *> Places;
  getUnderlyingObjects(Address, Places, /*LI=*/nullptr, /*MaxLookup=*/0);
  auto *Object = dyn_cast<AllocaInst>(Places.front());
  if (none_of(Places, [](const Value *V) { return isa<AllocaInst>(V); }))
    return WordKind::Elsewhere;
  if (Places.size() != 1 || Address->stripAndAccumulateConstantOffsets(DL, Offset, /*AllowNonInbounds=*/true) != Object)
    return WordKind::Unknown;
  Type *T = Offset.isNegative() ? nullptr : scalarAt(Object->getAllocatedType(), Offset.getZExtValue(), DL);
  return !T ? WordKind::Unknown : T->isPointerTy() ? WordKind::Pointer : WordKind::Other;
}

void add(Families::Sources &To, const Families::Sources &From) { To.insert_range(From); }

void addObjects(Families::Sources &To, const Families::Sources &From) {
  for (Value *V : From)
    if (isa<AllocaInst>(V))
      To.insert(V);
}

void addOthers(Families::Sources &To, const Families::Sources &From) {
  for (Value *V : From)
    if (!isa<AllocaInst>(V))
      To.insert(V);
}

} // namespace

bool stillpoint::isOnlyAddress(const Value &V) { return isa<GetElementPtrInst>(V) && all_of(V.uses(), isAddressing); }

bool stillpoint::isBase(const Value &V) {
  if (isa<Constant>(V) || !V.getType()->isPointerTy() || !isReference(V.getType()))
    return false;
  auto *Derived = dyn_cast<GetElementPtrInst>(&V);
  return !Derived || (Derived->isInBounds() && !isOnlyAddress(V));
}

bool stillpoint::isRealCall(const CallBase &Call) {
  return !Call.isInlineAsm() && (!isa<IntrinsicInst>(Call) || isa<AnyMemIntrinsic>(Call));
}

Families::Families(Function &F, const DominatorTree &DT) : F(F), DT(DT) {
  findIntegers();
  do
    propagate();
  while (chooseAtPhis());
}

bool Families::isTracked(const Value &V) const {
  if (!isa<Instruction>(V) || isa<AllocaInst>(V) || isBase(V))
    return false;
  return Integers.contains(&V) || holdsRawPointers(V.getType()) || (V.getType()->isPointerTy() && isReference(V.getType()));
}

// Whether an integer that is stored may be a pointer: the optimiser copies small structures so.
bool Families::copiesPointer(const StoreInst &Store) const {
  const DataLayout &DL = F.getDataLayout();
  Type *T = Store.getValueOperand()->getType();
  if (!T->getScalarType()->isIntegerTy(64))
    return false;
  bool ToPointer = kindOfWord(Store.getPointerOperand(), DL) == WordKind::Pointer;
  SmallSetVector<const Value *, 4> From;
  From.insert(Store.getValueOperand());
  for (size_t I = 0; I < From.size(); ++I) {
    if (isa<PtrToIntInst>(From[I]))
      return true;
    if (auto *Load = dyn_cast<LoadInst>(From[I])) {
      WordKind Kind = kindOfWord(Load->getPointerOperand(), DL);
      if (ToPointer || Kind == WordKind::Pointer || Kind == WordKind::Unknown)
        return true;
    } else if (isa<PHINode, SelectInst, FreezeInst, InsertElementInst, ExtractElementInst, ShuffleVectorInst>(From[I])) {
      From.insert_range(cast<Instruction>(From[I])->operands());
    }
  }
  return false;
}

// What flows, by anything at all but memory, into an integer that becomes a pointer. Offsets from a pointer do not count: they carry no object with them.
void Families::findIntegers() {
  SmallVector<Value *> Worklist;
  for (Instruction &I : instructions(F)) {
    if (isa<IntToPtrInst>(I))
      Worklist.push_back(I.getOperand(0));
    else if (auto *Store = dyn_cast<StoreInst>(&I); Store && copiesPointer(*Store))
      Worklist.push_back(Store->getValueOperand());
    else if (auto *Address = dyn_cast<GetElementPtrInst>(&I); Address && isa<Constant>(Address->getPointerOperand()))
      Worklist.append(Address->idx_begin(), Address->idx_end());
  }
  while (!Worklist.empty()) {
    auto *I = dyn_cast<Instruction>(Worklist.pop_back_val());
    if (!I || holdsRawPointers(I->getType()) || isReference(I->getType()) || !Integers.insert(I).second)
      continue;
    for (Value *Operand : I->operands())
      Worklist.push_back(Operand);
  }
}

void Families::propagate() {
  Map.clear();
  Contents.clear();
  Choices.clear();
  ReversePostOrderTraversal<Function *> Order(&F);
  bool Again = true;
  while (Again) {
    Again = false;
    for (BasicBlock *Block : Order)
      for (Instruction &I : *Block) {
        if (isTracked(I)) {
          Sources Derived = derive(I);
          Sources &Known = Map[&I];
          Again |= Derived.size() != Known.size();
          Known = std::move(Derived);
          if (Known.contains(&I))
            Choices.insert(&I);
        }
        Effect Done = effectOf(I);
        for (Value *Object : Done.Objects)
          for (Value *Source : Done.Put)
            Again |= Source != Object && Contents[cast<AllocaInst>(Object)].insert(Source);
        if (Done.Put.contains(&I))
          Choices.insert(&I);
      }
  }
}

// Whether another propagation is needed.
bool Families::chooseAtPhis() {
  size_t Before = ChosenPhis.size();
  for (auto &[V, Known] : Map)
    if (auto *Phi = dyn_cast<PHINode>(V); Phi && !ChosenPhis.contains(Phi))
      if (any_of(Known, [&](Value *Source) { return !isa<AllocaInst>(Source) && !isAvailable(Source, *Phi); }))
        ChosenPhis.insert(Phi);
  return ChosenPhis.size() != Before;
}

bool Families::isAvailable(Value *Source, const PHINode &Phi) const {
  auto *I = dyn_cast<Instruction>(Source);
  return !I || DT.dominates(I, Phi.getParent());
}

Families::Sources Families::sourcesOf(Value *V) const {
  Sources Result;
  if (isa<AllocaInst>(V) || isBase(*V))
    Result.insert(V);
  else if (auto Known = Map.find(V); Known != Map.end())
    Result = Known->second;
  return Result;
}

Families::Sources Families::derive(Instruction &I) const {
  Sources Result;
  if (auto *Phi = dyn_cast<PHINode>(&I)) {
    derivePhi(*Phi, Result);
  } else if (auto *Call = dyn_cast<CallBase>(&I)) {
    deriveCall(*Call, Result);
  } else if (isa<LoadInst, AtomicRMWInst, AtomicCmpXchgInst, VAArgInst>(I)) {
    deriveLoad(I, I.getOperand(0), Result);
  } else if (auto *Address = dyn_cast<GetElementPtrInst>(&I); Address && !isa<Constant>(Address->getPointerOperand())) {
    add(Result, sourcesOf(Address->getPointerOperand()));
  } else {
    for (Value *Operand : I.operands())
      if (isa<CastInst>(I) || !isBase(*Operand))
        add(Result, sourcesOf(Operand));
  }
  return Result;
}

void Families::derivePhi(PHINode &Phi, Sources &Result) const {
  bool Chosen = ChosenPhis.contains(&Phi);
  for (Value *Incoming : Phi.incoming_values())
    for (Value *Source : sourcesOf(Incoming))
      if (!Chosen || isa<AllocaInst>(Source) || isAvailable(Source, Phi))
        Result.insert(Source);
  if (Chosen)
    Result.insert(&Phi);
}

void Families::deriveLoad(Instruction &I, Value *Address, Sources &Result) const {
  Sources Places = sourcesOf(Address);
  addOthers(Result, Places);
  bool Chosen = false;
  for (Value *Place : Places)
    if (auto *Object = dyn_cast<AllocaInst>(Place)) {
      Chosen |= holdsMembers(Object);
      if (auto Known = Contents.find(Object); Known != Contents.end())
        addObjects(Result, Known->second);
    }
  if (Chosen)
    Result.insert(&I);
}

void Families::deriveCall(CallBase &Call, Sources &Result) const {
  if (auto *Memory = dyn_cast<IntrinsicInst>(&Call); Memory && Memory->isAssumeLikeIntrinsic())
    return;
  Sources Given;
  for (Value *Argument : Call.args())
    add(Given, sourcesOf(Argument));
  addOthers(Result, Given);
  Sources Reached = closure(Given);
  add(Result, Reached);
  if (anyHoldsMembers(Reached))
    Result.insert(&Call);
}

Families::Effect Families::effectOf(Instruction &I) const {
  Effect Result;
  if (auto *Store = dyn_cast<StoreInst>(&I)) {
    if (!isReference(Store->getValueOperand()->getType())) {
      addObjects(Result.Objects, sourcesOf(Store->getPointerOperand()));
      Result.Put = sourcesOf(Store->getValueOperand());
    }
  } else if (isa<AtomicRMWInst, AtomicCmpXchgInst>(I)) {
    Value *New = I.getOperand(isa<AtomicRMWInst>(I) ? 1 : 2);
    if (!isReference(New->getType())) {
      addObjects(Result.Objects, sourcesOf(I.getOperand(0)));
      Result.Put = sourcesOf(New);
    }
  } else if (auto *Call = dyn_cast<CallBase>(&I)) {
    addCallEffect(*Call, Result);
  }
  return Result;
}

void Families::addCallEffect(CallBase &Call, Effect &Result) const {
  if (Call.onlyReadsMemory() || (isa<IntrinsicInst>(Call) && !isa<AnyMemTransferInst>(Call)))
    return;
  // A copy moves what the source holds, and no pointer to it.
  if (auto *Copy = dyn_cast<AnyMemTransferInst>(&Call)) {
    Sources From = sourcesOf(Copy->getRawSource());
    addObjects(Result.Objects, sourcesOf(Copy->getRawDest()));
    addOthers(Result.Put, From);
    for (Value *Place : From)
      if (auto Known = Contents.find(dyn_cast<AllocaInst>(Place)); Known != Contents.end())
        addObjects(Result.Put, Known->second);
    if (anyHoldsMembers(From))
      Result.Put.insert(&Call);
    return;
  }
  for (auto [Index, Argument] : enumerate(Call.args())) {
    Sources Given = sourcesOf(Argument);
    addOthers(Result.Put, Given);
    if (!Call.onlyReadsMemory(Index))
      addObjects(Result.Objects, Given);
  }
  Result.Objects = closure(Result.Objects);
  Sources Reached;
  for (Value *Argument : Call.args())
    add(Reached, reachableObjects(Argument));
  // What comes out of one object and goes back into the same is there already.
  if (any_of(Result.Objects, [&](Value *Object) { return anyHoldsMembers(Reached, Object); }))
    Result.Put.insert(&Call);
  add(Result.Put, Reached);
}

Families::Sources Families::closure(Sources Objects) const {
  Sources Result;
  addObjects(Result, Objects);
  for (size_t I = 0; I < Result.size(); ++I)
    if (auto Known = Contents.find(cast<AllocaInst>(Result[I])); Known != Contents.end())
      addObjects(Result, Known->second);
  return Result;
}

Families::Sources Families::reachableObjects(Value *V) const { return closure(sourcesOf(V)); }

bool Families::holdsMembers(const AllocaInst *Object) const {
  auto Known = Contents.find(Object);
  return Known != Contents.end() && any_of(Known->second, [](Value *Source) { return !isa<AllocaInst>(Source); });
}

bool Families::anyHoldsMembers(const Sources &Objects, Value *Except) const {
  return any_of(Objects, [&](Value *Object) {
    auto *Alloca = dyn_cast<AllocaInst>(Object);
    return Alloca && Object != Except && holdsMembers(Alloca);
  });
}

Families::Sources Families::objectsReadBy(Instruction &Choice) const {
  Sources Result;
  if (auto *Copy = dyn_cast<AnyMemTransferInst>(&Choice)) {
    addObjects(Result, sourcesOf(Copy->getRawSource()));
  } else if (auto *Call = dyn_cast<CallBase>(&Choice)) {
    for (Value *Argument : Call->args())
      add(Result, reachableObjects(Argument));
  } else {
    addObjects(Result, sourcesOf(Choice.getOperand(0)));
  }
  Result.remove_if([&](Value *Object) { return !holdsMembers(cast<AllocaInst>(Object)); });
  return Result;
}

Families::Sources Families::sourcesOnEdge(PHINode &Phi, unsigned Incoming) const {
  Sources Result;
  for (Value *Source : sourcesOf(Phi.getIncomingValue(Incoming)))
    if (!isa<AllocaInst>(Source) && !isAvailable(Source, Phi))
      Result.insert(Source);
  return Result;
}
