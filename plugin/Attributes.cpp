// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "plugin/UnsafeRegion.h"

#include "passes/ir/Passes.h"

#include "clang/AST/ASTContext.h"
#include "clang/AST/Attr.h"
#include "clang/Sema/ParsedAttr.h"
#include "clang/Sema/Sema.h"

using namespace clang;

namespace {

struct NosplitInfo : ParsedAttrInfo {
  NosplitInfo() {
    static constexpr Spelling Spellings[] = {{ParsedAttr::AS_GNU, "stillpoint_nosplit"},
                                             {ParsedAttr::AS_C23, "stillpoint::nosplit"},
                                             {ParsedAttr::AS_CXX11, "stillpoint::nosplit"}};
    this->Spellings = Spellings;
  }
  AttrHandling handleDeclAttribute(Sema &S, Decl *D, const ParsedAttr &Attr) const override {
    D->addAttr(AnnotateAttr::Create(S.Context, stillpoint::NosplitAnnotation, nullptr, 0, Attr));
    return AttributeApplied;
  }
};

ParsedAttrInfoRegistry::Add<NosplitInfo> Nosplit("stillpoint_nosplit", "no safe point in this function");

} // namespace
