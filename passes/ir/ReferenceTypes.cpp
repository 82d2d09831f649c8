// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: where in an object the references are has to be known from IR types, and Clang's IR type of a union is that of one member: a
// std::variant<long, ref<T>> on the stack is { { i64 }, i8 }.
//
// Mechanism: types are taken apart down to pointers in address space 1. Clang calls the type of a union "union.…"; every aligned word of one, and
// of libstdc++'s raw buffers for objects, is taken for a possible reference where the caller asks for such ("hidden").
//
// Invariants: the collector does not move, and ignores a word that points to no object of its heap, so a word too many costs precision only; a word
// too few would be unsound. Names of types outlive optimisation and linking (a number may be appended).
//
// Rejected: facts from the front end for every local variable (temporaries have no declaration; annotations stop promotion to registers); taking all
// character arrays for buffers (tables would be full of text buffers).
#include "passes/ir/ReferenceTypes.h"
#include "passes/Markers.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/IR/DataLayout.h"
#include "llvm/IR/DerivedTypes.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"

using namespace llvm;

namespace stillpoint {

namespace {

constexpr uint64_t WordSize = 8;

// std::function keeps there what is trivially copyable, which no class with references is.
bool isHidingType(const StructType *T) {
  StringRef Name = T->hasName() ? T->getName() : StringRef();
  if (Name.starts_with("union."))
    return !Name.starts_with("union.std::_Any_data") && !Name.starts_with("union.std::_Nocopy_types");
  return Name.starts_with("struct.__gnu_cxx::__aligned_membuf") || Name.starts_with("struct.__gnu_cxx::__aligned_buffer");
}

// Their unions are known to hold none, and they are everywhere.
bool isPlainType(const StructType *T) { return T->hasName() && T->getName().starts_with("class.std::__cxx11::basic_string"); }

class TypeSearch {
public:
  explicit TypeSearch(bool Hidden) : Hidden(Hidden) {}

  bool holds(Type *T) {
    if (isReference(T))
      return true;
    if (auto *A = dyn_cast<ArrayType>(T))
      return A->getNumElements() != 0 && holds(A->getElementType());
    auto *S = dyn_cast<StructType>(T);
    if (!S || S->isOpaque() || isPlainType(S))
      return false;
    auto [Known, New] = Memo.try_emplace(S, false);
    if (!New)
      return Known->second;
    bool Result = (Hidden && isHidingType(S)) || any_of(S->elements(), [&](Type *E) { return holds(E); });
    return Memo[S] = Result;
  }

private:
  DenseMap<StructType *, bool> Memo;
  bool Hidden;
};

bool mentionsReference(const Instruction &I, TypeSearch &Search) {
  if (Search.holds(I.getType()) || any_of(I.operands(), [](const Use &U) { return isReference(U->getType()); }))
    return true;
  if (auto *A = dyn_cast<AllocaInst>(&I))
    return Search.holds(A->getAllocatedType());
  if (auto *G = dyn_cast<GetElementPtrInst>(&I))
    return Search.holds(G->getSourceElementType());
  return false;
}

bool usesReferences(const Function &F, TypeSearch &Search) {
  for (const Argument &A : F.args())
    if (Search.holds(A.getType()) || (A.hasPointeeInMemoryValueAttr() && Search.holds(A.getPointeeInMemoryValueType())))
      return true;
  return any_of(instructions(F), [&](const Instruction &I) { return mentionsReference(I, Search); });
}

void appendWords(uint64_t From, uint64_t To, SmallVectorImpl<uint64_t> &Offsets) {
  for (uint64_t At = alignTo(From, WordSize); At + WordSize <= To; At += WordSize)
    if (Offsets.empty() || Offsets.back() < At)
      Offsets.push_back(At);
}

} // namespace

bool isReference(const Type *T) {
  auto *P = dyn_cast<PointerType>(T->getScalarType());
  return P && P->getAddressSpace() == ReferenceAddressSpace;
}

bool holdsReferences(Type *T) { return TypeSearch(/*Hidden=*/false).holds(T); }
bool mayHoldReferences(Type *T) { return TypeSearch(/*Hidden=*/true).holds(T); }

bool usesReferences(const Function &F) {
  TypeSearch Search(/*Hidden=*/false);
  return usesReferences(F, Search);
}

bool usesReferences(const Module &M) {
  TypeSearch Search(/*Hidden=*/false);
  return any_of(M.globals(), [&](const GlobalVariable &G) { return Search.holds(G.getValueType()); }) ||
         any_of(M, [&](const Function &F) { return usesReferences(F, Search); });
}

void appendReferenceOffsets(Type *T, const DataLayout &DL, uint64_t Base, bool Hidden, SmallVectorImpl<uint64_t> &Offsets) {
  if (isReference(T)) {
    auto *V = dyn_cast<FixedVectorType>(T);
    for (uint64_t I = 0, N = V ? V->getNumElements() : 1; I != N; ++I)
      Offsets.push_back(Base + I * WordSize);
    return;
  }
  if (!(Hidden ? mayHoldReferences(T) : holdsReferences(T)))
    return;
  if (auto *A = dyn_cast<ArrayType>(T)) {
    uint64_t Size = DL.getTypeAllocSize(A->getElementType());
    for (uint64_t I = 0; I != A->getNumElements(); ++I)
      appendReferenceOffsets(A->getElementType(), DL, Base + I * Size, Hidden, Offsets);
    return;
  }
  auto *S = cast<StructType>(T);
  if (Hidden && isHidingType(S)) {
    appendWords(Base, Base + DL.getTypeAllocSize(S), Offsets);
    return;
  }
  const StructLayout *Layout = DL.getStructLayout(S);
  for (unsigned I = 0; I != S->getNumElements(); ++I)
    appendReferenceOffsets(S->getElementType(I), DL, Base + Layout->getElementOffset(I), Hidden, Offsets);
}

void reportReferenceError(const Instruction &I, const Twine &Message) {
  const Function &F = *I.getFunction();
  F.getContext().diagnose(DiagnosticInfoUnsupported(F, Message, I.getDebugLoc()));
}

} // namespace stillpoint
