// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef STILLPOINT_PLUGIN_LAYOUTWALK_H
#define STILLPOINT_PLUGIN_LAYOUTWALK_H

#include "clang/AST/Type.h"
#include "clang/Basic/SourceLocation.h"

#include "llvm/ADT/SmallVector.h"

namespace clang {
class ASTContext;
class RecordDecl;
} // namespace clang

namespace stillpoint {

/// The offsets in bytes, ascending, of all references in an object whose most derived type is `Type`. False if they cannot be told: then an
/// error has been reported, once for each type. `Use` says where the layout is asked for.
bool findReferences(clang::ASTContext &Context, clang::QualType Type, clang::SourceLocation Use, llvm::SmallVectorImpl<uint64_t> &Offsets);

/// Whether a union in an object of this type has a reference and other data in the same word. Says nothing.
bool hasUnclearUnion(clang::ASTContext &Context, clang::QualType Type);

/// What a container's node keeps as bytes: T for libstdc++'s __aligned_membuf<T> and __aligned_buffer<T>, else null.
clang::QualType heldInBytes(const clang::RecordDecl *Record);

} // namespace stillpoint

#endif
