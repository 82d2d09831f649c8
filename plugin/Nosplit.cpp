// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// [[stillpoint::nosplit]], in C also __attribute__((stillpoint_nosplit)): no point of the function is safe (Go's //go:nosplit).
//
// Mechanism: the declaration gets an annotation, which Clang carries into IR for every form of function (templates, lambdas, both variants
// of a constructor) and which LowerAnnotationsPass turns into a function attribute, and noinline, because inlined elsewhere the function's
// code would lose its protection.
//
// always_inline contradicts it. Attributes are handled in the order in which they are written, so the check waits until all of them are
// there: the end of the translation unit. The functions to check are kept by translation unit, under a lock; front end only.
#include "plugin/Nosplit.h"

#include "plugin/AttributeArguments.h"

#include "passes/ir/Passes.h"

#include "clang/AST/ASTContext.h"
#include "clang/AST/Attr.h"
#include "clang/Basic/DiagnosticSema.h"
#include "clang/Sema/ParsedAttr.h"
#include "clang/Sema/Sema.h"

#include "llvm/ADT/DenseMap.h"

#include <mutex>

using namespace clang;

namespace {

// The nosplit functions of the translation units that are being compiled.
class SeenFunctions {
public:
  void add(const ASTContext &Context, const FunctionDecl *F) {
    std::lock_guard Lock(Mutex);
    Functions[&Context].push_back(F);
  }

  llvm::SmallVector<const FunctionDecl *> take(const ASTContext &Context) {
    std::lock_guard Lock(Mutex);
    auto Found = Functions.find(&Context);
    if (Found == Functions.end())
      return {};
    auto Result = std::move(Found->second);
    Functions.erase(Found);
    return Result;
  }

private:
  std::mutex Mutex;
  llvm::DenseMap<const ASTContext *, llvm::SmallVector<const FunctionDecl *>> Functions;
};

SeenFunctions &seenFunctions() {
  static SeenFunctions Seen;
  return Seen;
}

struct NosplitInfo : ParsedAttrInfo {
  NosplitInfo() {
    static constexpr Spelling Names[] = {{ParsedAttr::AS_GNU, "stillpoint_nosplit"},
                                         {ParsedAttr::AS_C23, "stillpoint::nosplit"},
                                         {ParsedAttr::AS_CXX11, "stillpoint::nosplit"}};
    Spellings = Names;
  }

  bool diagAppertainsToDecl(Sema &S, const ParsedAttr &Attr, const Decl *D) const override {
    if (isa<FunctionDecl>(D))
      return !stillpoint::diagnoseArguments(S, Attr);
    S.Diag(Attr.getLoc(), diag::err_attribute_wrong_decl_type_str) << Attr << Attr.isRegularKeywordAttribute() << "functions";
    return false;
  }

  AttrHandling handleDeclAttribute(Sema &S, Decl *D, const ParsedAttr &Attr) const override {
    D->addAttr(AnnotateAttr::Create(S.Context, stillpoint::NosplitAnnotation, nullptr, 0, Attr));
    D->addAttr(NoInlineAttr::CreateImplicit(S.Context, Attr));
    seenFunctions().add(S.Context, cast<FunctionDecl>(D));
    return AttributeApplied;
  }
};

ParsedAttrInfoRegistry::Add<NosplitInfo> Registered("stillpoint_nosplit", "no safe point in this function");

} // namespace

void stillpoint::forgetNosplitFunctions(ASTContext &Context) { seenFunctions().take(Context); }

void stillpoint::checkNosplitFunctions(ASTContext &Context) {
  DiagnosticsEngine &Diags = Context.getDiagnostics();
  for (const FunctionDecl *F : seenFunctions().take(Context))
    if (const auto *Inline = F->getAttr<AlwaysInlineAttr>())
      Diags.Report(Inline->getLocation(),
                   Diags.getCustomDiagID(DiagnosticsEngine::Error, "'%0' and 'stillpoint::nosplit' are not compatible: a "
                                                                   "function that is inlined has no points of its own"))
          << Inline->getSpelling();
}
