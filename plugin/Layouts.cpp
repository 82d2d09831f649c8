// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: the collector must know where in an object of any type T there are references, without a line from the user, and the compiler
// knows it.
//
// Mechanism: include/stillpoint/gc/entry.hpp defines a variable layout_of<T>::value of type abi::layout as a static member of a template, so
// that Clang makes one for each T that is used, in the linkage that T asks for: COMDAT, or internal for local types. When it is instantiated,
// and before code is generated for it, the members that only the compiler can fill in are put into its initialiser, in the syntax tree: all
// that follows (deferred emission, -O0, precompiled headers, bitcode, LTO) is Clang's own.
//
// Invariants: until it is completed a layout refers to a symbol that nobody defines, so that none is ever used as it was. A type whose
// references cannot be told from other data (LayoutWalk.h) gets an error, never a guess.
//
// Rejected: variables that the IR pipeline defines (bitcode made with -disable-llvm-passes would have none; data for the passes would have to
// travel aside); user-written tracing functions.
#include "plugin/Layouts.h"

#include "plugin/LayoutWalk.h"

#include "clang/AST/ASTContext.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/Expr.h"
#include "clang/AST/ExprCXX.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace clang;

namespace {

constexpr llvm::StringRef LayoutTemplate[] = {"stillpoint", "gc", "detail", "layout_of"};
constexpr unsigned ReferencesInWords = 64; // abi::layout's reference_words

bool isLayoutTemplate(const ClassTemplateDecl *Template) {
  const Decl *Current = Template;
  for (llvm::StringRef Name : llvm::reverse(LayoutTemplate)) {
    const auto *Named = dyn_cast<NamedDecl>(Current);
    if (!Named || !Named->getIdentifier() || Named->getName() != Name)
      return false;
    Current = cast<Decl>(Current->getDeclContext()->getRedeclContext());
  }
  return isa<TranslationUnitDecl>(Current);
}

// The type that a layout describes, null if `Variable` is none.
QualType describedType(const VarDecl *Variable) {
  if (!Variable->isStaticDataMember() || !Variable->getIdentifier() || Variable->getName() != "value")
    return {};
  const auto *Specialization = dyn_cast<ClassTemplateSpecializationDecl>(Variable->getDeclContext());
  if (!Specialization || !isLayoutTemplate(Specialization->getSpecializedTemplate()))
    return {};
  return Specialization->getTemplateArgs()[0].getAsType();
}

// Builds the members of the initialiser.
class LayoutBuilder {
public:
  LayoutBuilder(ASTContext &C, InitListExpr *List) : C(C), List(List), Loc(List->getBeginLoc()) {}

  void complete(QualType Type, llvm::ArrayRef<uint64_t> Offsets) {
    const RecordDecl *Layout = List->getType()->getAsRecordDecl();
    uint64_t Words = 0;
    if (!Offsets.empty() && Offsets.back() / 8 < ReferencesInWords)
      for (uint64_t Offset : Offsets)
        Words |= uint64_t(1) << Offset / 8;
    for (const FieldDecl *Field : Layout->fields()) {
      if (Field->getName() == "reference_count")
        set(Field, integer(Field->getType(), Offsets.size()));
      else if (Field->getName() == "reference_offsets")
        set(Field, Offsets.empty() ? null(Field->getType()) : table(Field->getType(), Offsets));
      else if (Field->getName() == "reference_words")
        set(Field, integer(Field->getType(), Words));
      else if (Field->getName() == "name")
        set(Field, text(Field->getType(), Type.getAsString(C.getPrintingPolicy())));
    }
  }

private:
  void set(const FieldDecl *Field, Expr *Value) { List->setInit(Field->getFieldIndex(), Value); }

  Expr *integer(QualType Type, uint64_t Value) {
    return IntegerLiteral::Create(C, llvm::APInt(C.getIntWidth(Type), Value), Type.getUnqualifiedType(), Loc);
  }

  Expr *null(QualType Pointer) {
    auto *Null = new (C) CXXNullPtrLiteralExpr(C.NullPtrTy, Loc);
    return ImplicitCastExpr::Create(C, Pointer, CK_NullToPointer, Null, nullptr, VK_PRValue, FPOptionsOverride());
  }

  Expr *decay(QualType Pointer, Expr *Array) {
    return ImplicitCastExpr::Create(C, Pointer, CK_ArrayToPointerDecay, Array, nullptr, VK_PRValue, FPOptionsOverride());
  }

  // A constant array of its own, as a compound literal at file scope.
  Expr *table(QualType Pointer, llvm::ArrayRef<uint64_t> Offsets) {
    QualType Element = Pointer->getPointeeType();
    llvm::SmallVector<Expr *> Values;
    for (uint64_t Offset : Offsets)
      Values.push_back(integer(Element, Offset));
    QualType Array = C.getConstantArrayType(Element, llvm::APInt(64, Values.size()), nullptr, ArraySizeModifier::Normal, 0);
    auto *Initializer = new (C) InitListExpr(C, Loc, Values, Loc);
    Initializer->setType(Array);
    return decay(Pointer, new (C) CompoundLiteralExpr(Loc, C.getTrivialTypeSourceInfo(Array, Loc), Array, VK_LValue, Initializer, true));
  }

  Expr *text(QualType Pointer, llvm::StringRef Text) {
    QualType Array = C.getStringLiteralArrayType(C.CharTy, Text.size());
    return decay(Pointer, StringLiteral::Create(C, Text, StringLiteralKind::Ordinary, false, Array, Loc));
  }

  ASTContext &C;
  InitListExpr *List;
  SourceLocation Loc;
};

} // namespace

void stillpoint::completeLayout(VarDecl *Variable) {
  QualType Type = describedType(Variable);
  if (Type.isNull() || Type->isDependentType() || Type->isIncompleteType() || Variable->isInvalidDecl() || !Variable->hasInit())
    return;
  auto *List = dyn_cast<InitListExpr>(Variable->getInit()->IgnoreImplicit());
  if (List && List->getSemanticForm())
    List = List->getSemanticForm();
  if (!List)
    return;
  ASTContext &C = Variable->getASTContext();
  llvm::SmallVector<uint64_t> Offsets;
  if (!findReferences(C, Type, Variable->getPointOfInstantiation(), Offsets)) {
    Variable->setInvalidDecl(); // reported once
    return;
  }
  LayoutBuilder(C, List).complete(Type, Offsets);
  Variable->setInit(Variable->getInit()); // forgets the value that was computed from the old members
}

void stillpoint::completeLayouts(ASTContext &C) {
  DeclContext *Scope = C.getTranslationUnitDecl();
  for (llvm::StringRef Name : llvm::ArrayRef(LayoutTemplate).drop_back()) {
    auto Found = Scope->lookup(&C.Idents.get(Name));
    auto *Namespace = Found.empty() ? nullptr : dyn_cast<NamespaceDecl>(Found.front());
    if (!Namespace)
      return;
    Scope = Namespace;
  }
  for (NamedDecl *Found : Scope->lookup(&C.Idents.get(std::end(LayoutTemplate)[-1])))
    if (auto *Template = dyn_cast<ClassTemplateDecl>(Found))
      for (ClassTemplateSpecializationDecl *Specialization : Template->specializations())
        for (Decl *Member : Specialization->decls())
          if (auto *Variable = dyn_cast<VarDecl>(Member))
            completeLayout(Variable);
}
