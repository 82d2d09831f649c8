// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: references in variables of static storage are roots.
//
// Mechanism: beside each such variable an array of its words' addresses in a section that the module's descriptor bounds (abi::global_root). The section
// is linked to the variable's (SHF_LINK_ORDER) and in its COMDAT group: dropped and folded with it.
//
// Invariants: only the object file that defines a variable lists it. Constants hold null or nothing of the heap's. A thread's own variables cannot be listed
// (their addresses are nobody's to know), so references in them are an error.
//
// Rejected: distances instead of addresses (no linker takes them to a variable that another module may define instead; an executable's copy of a
// shared object's variable would not be found).
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
  SmallVector<Constant *> Entries;
  for (uint64_t Word : Words)
    Entries.push_back(ConstantExpr::getAdd(ConstantExpr::getPtrToInt(&G, I64), ConstantInt::get(I64, Word)));
  // Not constant: all such sections shall have the same flags, whether the dynamic linker has to write to them or not.
  auto *Roots = new GlobalVariable(M, List, /*isConstant=*/false, GlobalValue::PrivateLinkage, ConstantArray::get(List, Entries),
                                   "stillpoint.globals");
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
