// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: a raw pointer that comes out of a PHI, or out of a stack object, hangs on a reference that is no value at hand: on one of several, or on one from an
// earlier turn of the loop.
//
// Mechanism:
//  1. A PHI over raw pointers of different bases gets PHIs over these bases, as many as the incoming value with the most of them needs.
//  2. A stack object into which members are put gets a shadow, an array of references of its size: a store of a member also stores its base at the same
//     offset, copies copy, and what loads a raw pointer loads the base as well. Shadows are stack objects with references like any other,
//     so the passes behind this one make them roots: a base is kept as long as the object may hold the member.
//  3. Calls, and stores whose target is not certain, have words of their own for the bases that they may have put somewhere, written before them.
//
// Invariants: nothing is made where all of a function's families hang on values at hand. A count beyond MaxWords is refused, and the function is then undescribed.
//
// Rejected: keeps at the end of the object's life (the base of an earlier turn of a loop is no value any more); listing the object's own
// words as roots (a raw pointer to memory that an object merely owns would not hold that object).
//
// Limit: a call that puts pointers of several turns of a loop side by side into one stack object (an inline buffer filled by a function that is not
// inlined) has words for the last turn only.
#include "passes/ir/BaseValues.h"
#include "passes/Markers.h"

#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"
#include "llvm/Transforms/Utils/Local.h"

using namespace llvm;
using namespace stillpoint;

namespace {
constexpr uint64_t WordSize = 8;
constexpr unsigned MaxWords = 32;

// A call that returns a reference is a base to whoever uses that. To itself, before it is made, it stands for what it takes out of stack objects.
bool isValueAtHand(const Value &Source, const Instruction *User) { return &Source != User && isBase(Source); }

} // namespace

BaseValues::BaseValues(Function &F, const Families &Family)
    : F(F), Family(Family), DL(F.getDataLayout()), Reference(PointerType::get(F.getContext(), ReferenceAddressSpace)) {}

bool BaseValues::make() {
  if (Family.choices().empty() && none_of(instructions(F), [&](Instruction &I) {
        auto E = Family.effectOf(I);
        return !E.Objects.empty() && any_of(E.Put, [](Value *V) { return !isa<AllocaInst>(V); });
      }))
    return true;
  if (!planSites() || !planReads() || !count())
    return false;
  Changed = true;
  makeShadows();
  makePhis();
  for (auto &[Choice, From] : Reads)
    read(*Choice);
  for (auto &[I, S] : Sites)
    writeSite(*I, S);
  for (auto &[Choice, From] : Reads)
    readOwnWords(*Choice);
  fillPhis();
  return true;
}

uint64_t BaseValues::wordsIn(const AllocaInst &Object) const {
  std::optional<TypeSize> Size = Object.getAllocationSize(DL);
  return Object.isStaticAlloca() && Size && !Size->isScalable() ? divideCeil(Size->getFixedValue(), WordSize) : 0;
}

// The words of the one stack object that `Address` points into.
std::optional<BaseValues::Words> BaseValues::exactWords(Value *Address, uint64_t Size) const {
  Families::Sources Places = Family.sourcesOf(Address);
  if (Places.size() != 1 || !isa<AllocaInst>(Places[0]))
    return std::nullopt;
  auto *Object = cast<AllocaInst>(Places[0]);
  uint64_t All = wordsIn(*Object), Count = divideCeil(Size, WordSize);
  APInt Offset(64, 0);
  if (Address->stripAndAccumulateConstantOffsets(DL, Offset, /*AllowNonInbounds=*/true) != Object)
    return Count == 1 ? std::make_optional(Words{Object, Address, 0, 1}) : std::nullopt;
  uint64_t First = Offset.getZExtValue() / WordSize;
  if (Offset.getZExtValue() % WordSize != 0 || First >= All || Count > All - First)
    return std::nullopt;
  return Words{Object, nullptr, First, Count};
}

bool BaseValues::planSites() {
  for (Instruction &I : instructions(F)) {
    Families::Effect Done = Family.effectOf(I);
    Done.Put.remove_if([](Value *V) { return isa<AllocaInst>(V); });
    if (Done.Objects.empty() || Done.Put.empty())
      continue;
    if (any_of(Done.Objects, [&](Value *Object) { return wordsIn(*cast<AllocaInst>(Object)) == 0; }))
      return false;
    Site &S = Sites[&I];
    S.Objects = Done.Objects;
    S.Put = Done.Put;
    if (auto *Store = dyn_cast<StoreInst>(&I))
      S.Exact = exactWords(Store->getPointerOperand(), DL.getTypeStoreSize(Store->getValueOperand()->getType()));
    auto *Copy = dyn_cast<AnyMemTransferInst>(&I);
    auto *Length = Copy ? dyn_cast<ConstantInt>(Copy->getLength()) : nullptr;
    if (!Length || Length->getZExtValue() > MaxWords * WordSize)
      continue;
    S.Exact = exactWords(Copy->getDest(), Length->getZExtValue());
    S.CopyOf = exactWords(Copy->getSource(), Length->getZExtValue());
    if (!S.Exact || !S.CopyOf)
      S.Exact = S.CopyOf = std::nullopt;
  }
  return true;
}

bool BaseValues::planReads() {
  for (Instruction *Choice : Family.choices()) {
    if (isa<PHINode>(Choice))
      continue;
    auto &From = Reads[Choice];
    if (auto *Load = dyn_cast<LoadInst>(Choice))
      if (auto Exact = exactWords(Load->getPointerOperand(), DL.getTypeStoreSize(Load->getType()))) {
        From.push_back(*Exact);
        continue;
      }
    for (Value *Object : Family.objectsReadBy(*Choice)) {
      uint64_t All = wordsIn(*cast<AllocaInst>(Object));
      if (All == 0 || All > MaxWords)
        return false;
      From.push_back({cast<AllocaInst>(Object), nullptr, 0, All});
    }
  }
  return true;
}

// How many references stand for the source where `User` takes it. Own words are left out where the sites that have them are counted: what comes
// out of one and goes into another stays in the first.
unsigned BaseValues::countOf(Value *Source, const Instruction *User, bool WithOwnWords) const {
  if (isValueAtHand(*Source, User))
    return 1;
  if (isa<PHINode>(Source))
    return Slots.lookup(Source);
  unsigned Result = 0;
  auto *Choice = cast<Instruction>(Source);
  auto From = Reads.find(Choice);
  for (const Words &W : From->second)
    Result += W.Count;
  if (WithOwnWords)
    for (auto &[I, S] : Sites)
      if (any_of(Family.objectsReadBy(*Choice), [&](Value *Object) { return S.Objects.contains(Object); }))
        Result += S.OwnWords;
  return Result;
}

unsigned BaseValues::countOnEdges(PHINode &Phi) const {
  unsigned Most = 0;
  for (unsigned I = 0; I != Phi.getNumIncomingValues(); ++I) {
    unsigned Here = 0;
    for (Value *Source : Family.sourcesOnEdge(Phi, I))
      Here += countOf(Source, &Phi, /*WithOwnWords=*/true);
    Most = std::max(Most, Here);
  }
  return Most;
}

bool BaseValues::count() {
  bool Again = true;
  while (Again) {
    Again = false;
    for (auto &[I, S] : Sites) {
      unsigned New = 0;
      for (Value *Source : S.Put)
        New += countOf(Source, I, /*WithOwnWords=*/false);
      if (S.CopyOf || (S.Exact && New == 1))
        New = 0;
      Again |= std::exchange(S.OwnWords, New) != New;
      if (New > MaxWords)
        return false;
    }
    for (Instruction *Choice : Family.choices())
      if (auto *Phi = dyn_cast<PHINode>(Choice)) {
        unsigned New = countOnEdges(*Phi);
        Again |= std::exchange(Slots[Phi], New) != New;
        if (New > MaxWords)
          return false;
      }
  }
  return true;
}

AllocaInst *BaseValues::makeWords(uint64_t Count, const Twine &Name) {
  Type *T = Count == 1 ? static_cast<Type *>(Reference) : ArrayType::get(Reference, Count);
  BasicBlock &Entry = F.getEntryBlock();
  return new AllocaInst(T, DL.getAllocaAddrSpace(), nullptr, DL.getABITypeAlign(Reference), Name, Entry.begin());
}

void BaseValues::makeShadows() {
  auto Need = [&](const Words &W) {
    if (AllocaInst *&Shadow = Shadows[W.Object]; !Shadow)
      Shadow = makeWords(wordsIn(*W.Object), W.Object->getName() + ".bases");
  };
  for (auto &[I, S] : Sites) {
    if (S.Exact)
      Need(*S.Exact);
    if (S.CopyOf)
      Need(*S.CopyOf);
    for (unsigned N = 0; N != S.OwnWords; ++N)
      S.Own.push_back(makeWords(1, "bases"));
  }
  for (auto &[Choice, From] : Reads)
    for (const Words &W : From)
      Need(W);
}

void BaseValues::makePhis() {
  for (Instruction *Choice : Family.choices())
    if (auto *Phi = dyn_cast<PHINode>(Choice))
      for (unsigned N = 0; N != Slots[Phi]; ++N)
        Values[Phi].push_back(PHINode::Create(Reference, Phi->getNumIncomingValues(), Phi->getName() + ".base", Phi->getIterator()));
}

void BaseValues::fillPhis() {
  Constant *Null = ConstantPointerNull::get(Reference);
  for (Instruction *Choice : Family.choices()) {
    auto *Phi = dyn_cast<PHINode>(Choice);
    if (!Phi)
      continue;
    for (unsigned I = 0; I != Phi->getNumIncomingValues(); ++I) {
      SmallVector<Value *> Incoming;
      for (Value *Source : Family.sourcesOnEdge(*Phi, I))
        appendValues(Source, Phi, Incoming);
      for (auto [N, Base] : enumerate(Values[Phi]))
        cast<PHINode>(Base)->addIncoming(N < Incoming.size() ? Incoming[N] : Null, Phi->getIncomingBlock(I));
    }
  }
}

Value *BaseValues::shadowAddress(IRBuilder<> &B, const Words &W, uint64_t Index) const {
  AllocaInst *Shadow = Shadows.lookup(W.Object);
  if (!W.Address)
    return B.CreateConstInBoundsGEP1_64(Reference, Shadow, W.First + Index);
  Value *Offset = B.CreateSub(B.CreatePtrToInt(W.Address, B.getInt64Ty()), B.CreatePtrToInt(W.Object, B.getInt64Ty()));
  return B.CreateInBoundsPtrAdd(Shadow, B.CreateAnd(Offset, -WordSize));
}

Value *BaseValues::loadWord(IRBuilder<> &B, const Words &W, uint64_t Index) const {
  return B.CreateLoad(Reference, shadowAddress(B, W, Index), W.Object->getName() + ".base");
}

void BaseValues::read(Instruction &Choice) {
  IRBuilder<> B(&Choice);
  for (const Words &W : Reads[&Choice])
    for (uint64_t N = 0; N != W.Count; ++N)
      Values[&Choice].push_back(loadWord(B, W, N));
}

void BaseValues::readOwnWords(Instruction &Choice) {
  IRBuilder<> B(&Choice);
  Families::Sources Objects = Family.objectsReadBy(Choice);
  for (auto &[I, S] : Sites)
    if (any_of(Objects, [&](Value *Object) { return S.Objects.contains(Object); }))
      for (AllocaInst *Word : S.Own)
        Values[&Choice].push_back(B.CreateLoad(Reference, Word, "base"));
}

void BaseValues::writeSite(Instruction &I, Site &S) {
  IRBuilder<> B(&I);
  if (S.CopyOf) {
    SmallVector<Value *> Copied;
    for (uint64_t N = 0; N != S.CopyOf->Count; ++N)
      Copied.push_back(loadWord(B, *S.CopyOf, N));
    for (auto [N, Word] : enumerate(Copied))
      B.CreateStore(Word, shadowAddress(B, *S.Exact, N));
    return;
  }
  SmallVector<Value *> Put;
  for (Value *Source : S.Put)
    appendValues(Source, &I, Put);
  if (S.Exact && S.OwnWords == 0) {
    for (uint64_t N = 0; N != S.Exact->Count; ++N)
      B.CreateStore(Put.front(), shadowAddress(B, *S.Exact, N));
    return;
  }
  for (auto [Word, Base] : zip_equal(S.Own, Put))
    B.CreateStore(Base, Word);
}

void BaseValues::appendValues(Value *Source, const Instruction *User, SmallVectorImpl<Value *> &Result) const {
  if (isValueAtHand(*Source, User))
    Result.push_back(Source);
  else if (auto Known = Values.find(Source); Known != Values.end())
    Result.append(Known->second.begin(), Known->second.end());
}

bool BaseValues::dropUnused() {
  for (auto &[Choice, Bases] : Values)
    for (Value *Base : Bases)
      Made.push_back(Base);
  Values.clear();
  for (WeakTrackingVH &Base : Made) {
    if (auto *Phi = dyn_cast_or_null<PHINode>(Base))
      RecursivelyDeleteDeadPHINode(Phi);
    else if (Base)
      RecursivelyDeleteTriviallyDeadInstructions(Base);
  }
  return Changed;
}

SmallVector<Value *, 2> BaseValues::of(Value *V) const {
  SmallVector<Value *, 2> Result;
  for (Value *Source : Family.sourcesOf(V))
    appendValues(Source, nullptr, Result);
  return Result;
}
