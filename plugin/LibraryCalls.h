// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: what puts references where the collector does not look is often a template of the standard library (std::make_unique,
// std::function, std::thread), which the user cannot change. The report belongs to the call that asked for it.
//
// Mechanism: every instantiated function of a system header is a node, the functions that it names are its edges, and what it does with
// references itself (a new-expression, a cast of malloc's result, a copy of bytes) is a deed. At the end, each call from the user's code into
// such a function that leads to a deed is reported where it stands. Types are part of what is instantiated, so the deed is about the very type
// that the user's call is about.
//
// What this library's own headers call is left out: they give the memory to the collector as roots.
//
// Rejected: a list of the library's functions (never whole); Clang's stack of instantiations (gone when bodies are instantiated, at the end).
#ifndef STILLPOINT_PLUGIN_LIBRARYCALLS_H
#define STILLPOINT_PLUGIN_LIBRARYCALLS_H

#include "plugin/ReferenceWarnings.h"

#include "clang/AST/Type.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/SmallVector.h"

#include <vector>

namespace clang {
class FunctionDecl;
} // namespace clang

namespace stillpoint {

class LibraryCalls {
public:
  /// `Caller`, in a system header, names `Callee`.
  void addEdge(const clang::FunctionDecl *Caller, const clang::FunctionDecl *Callee);
  /// `Function`, in a system header, does `What` with a `Type`, which holds references.
  void addDeed(const clang::FunctionDecl *Function, ReferenceWarning What, clang::QualType Type);
  /// The user's code calls `Callee`, in a system header, at `Loc`.
  void addEntry(const clang::FunctionDecl *Callee, clang::SourceLocation Loc, ReferenceWarningMask Suppressed);
  /// A variable or member of this container type has been reported: what its functions do is known.
  void addContainer(clang::QualType Container) { Containers.insert(Container.getCanonicalType().getTypePtr()); }

  void report(ReferenceReporter &Reporter);

private:
  struct Deed {
    ReferenceWarning What;
    clang::QualType Type;
  };
  struct Entry {
    const clang::FunctionDecl *Callee;
    clang::SourceLocation Loc;
    ReferenceWarningMask Suppressed;
  };

  void spread();
  bool isKnown(const clang::FunctionDecl *Callee) const;
  bool mentionsKnown(clang::QualType Type, unsigned Depth = 0) const;

  llvm::DenseMap<const clang::FunctionDecl *, llvm::SmallVector<const clang::FunctionDecl *, 2>> Callers;
  llvm::DenseMap<const clang::FunctionDecl *, Deed> Deeds; // the first of each; after spread() also for those that lead to one
  std::vector<Entry> Entries;
  llvm::SmallPtrSet<const clang::Type *, 8> Containers;
};

} // namespace stillpoint

#endif
