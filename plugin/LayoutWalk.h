// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef STILLPOINT_PLUGIN_LAYOUTWALK_H
#define STILLPOINT_PLUGIN_LAYOUTWALK_H

#include "clang/AST/Type.h"
#include "clang/Basic/SourceLocation.h"

#include "llvm/ADT/SmallVector.h"

namespace clang {
class ASTContext;
} // namespace clang

namespace stillpoint {

/// The offsets in bytes, ascending, of all references in an object whose most derived type is `Type`. False if they cannot be told: then an
/// error has been reported, once for each type. `Use` says where the layout is asked for.
bool findReferences(clang::ASTContext &Context, clang::QualType Type, clang::SourceLocation Use, llvm::SmallVectorImpl<uint64_t> &Offsets);

} // namespace stillpoint

#endif
