// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Questions about types, for the diagnostics: does an object of it hold references, and where does a library's class put them?
//
// A reference is known by its type, a pointer in address space 1. gc::global registers the one that it holds, so it may be anywhere and
// counts as none. Answers are remembered; types that are not complete hold nothing.
#ifndef STILLPOINT_PLUGIN_HELDREFERENCES_H
#define STILLPOINT_PLUGIN_HELDREFERENCES_H

#include "clang/AST/Type.h"

#include "llvm/ADT/DenseMap.h"

namespace clang {
class ASTContext;
class RecordDecl;
} // namespace clang

namespace stillpoint {

class HeldReferences {
public:
  explicit HeldReferences(clang::ASTContext &Context) : C(Context) {}

  /// Whether the translation unit uses references at all; cheap.
  bool any() const;

  /// Whether an object of this type has a reference in it.
  bool in(clang::QualType Type);
  /// The same for what a pointer, a C++ reference or an array leads to.
  bool behind(clang::QualType Type);

  /// Whether `Type` is itself a pointer or C++ reference in the collector's address space.
  static bool isReference(clang::QualType Type);
  /// Whether `Type` is a class of this library that is a reference: gc::ref, gc::array, ….
  static bool isReferenceClass(clang::QualType Type);
  /// The type that the class keeps in memory of std::allocator or a memory resource, if it is one with references; else null.
  clang::QualType keptOutside(const clang::RecordDecl *Record);

private:
  bool record(const clang::RecordDecl *Record);

  clang::ASTContext &C;
  llvm::DenseMap<const clang::RecordDecl *, bool> Known;
};

} // namespace stillpoint

#endif
