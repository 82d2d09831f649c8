// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: references in variables of static storage are roots.
//
// Mechanism: beside each such variable an array of its words' addresses, relative to the array's own words, in a section that the module's descriptor bounds
// (abi::global_root). The section is linked to the variable's (SHF_LINK_ORDER) and in its COMDAT group: dropped and folded with it.
//
// Invariants: only the object file that defines a variable lists it. Constants hold null or nothing of the heap's. A thread's own variables cannot be listed
// (their addresses are nobody's to know), so references in them are an error.
#include "passes/Markers.h"
#include "passes/ir/ReferenceTypes.h"
#include "passes/ir/ReferencesInMemory.h"
#include "passes/ir/StackObjects.h"

#include "stillpoint/abi/map_format.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/Module.h"

using namespace llvm;
using namespace stillpoint;

namespace {

constexpr uint64_t WordSize = 8;

bool isOwnVariable(const GlobalVariable &G) {
  return !G.isDeclarationForLinker() && !G.isConstant() && !G.getName().starts_with("llvm.") && G.getValueType()->isSized();
}

std::set<uint64_t> referenceWords(GlobalVariable &G, const DataLayout &DL) {
  SmallVector<uint64_t> ByType;
  appendReferenceOffsets(G.getValueType(), DL, 0, /*Hidden=*/!G.isThreadLocal(), ByType);
  std::set<uint64_t> Words(ByType.begin(), ByType.end());
  if (G.hasLocalLinkage()) // others keep the type that the front end gave them
    appendAccessedOffsets(G, DL.getTypeAllocSize(G.getValueType()), DL, Words);
  return Words;
}

void refuse(const GlobalVariable &G, StringRef Why) { G.getContext().diagnose(DiagnosticInfoGeneric("'" + G.getName() + "' " + Why)); }

bool canBeListed(GlobalVariable &G, const std::set<uint64_t> &Words) {
  if (G.isThreadLocal())
    refuse(G, "is thread_local and holds references to the collected heap, which the collector cannot find there");
  else if (any_of(Words, [](uint64_t W) { return W % WordSize != 0; }))
    refuse(G, "holds a reference to the collected heap that is not aligned to 8 bytes");
  else
    return true;
  return false;
}

void list(GlobalVariable &G, const std::set<uint64_t> &Words) {
  Module &M = *G.getParent();
  auto *I64 = Type::getInt64Ty(M.getContext());
  auto *List = ArrayType::get(I64, Words.size());
  // A common symbol has no section to be linked to.
  if (G.hasCommonLinkage())
    G.setLinkage(GlobalValue::WeakAnyLinkage);
  if (G.getAlign().valueOrOne() < Align(WordSize) && G.canIncreaseAlignment())
    G.setAlignment(Align(WordSize));
  auto *Roots = new GlobalVariable(M, List, /*isConstant=*/true, GlobalValue::PrivateLinkage, nullptr, "stillpoint.globals");
  SmallVector<Constant *> Entries;
  for (uint64_t Word : Words) {
    auto At = [&](GlobalVariable &V, uint64_t Offset) {
      Constant *Begin = ConstantExpr::getPtrToInt(&V, I64);
      return ConstantExpr::getAdd(Begin, ConstantInt::get(I64, Offset));
    };
    Entries.push_back(ConstantExpr::getSub(At(G, Word), At(*Roots, Entries.size() * WordSize)));
  }
  Roots->setInitializer(ConstantArray::get(List, Entries));
  Roots->setSection(STILLPOINT_GLOBALS_SECTION);
  Roots->setAlignment(Align(WordSize));
  Roots->setComdat(G.getComdat());
  Roots->setDSOLocal(true);
  Roots->setMetadata(LLVMContext::MD_associated, MDNode::get(M.getContext(), ValueAsMetadata::get(&G)));
}

} // namespace

bool stillpoint::listGlobalRoots(Module &M) {
  SmallVector<std::pair<GlobalVariable *, std::set<uint64_t>>> Found;
  for (GlobalVariable &G : M.globals())
    if (isOwnVariable(G))
      if (auto Words = referenceWords(G, M.getDataLayout()); !Words.empty() && canBeListed(G, Words))
        Found.push_back({&G, std::move(Words)});
  for (auto &[G, Words] : Found)
    list(*G, Words);
  return !Found.empty();
}
