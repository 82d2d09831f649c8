// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "plugin/RawPointers.h"

#include "plugin/HeldReferences.h"

#include "clang/AST/ASTContext.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/StmtCXX.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringSwitch.h"

using namespace clang;
using stillpoint::RawPointers;
using stillpoint::ReferenceWarning;

namespace {

constexpr llvm::StringRef EscapeText =
    "a raw pointer into a collected object is stored in %0, where it does not keep the object alive; store a "
    "gc::ref (gc::ref_to makes one from a pointer)";

llvm::StringRef nameOf(const NamedDecl *D) { return D && D->getIdentifier() ? D->getName() : ""; }

bool isStd(const NamedDecl *D, llvm::ArrayRef<llvm::StringRef> Names) {
  return D && llvm::is_contained(Names, nameOf(D)) && stillpoint::outermostNamespace(D) == "std";
}

// std::move and its like: the same object.
const Expr *sameObject(const CallExpr *Call) {
  const FunctionDecl *Callee = Call->getDirectCallee();
  bool Same = Call->getNumArgs() == 1 &&
              (isStd(Callee, {"move", "forward", "addressof", "as_const", "to_address"}) || nameOf(Callee) == "__builtin_addressof");
  return Same ? Call->getArg(0) : nullptr;
}

// What gives the address of the object, or of a part of it, as a raw pointer.
bool givesAddress(const FunctionDecl *Method) {
  OverloadedOperatorKind Operator = Method->getOverloadedOperator();
  if (Operator != OO_None)
    return Operator == OO_Arrow || Operator == OO_Star || Operator == OO_Subscript;
  return llvm::StringSwitch<bool>(nameOf(Method)).Cases({"get", "data", "begin", "end", "at", "front", "back"}, true).Default(false);
}

// The variable that an expression names, or copies.
const VarDecl *variableIn(const Expr *E) {
  E = E->IgnoreImplicit()->IgnoreParenImpCasts();
  if (const auto *Copy = dyn_cast<CXXConstructExpr>(E); Copy && Copy->getConstructor()->isCopyOrMoveConstructor() && Copy->getNumArgs())
    E = Copy->getArg(0)->IgnoreParenImpCasts();
  const auto *Name = dyn_cast<DeclRefExpr>(E);
  return Name ? dyn_cast<VarDecl>(Name->getDecl()) : nullptr;
}

const VarDecl *captured(const LambdaCapture &Capture) {
  return Capture.capturesVariable() ? dyn_cast<VarDecl>(Capture.getCapturedVar()) : nullptr;
}

// A local variable of the function, or a part of one, is no place that outlives it.
const VarDecl *localTarget(const Expr *Target) {
  for (;;) {
    Target = Target->IgnoreParens();
    if (const auto *Member = dyn_cast<MemberExpr>(Target); Member && !Member->isArrow())
      Target = Member->getBase();
    else if (const auto *Element = dyn_cast<ArraySubscriptExpr>(Target);
             Element && isa<ArrayType>(Element->getBase()->IgnoreImpCasts()->getType()))
      Target = Element->getBase()->IgnoreImpCasts();
    else
      break;
  }
  const auto *Name = dyn_cast<DeclRefExpr>(Target);
  const auto *Variable = Name ? dyn_cast<VarDecl>(Name->getDecl()) : nullptr;
  return Variable && Variable->hasLocalStorage() && !Variable->getType()->isReferenceType() ? Variable : nullptr;
}

// Whether a container of this type stores such a pointer as it is.
bool stores(const CXXRecordDecl *Container, QualType Pointer) {
  const auto *Class = dyn_cast_or_null<ClassTemplateSpecializationDecl>(Container);
  return Class && llvm::any_of(Class->getTemplateArgs().asArray(), [&](const TemplateArgument &Argument) {
           if (Argument.getKind() != TemplateArgument::Type || !Argument.getAsType()->isPointerType())
             return false;
           QualType Stored = Argument.getAsType()->getPointeeType().getCanonicalType().getUnqualifiedType();
           QualType Given = Pointer->getPointeeType().getCanonicalType().getUnqualifiedType();
           return Stored == Given || Stored->isVoidType() || (Stored->isRecordType() && Given->isRecordType());
         });
}

} // namespace

std::optional<RawPointers::Base> RawPointers::baseOfVariable(const VarDecl *Variable) const {
  if (auto Found = Derived.find(Variable); Found != Derived.end())
    return Found->second;
  return Variable->isInitCapture() ? baseOf(Variable->getInit()) : std::nullopt;
}

std::optional<RawPointers::Base> RawPointers::baseOf(const Expr *E) const {
  E = E->IgnoreParens();
  if (const auto *Full = dyn_cast<FullExpr>(E))
    return baseOf(Full->getSubExpr());
  if (const auto *Temporary = dyn_cast<MaterializeTemporaryExpr>(E))
    return baseOf(Temporary->getSubExpr());
  if (const auto *Cast = dyn_cast<CastExpr>(E))
    return baseOfCast(Cast);
  if (const auto *Call = dyn_cast<CallExpr>(E))
    return baseOfCall(Call);
  if (const auto *Name = dyn_cast<DeclRefExpr>(E)) {
    const auto *Variable = dyn_cast<VarDecl>(Name->getDecl());
    return Variable && Variable->getType()->isReferenceType() ? baseOfVariable(Variable) : std::nullopt;
  }
  if (const auto *Member = dyn_cast<MemberExpr>(E))
    return isa<FieldDecl>(Member->getMemberDecl()) && !Member->getMemberDecl()->getType()->isReferenceType() ? baseOf(Member->getBase())
                                                                                                             : std::nullopt;
  if (const auto *Element = dyn_cast<ArraySubscriptExpr>(E))
    return baseOf(Element->getBase());
  if (const auto *Unary = dyn_cast<UnaryOperator>(E))
    return Unary->getOpcode() == UO_AddrOf || Unary->getOpcode() == UO_Deref ? baseOf(Unary->getSubExpr()) : std::nullopt;
  if (const auto *Choice = dyn_cast<ConditionalOperator>(E)) {
    auto First = baseOf(Choice->getTrueExpr());
    return First ? First : baseOf(Choice->getFalseExpr());
  }
  if (const auto *Binary = dyn_cast<BinaryOperator>(E)) {
    if (Binary->getOpcode() == BO_Comma)
      return baseOf(Binary->getRHS());
    if (Binary->isAdditiveOp() && Binary->getType()->isPointerType())
      return baseOf(Binary->getLHS()->getType()->isPointerType() ? Binary->getLHS() : Binary->getRHS());
  }
  return std::nullopt;
}

std::optional<RawPointers::Base> RawPointers::baseOfCast(const CastExpr *Cast) const {
  const Expr *Inner = Cast->getSubExpr();
  switch (Cast->getCastKind()) {
  case CK_LValueToRValue: {
    const VarDecl *Variable = variableIn(Inner);
    return Variable && Variable->getType()->isPointerType() ? baseOfVariable(Variable) : std::nullopt;
  }
  case CK_AddressSpaceConversion:
    return HeldReferences::isReference(Inner->getType()) ? std::optional(Base{variableIn(Inner)}) : std::nullopt;
  case CK_NoOp:
  case CK_BitCast:
  case CK_LValueBitCast:
  case CK_ArrayToPointerDecay:
  case CK_DerivedToBase:
  case CK_UncheckedDerivedToBase:
  case CK_BaseToDerived:
  case CK_Dynamic:
    return baseOf(Inner);
  default:
    return std::nullopt;
  }
}

std::optional<RawPointers::Base> RawPointers::baseOfCall(const CallExpr *Call) const {
  if (const Expr *Same = sameObject(Call))
    return baseOf(Same);
  const auto *Method = dyn_cast_or_null<CXXMethodDecl>(Call->getDirectCallee());
  if (!Method || !givesAddress(Method))
    return std::nullopt;
  const auto *MemberCall = dyn_cast<CXXMemberCallExpr>(Call);
  const Expr *Object = MemberCall ? MemberCall->getImplicitObjectArgument() : isa<CXXOperatorCallExpr>(Call) ? Call->getArg(0) : nullptr;
  if (!Object || !HeldReferences::isReferenceClass(Method->getFunctionObjectParameterType()))
    return std::nullopt;
  return Base{variableIn(Object)};
}

// The lambda whose closure an expression is, or a copy of.
const LambdaExpr *RawPointers::lambdaIn(const Expr *E) const {
  for (const Expr *Before = nullptr; E != Before;) {
    Before = E;
    E = E->IgnoreImplicit()->IgnoreParenCasts();
    if (const auto *Copy = dyn_cast<CXXConstructExpr>(E); Copy && Copy->getConstructor()->isCopyOrMoveConstructor() && Copy->getNumArgs())
      E = Copy->getArg(0);
    else if (const auto *Call = dyn_cast<CallExpr>(E))
      if (const Expr *Same = sameObject(Call))
        E = Same;
  }
  if (const auto *Lambda = dyn_cast<LambdaExpr>(E))
    return Lambda;
  const VarDecl *Variable = variableIn(E);
  return Variable ? Lambdas.lookup(Variable) : nullptr;
}

void RawPointers::stored(const Expr *Value, SourceLocation Loc, llvm::StringRef Where) {
  if (!baseOf(Value) || !Reporter.wants(ReferenceWarning::RawEscape, Loc))
    return;
  Reporter.report(ReferenceWarning::RawEscape, Loc, EscapeText) << Where;
}

void RawPointers::storedLambda(const Expr *Value, llvm::StringRef Where) {
  const LambdaExpr *Lambda = lambdaIn(Value);
  if (!Lambda)
    return;
  llvm::SmallPtrSet<const VarDecl *, 4> Copied;
  for (const LambdaCapture &Capture : Lambda->captures())
    if (const auto *Variable = captured(Capture); Variable && Capture.getCaptureKind() == LCK_ByCopy) {
      Copied.insert(Variable);
      if (Variable->isInitCapture())
        Copied.insert(variableIn(Variable->getInit()));
    }
  for (const LambdaCapture &Capture : Lambda->captures()) {
    const VarDecl *Variable = captured(Capture);
    // A pointer has to be copied to get there, and a C++ reference not: its copy is one of the object.
    if (!Variable || (Capture.getCaptureKind() == LCK_ByRef) != Variable->getType()->isReferenceType())
      continue;
    auto Found = baseOfVariable(Variable);
    if (!Found || (Found->Variable && Copied.contains(Found->Variable)) ||
        !Reporter.wants(ReferenceWarning::RawEscape, Capture.getLocation()))
      continue;
    Reporter.report(
        ReferenceWarning::RawEscape, Capture.getLocation(),
        "%0 is a raw pointer into a collected object and is captured by a closure that is stored in %1, where it does not keep the "
        "object alive; capture the gc::ref")
        << Variable << Where;
    Reporter.note(Value->getExprLoc(), "the closure is stored here");
  }
}

void RawPointers::storedArguments(llvm::ArrayRef<const Expr *> Arguments, bool PointersToo, llvm::StringRef Where) {
  for (const Expr *Argument : Arguments) {
    storedLambda(Argument, Where);
    if (PointersToo && Argument->getType()->isPointerType())
      stored(Argument, Argument->getExprLoc(), Where);
  }
}

void RawPointers::declaration(const VarDecl *Variable) {
  const Expr *Value = Variable->getInit();
  if (!Value || isa<ParmVarDecl>(Variable))
    return;
  QualType Type = Variable->getType();
  if (const LambdaExpr *Lambda = lambdaIn(Value))
    Lambdas[Variable] = Lambda;
  if (!Variable->hasLocalStorage()) {
    if (Type->isPointerType() || Type->isReferenceType())
      stored(Value, Variable->getLocation(), "a variable with static storage");
    storedLambda(Value, "a variable with static storage");
  } else if (Type->isPointerType() || Type->isReferenceType()) {
    if (auto Found = baseOf(Value))
      Derived[Variable] = *Found;
  }
}

void RawPointers::assignment(const BinaryOperator *Assignment) {
  if (Assignment->getOpcode() != BO_Assign || !Assignment->getType()->isPointerType())
    return;
  const Expr *Target = Assignment->getLHS()->IgnoreParens();
  if (const VarDecl *Local = localTarget(Target)) {
    auto Found = Local->getType()->isPointerType() ? baseOf(Assignment->getRHS()) : std::nullopt;
    if (Found)
      Derived[Local] = *Found;
    return;
  }
  const VarDecl *Variable = variableIn(Target);
  bool Static = Variable && !Variable->hasLocalStorage();
  stored(Assignment->getRHS(), Assignment->getOperatorLoc(),
         Static                    ? "a variable with static storage"
         : isa<MemberExpr>(Target) ? "a member"
                                   : "memory");
}

void RawPointers::memberInitializer(const CXXCtorInitializer *Initializer) {
  if (!Initializer->isAnyMemberInitializer() || !Initializer->isWritten())
    return;
  QualType Type = Initializer->getAnyMember()->getType();
  if (Type->isPointerType() || Type->isReferenceType())
    stored(Initializer->getInit(), Initializer->getSourceLocation(), "a member");
  storedLambda(Initializer->getInit(), "a member");
}

void RawPointers::call(const CallExpr *Call) {
  llvm::ArrayRef<const Expr *> Arguments(Call->getArgs(), Call->getNumArgs());
  const FunctionDecl *Callee = Call->getDirectCallee();
  if (nameOf(Callee) == "go" && outermostNamespace(Callee) == "stillpoint")
    storedArguments(Arguments, false, "a task");
  else if (isStd(Callee, {"async", "bind", "bind_front"}))
    storedArguments(Arguments, true, "memory");
  else if (const auto *Member = dyn_cast<CXXMemberCallExpr>(Call))
    intoContainer(Member);
}

void RawPointers::intoContainer(const CXXMemberCallExpr *Call) {
  const CXXMethodDecl *Method = Call->getMethodDecl();
  if (!isStd(Method, {"push_back", "push_front", "push", "insert", "emplace", "emplace_back", "emplace_front", "insert_or_assign",
                      "try_emplace", "store", "exchange"}))
    return;
  for (const Expr *Argument : Call->arguments())
    if (Argument->getType()->isPointerType() && stores(Method->getParent(), Argument->getType()))
      stored(Argument, Argument->getExprLoc(), "a container");
}

void RawPointers::construction(const CXXConstructExpr *Construction) {
  llvm::ArrayRef<const Expr *> Arguments(Construction->getArgs(), Construction->getNumArgs());
  const CXXRecordDecl *Class = Construction->getConstructor()->getParent();
  if (isStd(Class, {"thread", "jthread"}))
    storedArguments(Arguments, true, "a thread");
  else if (isStd(Class, {"function", "move_only_function", "copyable_function", "packaged_task", "any"}))
    storedArguments(Arguments, false, "memory");
}

void RawPointers::newObject(const CXXNewExpr *New) {
  const auto *List = dyn_cast_or_null<InitListExpr>(New->getInitializer());
  if (!List || New->getNumPlacementArgs())
    return;
  for (const Expr *Value : List->inits())
    if (Value->getType()->isPointerType())
      stored(Value, Value->getExprLoc(), "a member");
}

void RawPointers::returned(const ReturnStmt *Return) {
  if (const Expr *Value = Return->getRetValue())
    storedLambda(Value, "what the function returns");
}

void RawPointers::mustTail(const ReturnStmt *Return) {
  const auto *Call = Return->getRetValue() ? dyn_cast<CallExpr>(Return->getRetValue()->IgnoreImplicit()->IgnoreParens()) : nullptr;
  if (!Call)
    return;
  llvm::SmallVector<const Expr *> Arguments(Call->arguments());
  if (const auto *Member = dyn_cast<CXXMemberCallExpr>(Call))
    Arguments.push_back(Member->getImplicitObjectArgument());
  for (const Expr *Argument : Arguments) {
    if (!Argument->getType()->isPointerType() && !Argument->isGLValue())
      continue;
    auto Found = baseOf(Argument);
    // What a C++ reference or a global refers to outlives the call.
    const VarDecl *Variable = Found ? Found->Variable : nullptr;
    bool Outlives = Variable && (!Variable->hasLocalStorage() || Variable->getType()->isReferenceType());
    if (Found && !Outlives && Reporter.wants(ReferenceWarning::MustTail, Argument->getExprLoc()))
      Reporter.report(
          ReferenceWarning::MustTail, Argument->getExprLoc(),
          "a musttail call gets a raw pointer into a collected object whose reference ends with this function; pass the gc::ref, or "
          "call without musttail");
  }
}
