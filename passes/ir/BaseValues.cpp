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
//  4. A choice that hangs on more than MostBases references stands for itself: it is made a reference as it is, which holds the object
//     that it points into. What it may hang on otherwise stays in the words of 2 and 3.
//  5. Where a word of 2 or 3 is written again while the object may still hold the member of before, the object's own words are roots, and
//     what comes out of it stands for itself (MovedMembers.h).
//
// Invariants: nothing is made where all of a function's families hang on values at hand. Every function can be described.
//
// Rejected: keeps at the end of the object's life (the base of an earlier turn of a loop is no value any more); listing the object's own
// words as roots (a raw pointer to memory that an object merely owns would not hold that object); refusing what hangs on many: assertions of
// tests and chains of output do.
//
// Limit: of what 4 and 5 are about, the pointer itself holds the object that it points into, but not the owner of memory outside the heap.
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
constexpr unsigned MostBases = 8, MostCopied = 32;

// How many pointers a value has in it.
unsigned leavesIn(Type *T) {
  if (auto *Struct = dyn_cast<StructType>(T)) {
    unsigned Sum = 0;
    for (Type *E : Struct->elements())
      Sum += leavesIn(E);
    return Sum;
  }
  if (auto *Array = dyn_cast<ArrayType>(T))
    return static_cast<unsigned>(Array->getNumElements()) * leavesIn(Array->getElementType());
  if (auto *Vector = dyn_cast<FixedVectorType>(T))
    return Vector->getNumElements() * leavesIn(Vector->getElementType());
  return T->isPointerTy() || T->isIntegerTy(64);
}

// Where the choice's own value can be looked at.
std::optional<BasicBlock::iterator> placeBehind(Instruction &Choice) {
  if (auto *Invoke = dyn_cast<InvokeInst>(&Choice))
    return Invoke->getNormalDest()->getFirstInsertionPt();
  if (auto *Call = dyn_cast<CallInst>(&Choice); Choice.isTerminator() || (Call && Call->isMustTailCall()))
    return std::nullopt;
  return isa<PHINode>(Choice) ? Choice.getParent()->getFirstInsertionPt() : std::next(Choice.getIterator());
}

unsigned leavesOf(Instruction &Choice) { return placeBehind(Choice) ? leavesIn(Choice.getType()) : 0; }

// A source that `User` has to take out of stack objects. A call that returns a reference is a base to whoever uses that; to itself, before
// it is made, it is what it takes out.
Instruction *takenOut(Value *Source, const Instruction &User) {
  auto *Choice = dyn_cast<Instruction>(Source);
  return Choice && !isa<PHINode>(Choice) && (Choice == &User || !isBase(*Choice)) ? Choice : nullptr;
}

} // namespace

BaseValues::BaseValues(Function &F, const Families &Family)
    : F(F), Family(Family), Moved(F, Family), DL(F.getDataLayout()), Reference(PointerType::get(F.getContext(), ReferenceAddressSpace)) {}

void BaseValues::make() {
  if (Family.choices().empty() && none_of(instructions(F), [&](Instruction &I) {
        auto E = Family.effectOf(I);
        return !E.Objects.empty() && any_of(E.Put, [](Value *V) { return !isa<AllocaInst>(V); });
      }))
    return;
  planSites();
  planReads();
  count();
  Changed = true;
  makeShadows();
  makeSelves();
  makePhis();
  for (auto &[Choice, From] : Reads)
    read(*Choice);
  for (auto &[I, S] : Sites)
    writeSite(*I, S);
  for (auto &[Choice, From] : Reads)
    readOwnWords(*Choice);
  fillPhis();
  Moved.hold(F);
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
  if (All == 0)
    return std::nullopt;
  APInt Offset(64, 0);
  if (Address->stripAndAccumulateConstantOffsets(DL, Offset, /*AllowNonInbounds=*/true) != Object)
    return Count == 1 ? std::make_optional(Words{Object, Address, 0, 1}) : std::nullopt;
  uint64_t First = Offset.getZExtValue() / WordSize;
  if (Offset.getZExtValue() % WordSize != 0 || First >= All || Count > All - First)
    return std::nullopt;
  return Words{Object, nullptr, First, Count};
}

void BaseValues::planSites() {
  for (Instruction &I : instructions(F)) {
    Families::Effect Done = Family.effectOf(I);
    Done.Put.remove_if([](Value *V) { return isa<AllocaInst>(V); });
    if (Done.Objects.empty() || Done.Put.empty())
      continue;
    Site &S = Sites[&I];
    S.Objects = Done.Objects;
    S.Put = Done.Put;
    if (auto *Store = dyn_cast<StoreInst>(&I))
      S.Exact = exactWords(Store->getPointerOperand(), DL.getTypeStoreSize(Store->getValueOperand()->getType()));
    auto *Copy = dyn_cast<AnyMemTransferInst>(&I);
    auto *Length = Copy ? dyn_cast<ConstantInt>(Copy->getLength()) : nullptr;
    if (!Length || Length->getZExtValue() > MostCopied * WordSize)
      continue;
    S.Exact = exactWords(Copy->getDest(), Length->getZExtValue());
    S.CopyOf = exactWords(Copy->getSource(), Length->getZExtValue());
    if (!S.Exact || !S.CopyOf)
      S.Exact = S.CopyOf = std::nullopt;
  }
}

void BaseValues::planReads() {
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
      if (uint64_t All = wordsIn(*cast<AllocaInst>(Object)); All != 0 && All <= MostBases)
        From.push_back({cast<AllocaInst>(Object), nullptr, 0, All});
      else
        Collapsed.insert(Choice);
    }
  }
}

// Whether what the site put somewhere may come out here.
bool BaseValues::readsWordsOf(Instruction &Choice, const Site &S) const {
  return S.OwnWords != 0 && any_of(Family.objectsReadBy(Choice), [&](Value *Object) { return S.Objects.contains(Object); });
}

unsigned BaseValues::wordsRead(Instruction &Choice) const {
  uint64_t Sum = 0;
  if (auto From = Reads.find(&Choice); From != Reads.end())
    for (const Words &W : From->second)
      Sum += W.Count;
  return static_cast<unsigned>(Sum);
}

// How many references stand for the source.
unsigned BaseValues::countOf(Value *Source) const {
  if (isBase(*Source))
    return 1;
  auto *Choice = cast<Instruction>(Source);
  if (Collapsed.contains(Choice))
    return leavesOf(*Choice) + wordsRead(*Choice);
  if (isa<PHINode>(Choice))
    return Slots.lookup(Choice);
  unsigned Result = wordsRead(*Choice);
  for (auto &[I, S] : Sites)
    if (readsWordsOf(*Choice, S))
      Result += S.OwnWords;
  return Result;
}

// What comes out of one site's own words and goes into another's stays in the first, unless that is this one: then it is about to be overwritten.
bool BaseValues::standsForItself(Instruction &Choice, Instruction &User, const Site &S) const {
  return &Choice != &User && (Collapsed.contains(&Choice) || readsWordsOf(Choice, S));
}

// The same as countOf, for the site's own words.
unsigned BaseValues::countFor(Value *Source, Instruction &User, const Site &S) const {
  Instruction *Choice = takenOut(Source, User);
  if (!Choice)
    return countOf(Source);
  return wordsRead(*Choice) + (standsForItself(*Choice, User, S) ? leavesOf(*Choice) : 0);
}

unsigned BaseValues::countOnEdges(PHINode &Phi) const {
  unsigned Most = 0;
  for (unsigned I = 0; I != Phi.getNumIncomingValues(); ++I) {
    unsigned Here = 0;
    for (Value *Source : Family.sourcesOnEdge(Phi, I))
      Here += countOf(Source);
    Most = std::max(Most, Here);
  }
  return Most;
}

void BaseValues::collapse(Instruction &Choice) {
  Collapsed.insert(&Choice);
  if (wordsRead(Choice) > MostBases)
    Reads[&Choice].clear();
}

bool BaseValues::countSites() {
  bool Again = false;
  for (auto &[I, S] : Sites) {
    unsigned New = 0;
    for (Value *Source : S.Put)
      New += countFor(Source, *I, S);
    if (S.CopyOf || (S.Exact && New == 1))
      New = 0;
    Again |= std::exchange(S.OwnWords, New) != New;
  }
  return Again;
}

bool BaseValues::countChoices() {
  bool Again = false;
  for (Instruction *Choice : Family.choices()) {
    if (Collapsed.contains(Choice))
      continue;
    auto *Phi = dyn_cast<PHINode>(Choice);
    unsigned New = Phi ? countOnEdges(*Phi) : std::max(countOf(Choice), wordsRead(*Choice));
    bool Alone = New > MostBases || (!Phi && readsDisplaced(*Choice));
    if (Alone)
      collapse(*Choice);
    Again |= Alone || (Phi && std::exchange(Slots[Phi], New) != New);
  }
  return Again;
}

bool BaseValues::readsDisplaced(Instruction &Choice) const {
  return Moved.any() && any_of(Family.objectsReadBy(Choice), [&](Value *Object) { return Moved.isDisplaced(Object); });
}

bool BaseValues::displaceObjects() {
  bool Again = false;
  SmallVector<MovedMembers::Overwrite> Overwrites;
  for (auto &[I, S] : Sites) {
    if (S.OwnWords && Moved.putsOthersAgain(*I, S.Put))
      Again |= Moved.displace(*I, S.Objects);
    if (S.CopyOf && Moved.isDisplaced(S.CopyOf->Object))
      Again |= Moved.displace(*S.Exact->Object);
    if (!S.OwnWords && S.Exact)
      Overwrites.emplace_back(I, S.Exact->Object);
  }
  return Moved.spread(Overwrites) || Again;
}

void BaseValues::count() {
  bool Again = true;
  while (Again) {
    Again = countSites();
    Again |= displaceObjects();
    Again |= countChoices();
  }
}

AllocaInst *BaseValues::makeWords(uint64_t Count, const Twine &Name) {
  Type *T = Count == 1 ? static_cast<Type *>(Reference) : ArrayType::get(Reference, Count);
  BasicBlock &Entry = F.getEntryBlock();
  return new AllocaInst(T, DL.getAllocaAddrSpace(), nullptr, DL.getABITypeAlign(Reference), Name, Entry.begin());
}

void BaseValues::makeShadows() {
  unsigned Own = 0;
  auto Need = [&](const Words &W) {
    if (AllocaInst *&Shadow = Shadows[W.Object]; !Shadow)
      Shadow = makeWords(wordsIn(*W.Object), W.Object->getName() + ".bases");
  };
  for (auto &[I, S] : Sites) {
    if (S.Exact)
      Need(*S.Exact);
    if (S.CopyOf)
      Need(*S.CopyOf);
    S.FirstOwn = std::exchange(Own, Own + S.OwnWords);
  }
  for (auto &[Choice, From] : Reads)
    for (const Words &W : From)
      Need(W);
  if (Own)
    OwnWords = makeWords(Own, "bases");
}

// What a value points to, as references that hold it.
void BaseValues::castLeaves(IRBuilder<> &B, Value *V, SmallVectorImpl<Value *> &Cast) {
  auto Look = [&](Value *Part) {
    if (auto *I = dyn_cast<Instruction>(Part))
      Looking.insert(I);
    return Part;
  };
  Type *T = V->getType();
  if (T->isAggregateType()) {
    unsigned Count = T->isStructTy() ? T->getStructNumElements() : static_cast<unsigned>(T->getArrayNumElements());
    for (unsigned N = 0; N != Count; ++N)
      if (leavesIn(T->isStructTy() ? T->getStructElementType(N) : T->getArrayElementType()))
        castLeaves(B, Look(B.CreateExtractValue(V, N)), Cast);
  } else if (auto *Vector = dyn_cast<FixedVectorType>(T)) {
    for (unsigned N = 0; N != Vector->getNumElements(); ++N)
      castLeaves(B, Look(B.CreateExtractElement(V, N)), Cast);
  } else if (T->isIntegerTy()) {
    castLeaves(B, Look(B.CreateIntToPtr(V, B.getPtrTy())), Cast);
  } else {
    Cast.push_back(Look(B.CreateAddrSpaceCast(V, Reference)));
  }
}

void BaseValues::makeSelf(Instruction &Choice) {
  auto &Self = Selves[&Choice];
  if (!Self.empty() || leavesOf(Choice) == 0)
    return;
  BasicBlock::iterator Place = *placeBehind(Choice);
  IRBuilder<> B(Place->getParent(), Place);
  castLeaves(B, &Choice, Self);
  Made.append(Self.begin(), Self.end());
}

// In front of all that is put before an instruction.
void BaseValues::makeSelves() {
  for (Instruction *Choice : Family.choices())
    if (Collapsed.contains(Choice))
      makeSelf(*Choice);
  for (auto &[I, S] : Sites)
    for (Value *Source : S.Put)
      if (Instruction *Choice = takenOut(Source, *I); Choice && standsForItself(*Choice, *I, S))
        makeSelf(*Choice);
}

void BaseValues::makePhis() {
  for (Instruction *Choice : Family.choices())
    if (auto *Phi = dyn_cast<PHINode>(Choice); Phi && !Collapsed.contains(Phi))
      for (unsigned N = 0; N != Slots[Phi]; ++N)
        Values[Phi].push_back(PHINode::Create(Reference, Phi->getNumIncomingValues(), Phi->getName() + ".base", Phi->getIterator()));
}

void BaseValues::fillPhis() {
  Constant *Null = ConstantPointerNull::get(Reference);
  for (Instruction *Choice : Family.choices()) {
    auto *Phi = dyn_cast<PHINode>(Choice);
    if (!Phi || Collapsed.contains(Phi))
      continue;
    for (unsigned I = 0; I != Phi->getNumIncomingValues(); ++I) {
      SmallVector<Value *> Incoming;
      for (Value *Source : Family.sourcesOnEdge(*Phi, I))
        appendValues(Source, Incoming);
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
  if (Collapsed.contains(&Choice))
    return;
  IRBuilder<> B(&Choice);
  for (auto &[I, S] : Sites)
    if (readsWordsOf(Choice, S))
      for (unsigned N = 0; N != S.OwnWords; ++N)
        Values[&Choice].push_back(B.CreateLoad(Reference, ownWord(B, S, N), "base"));
}

Value *BaseValues::ownWord(IRBuilder<> &B, const Site &S, uint64_t Index) const {
  uint64_t N = S.FirstOwn + Index;
  return N ? B.CreateConstInBoundsGEP1_64(Reference, OwnWords, N) : OwnWords;
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
    appendFor(Source, I, S, Put);
  if (S.Exact && Put.size() == 1) {
    for (uint64_t N = 0; N != S.Exact->Count; ++N)
      B.CreateStore(Put.front(), shadowAddress(B, *S.Exact, N));
    return;
  }
  assert(Put.size() == S.OwnWords && "counted otherwise than made");
  for (auto [N, Base] : enumerate(Put))
    B.CreateStore(Base, ownWord(B, S, N));
}

void BaseValues::appendSelf(Value *Source, SmallVectorImpl<Value *> &Result) const {
  if (auto Self = Selves.find(Source); Self != Selves.end())
    Result.append(Self->second.begin(), Self->second.end());
}

void BaseValues::appendValues(Value *Source, SmallVectorImpl<Value *> &Result) const {
  if (isBase(*Source)) {
    Result.push_back(Source);
    return;
  }
  if (auto Known = Values.find(Source); Known != Values.end())
    Result.append(Known->second.begin(), Known->second.end());
  if (Collapsed.contains(Source))
    appendSelf(Source, Result);
}

// Before own words are read.
void BaseValues::appendFor(Value *Source, Instruction &User, const Site &S, SmallVectorImpl<Value *> &Result) const {
  Instruction *Choice = takenOut(Source, User);
  if (!Choice)
    return appendValues(Source, Result);
  if (auto Known = Values.find(Choice); Known != Values.end())
    Result.append(Known->second.begin(), Known->second.end());
  if (standsForItself(*Choice, User, S))
    appendSelf(Choice, Result);
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
    appendValues(Source, Result);
  return Result;
}
