// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// [[stillpoint::unsafe_region]] { … }, in C also __attribute__((stillpoint_unsafe_region)): no point of the block's own code is safe. What
// the block calls is not affected.
//
// Problem: the stretch has to begin and end in code on every path in and out: return, break, continue, goto, exceptions; in templates,
// lambdas, precompiled headers and C.
//
// Mechanism: when Clang has parsed the block and asks what the attribute means, `{ a; b; }` becomes
//     { { char guard __attribute__((cleanup(end))); begin(); a; b; } ; }
// in the syntax tree. All that follows is then Clang's own: cleanups run on every exit, its scope checker reports jumps into the block,
// templates are instantiated and trees are serialised with it. LowerAnnotationsPass replaces the two calls by markers.
//
// A block cannot suspend a coroutine: what is resumed later, on whatever thread, would not be inside the region any more. That is an error.
//
// Rejected: rewriting finished functions before code is generated for them (they reach a plugin by many ways, and from a precompiled header
// by none); a class with a destructor in a header (C has none).
#include "plugin/AttributeArguments.h"

#include "passes/ir/Passes.h"

#include "clang/AST/ASTContext.h"
#include "clang/AST/Attr.h"
#include "clang/AST/ExprCXX.h"
#include "clang/Basic/DiagnosticSema.h"
#include "clang/Sema/ParsedAttr.h"
#include "clang/Sema/Sema.h"

using namespace clang;

namespace {

// The first expression in S, outside lambdas and blocks, that suspends the function.
const Expr *findSuspension(const Stmt *S) {
  if (!S || isa<LambdaExpr, BlockExpr>(S))
    return nullptr;
  if (isa<CoroutineSuspendExpr, DependentCoawaitExpr>(S))
    return cast<Expr>(S);
  for (const Stmt *Child : S->children())
    if (const Expr *Found = findSuspension(Child))
      return Found;
  return nullptr;
}

// Builds the pieces of one region.
class RegionBuilder {
public:
  RegionBuilder(Sema &S, SourceLocation Loc) : S(S), C(S.Context), Loc(Loc) {}

  void wrap(CompoundStmt *Region) {
    if (Region->body_empty())
      return;
    llvm::SmallVector<Stmt *> Body{makeGuard(), makeBegin()};
    Body.append(Region->body_begin(), Region->body_end());
    FPOptionsOverride Floating = Region->hasStoredFPFeatures() ? Region->getStoredFPFeatures() : FPOptionsOverride();
    Region->body_begin()[0] = CompoundStmt::Create(C, Body, Floating, Region->getLBracLoc(), Region->getRBracLoc());
    for (Stmt *&Rest : llvm::make_range(Region->body_begin() + 1, Region->body_end()))
      Rest = new (C) NullStmt(Region->getRBracLoc());
    S.setFunctionHasBranchProtectedScope();
  }

private:
  Stmt *makeGuard() {
    auto *Guard = VarDecl::Create(C, S.CurContext, Loc, Loc, &C.Idents.get("__stillpoint_unsafe_region"), C.CharTy,
                                  C.getTrivialTypeSourceInfo(C.CharTy, Loc), SC_None);
    Guard->setImplicit();
    Guard->setReferenced();
    Guard->markUsed(C);
    Guard->addAttr(CleanupAttr::CreateImplicit(C, function(stillpoint::UnsafeEndFunction, C.VoidPtrTy)));
    Guard->addAttr(UninitializedAttr::CreateImplicit(C));
    Guard->addAttr(NoDebugAttr::CreateImplicit(C));
    return new (C) DeclStmt(DeclGroupRef(Guard), Loc, Loc);
  }

  Stmt *makeBegin() {
    FunctionDecl *Begin = function(stillpoint::UnsafeBeginFunction, {});
    Expr *Name = S.BuildDeclRefExpr(Begin, Begin->getType(), VK_LValue, Loc);
    return S.BuildCallExpr(nullptr, Name, Loc, {}, Loc).get();
  }

  // The implicit declaration of one of the two functions, made once for each translation unit.
  FunctionDecl *function(llvm::StringRef Name, QualType Parameter) {
    TranslationUnitDecl *Unit = C.getTranslationUnitDecl();
    for (NamedDecl *Known : Unit->lookup(&C.Idents.get(Name)))
      if (auto *F = dyn_cast<FunctionDecl>(Known))
        return F;
    llvm::SmallVector<QualType, 1> Types;
    if (!Parameter.isNull())
      Types.push_back(Parameter);
    QualType Type = C.getFunctionType(C.VoidTy, Types, FunctionProtoType::ExtProtoInfo());
    auto *F = FunctionDecl::Create(C, Unit, SourceLocation(), SourceLocation(), &C.Idents.get(Name), Type, nullptr, SC_Extern);
    llvm::SmallVector<ParmVarDecl *, 1> Parameters;
    for (QualType T : Types)
      Parameters.push_back(ParmVarDecl::Create(C, F, SourceLocation(), SourceLocation(), nullptr, T, nullptr, SC_None, nullptr));
    F->setParams(Parameters);
    F->setImplicit();
    F->addAttr(NoThrowAttr::CreateImplicit(C));
    F->addAttr(AsmLabelAttr::CreateImplicit(C, Name));
    Unit->addDecl(F);
    return F;
  }

  Sema &S;
  ASTContext &C;
  SourceLocation Loc;
};

struct UnsafeRegionInfo : ParsedAttrInfo {
  UnsafeRegionInfo() {
    static constexpr Spelling Names[] = {{ParsedAttr::AS_GNU, "stillpoint_unsafe_region"},
                                         {ParsedAttr::AS_C23, "stillpoint::unsafe_region"},
                                         {ParsedAttr::AS_CXX11, "stillpoint::unsafe_region"}};
    Spellings = Names;
    IsStmt = 1;
  }

  bool diagAppertainsToDecl(Sema &S, const ParsedAttr &Attr, const Decl *) const override { return refuse(S, Attr); }

  AttrHandling handleDeclAttribute(Sema &, Decl *, const ParsedAttr &) const override { return AttributeNotApplied; }

  bool diagAppertainsToStmt(Sema &S, const ParsedAttr &Attr, const Stmt *St) const override {
    return isa<CompoundStmt>(St) ? !stillpoint::diagnoseArguments(S, Attr) : refuse(S, Attr);
  }

  AttrHandling handleStmtAttribute(Sema &S, Stmt *St, const ParsedAttr &Attr, class Attr *&) const override {
    if (const Expr *Suspension = findSuspension(St)) {
      DiagnosticsEngine &Diags = S.getDiagnostics();
      S.Diag(Suspension->getExprLoc(),
             Diags.getCustomDiagID(DiagnosticsEngine::Error, "a coroutine cannot be suspended in an unsafe region"));
      S.Diag(Attr.getLoc(), Diags.getCustomDiagID(DiagnosticsEngine::Note, "the region begins here"));
      return AttributeNotApplied;
    }
    RegionBuilder(S, Attr.getLoc()).wrap(cast<CompoundStmt>(St));
    return AttributeApplied;
  }

private:
  static bool refuse(Sema &S, const ParsedAttr &Attr) {
    S.Diag(Attr.getLoc(), diag::err_attribute_wrong_decl_type_str) << Attr << Attr.isRegularKeywordAttribute() << "compound statements";
    return false;
  }
};

ParsedAttrInfoRegistry::Add<UnsafeRegionInfo> Registered("stillpoint_unsafe_region", "no safe point in this block's own code");

} // namespace
