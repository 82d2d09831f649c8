// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: the collector finds references on stacks, in globals and in its own heap, and nowhere else. C++ puts objects in many more
// places, and copies them in ways that lose their types; there a reference is not seen, and what it refers to dies too early.
//
// Mechanism: one walk over the syntax tree at the end of the translation unit, over the user's declarations and over every instantiated
// function. What the user wrote is reported where it stands; what a library's template does for the user is collected and reported at the
// user's call (LibraryCalls.h); raw pointers are followed within a function (RawPointers.h).
//
// Invariants: a translation unit without references is not walked at all. One with errors is not either: the tree may have holes, and
// Clang's errors come first. This library's own headers are not looked into.
//
// Rejected: diagnostics while parsing (templates' bodies do not exist yet), AST matchers (slower, and each would need the same state).
#include "plugin/ReferenceDiagnostics.h"

#include "plugin/HeldReferences.h"
#include "plugin/LayoutWalk.h"
#include "plugin/LibraryCalls.h"
#include "plugin/RawPointers.h"
#include "plugin/ReferenceWarnings.h"

#include "clang/AST/ASTContext.h"
#include "clang/AST/ASTDiagnostic.h"
#include "clang/AST/Attr.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace clang;
using namespace stillpoint;

namespace {

llvm::StringRef calleeName(const CallExpr *Call) {
  const FunctionDecl *Callee = Call->getDirectCallee();
  if (!Callee || !Callee->getIdentifier())
    return "";
  llvm::StringRef Name = Callee->getName();
  Name.consume_front("__builtin_");
  if (Name.consume_front("__"))
    Name.consume_back("_chk");
  return Name;
}

bool isAlloca(llvm::StringRef Name) { return Name == "alloca" || Name == "alloca_with_align" || Name == "alloca_uninitialized"; }

bool allocates(const CallExpr *Call) {
  const FunctionDecl *Callee = Call->getDirectCallee();
  if (Callee && Callee->getDeclName().getCXXOverloadedOperator() == OO_New)
    return Callee->isReplaceableGlobalAllocationFunction();
  return llvm::StringSwitch<bool>(calleeName(Call))
      .Cases({"malloc", "calloc", "realloc", "reallocarray", "aligned_alloc", "memalign", "valloc", "operator_new"}, true)
      .Default(false);
}

// How many leading arguments point to memory that the function reads or writes as bytes.
unsigned copiedArguments(llvm::StringRef Name) {
  return llvm::StringSwitch<unsigned>(Name)
      .Cases({"memcpy", "memmove", "mempcpy", "memccpy", "bcopy", "memcpy_inline"}, 2)
      .Cases({"memset", "bzero", "explicit_bzero", "memset_inline"}, 1)
      .Default(0);
}

// The walk over declarations and bodies.
class Walk : public ConstDynamicRecursiveASTVisitor {
public:
  explicit Walk(ASTContext &C) : C(C), Held(C), Reporter(C), Raw(Reporter) { ShouldWalkTypesOfTypeLocs = false; }

  bool hasReferences() const { return Held.any(); }

  void run(llvm::ArrayRef<const Decl *> Declarations) {
    for (const Decl *D : Declarations) {
      Reporter.Suppressed = suppressedAround(dyn_cast_or_null<Decl>(D->getLexicalDeclContext()));
      if (isa<FunctionDecl>(D) || Reporter.isUser(D))
        TraverseDecl(D);
    }
    Library.report(Reporter);
  }

  bool TraverseDecl(const Decl *D) override {
    if (!D || isa<TemplateDecl>(D) || D->isTemplated() || D->isInvalidDecl() || isOurNamespace(D))
      return true;
    llvm::SaveAndRestore Outer(Reporter.Suppressed);
    for (const auto *Attribute : D->specific_attrs<SuppressAttr>())
      Reporter.Suppressed |= suppressedBy(*Attribute);
    const auto *Function = dyn_cast<FunctionDecl>(D);
    if (!Function)
      return ConstDynamicRecursiveASTVisitor::TraverseDecl(D);
    if (!Function->doesThisDeclarationHaveABody() || !Visited.insert(Function).second)
      return true;
    if (ReferenceReporter::isOurs(Function)) {
      checkArguments(Function);
      return true;
    }
    llvm::SaveAndRestore OuterFunction(Current, Scope{Function, Reporter.isUser(Function), false});
    enterBody(Function->getBody(), Function->getLocation());
    for (const ParmVarDecl *Parameter : Function->parameters())
      TraverseDecl(Parameter);
    return ConstDynamicRecursiveASTVisitor::TraverseDecl(D);
  }

  bool TraverseLambdaExpr(const LambdaExpr *Lambda) override {
    llvm::SaveAndRestore Outer(Current, Scope{Current.Function, Current.User, false});
    enterBody(Lambda->getBody(), Lambda->getBeginLoc());
    return ConstDynamicRecursiveASTVisitor::TraverseLambdaExpr(Lambda);
  }

  bool TraverseAttributedStmt(const AttributedStmt *S) override {
    llvm::SaveAndRestore Outer(Reporter.Suppressed);
    for (const Attr *Attribute : S->getAttrs())
      if (const auto *Suppress = dyn_cast<SuppressAttr>(Attribute))
        Reporter.Suppressed |= suppressedBy(*Suppress);
      else if (const auto *Return = dyn_cast<ReturnStmt>(S->getSubStmt()); isa<MustTailAttr>(Attribute) && Return && Current.User)
        Raw.mustTail(Return);
    return ConstDynamicRecursiveASTVisitor::TraverseAttributedStmt(S);
  }

  // What is not evaluated.
  bool TraverseTypeLoc(TypeLoc, bool) override { return true; }
  bool TraverseUnaryExprOrTypeTraitExpr(const UnaryExprOrTypeTraitExpr *) override { return true; }
  bool TraverseCXXNoexceptExpr(const CXXNoexceptExpr *) override { return true; }
  bool TraverseRequiresExpr(const RequiresExpr *) override { return true; }
  bool TraverseConceptSpecializationExpr(const ConceptSpecializationExpr *) override { return true; }
  bool TraverseStaticAssertDecl(const StaticAssertDecl *) override { return true; }

  bool TraverseConstructorInitializer(const CXXCtorInitializer *Initializer) override {
    if (Current.User)
      Raw.memberInitializer(Initializer);
    return ConstDynamicRecursiveASTVisitor::TraverseConstructorInitializer(Initializer);
  }

  bool VisitRecordDecl(const RecordDecl *Record) override {
    if (Record->isCompleteDefinition() && Reporter.isUser(Record))
      checkRecord(Record);
    return true;
  }

  bool VisitVarDecl(const VarDecl *Variable) override {
    if (!Current.User)
      return true;
    QualType Type = Variable->getType();
    SourceLocation Loc = Variable->getLocation();
    if (Variable->getTLSKind() != VarDecl::TLS_None)
      check(
          ReferenceWarning::ThreadLocal, Type, Loc,
          "thread_local variables are not scanned by the collector, and %0 holds references; make it a local variable or a member, or hold "
          "the references as gc::global");
    if (Type->isVariableArrayType())
      check(ReferenceWarning::Alloca, Type, Loc,
            "the tables cannot list references in an array whose length is not known at compile time; use gc::make_array");
    if (Current.Coroutine)
      check(ReferenceWarning::Coroutine, Type, Loc,
            "the frame of a coroutine, which holds what lives across a suspension, is not in the collected heap, and %0 holds references; "
            "use a "
            "task (go), or hold them as gc::global");
    checkType(Type, Loc);
    Raw.declaration(Variable);
    return true;
  }

  bool VisitCXXNewExpr(const CXXNewExpr *New) override {
    if (Current.User)
      Raw.newObject(New);
    const FunctionDecl *Operator = New->getOperatorNew();
    if (Operator && Operator->isReplaceableGlobalAllocationFunction())
      check(ReferenceWarning::New, New->getAllocatedType(), New->getBeginLoc(),
            "the collector does not scan memory from new, and %0 holds references; make the object with gc::make, or hold the references "
            "as gc::global");
    return true;
  }

  bool VisitCastExpr(const CastExpr *Cast) override {
    if (!Cast->getType()->isPointerType() || !Cast->getSubExpr()->getType()->isVoidPointerType() || !Held.behind(Cast->getType()))
      return true;
    const auto *Call = dyn_cast<CallExpr>(Cast->getSubExpr()->IgnoreParenCasts());
    QualType Type = Cast->getType()->getPointeeType();
    if (Call && isAlloca(calleeName(Call)))
      check(ReferenceWarning::Alloca, Type, Call->getBeginLoc(),
            "the tables cannot list references in memory from alloca, and %0 holds some; use gc::make_array");
    else if (Call && allocates(Call))
      check(Current.User ? ReferenceWarning::Malloc : ReferenceWarning::New, Type, Call->getBeginLoc(),
            "the collector does not scan this memory, and %0 holds references; make the object with gc::make or gc::make_array");
    return true;
  }

  bool VisitCXXThrowExpr(const CXXThrowExpr *Throw) override {
    if (const Expr *Object = Throw->getSubExpr())
      check(
          ReferenceWarning::Exception, Object->getType(), Throw->getThrowLoc(),
          "the collector does not look into exception objects, and %0 holds references; throw something else, or hold them as gc::global");
    return true;
  }

  bool VisitCallExpr(const CallExpr *Call) override {
    unsigned Copied = std::min(copiedArguments(calleeName(Call)), Call->getNumArgs());
    for (const Expr *Argument : llvm::ArrayRef(Call->getArgs(), Copied)) {
      QualType Type = Argument->IgnoreParenCasts()->getType();
      if (Held.behind(Type))
        check(ReferenceWarning::MemoryCopy, Type->isArrayType() ? Type : Type->getPointeeType(), Call->getBeginLoc(),
              "%0 holds references, and the collector may miss what is copied as bytes; assign or construct the object");
    }
    if (Current.User)
      Raw.call(Call);
    return true;
  }

  bool VisitBuiltinBitCastExpr(const BuiltinBitCastExpr *Cast) override {
    QualType To = Cast->getType(), From = Cast->getSubExpr()->getType();
    if (Held.in(To) != Held.in(From))
      check(ReferenceWarning::MemoryCopy, Held.in(To) ? To : From, Cast->getBeginLoc(),
            "%0 holds references, and the collector does not see through a bit_cast; convert with raw() and from_raw()");
    return true;
  }

  bool VisitCXXConstructExpr(const CXXConstructExpr *Construction) override {
    reach(Construction->getConstructor(), Construction->getLocation());
    checkErasure(Construction);
    if (!Current.User)
      return true;
    Raw.construction(Construction);
    if (const RecordDecl *Record = definition(Construction->getType());
        isa<CXXTemporaryObjectExpr>(Construction) && Record && !Declared.contains(Record))
      checkType(Construction->getType(), Construction->getLocation());
    return true;
  }

  bool VisitDeclRefExpr(const DeclRefExpr *Name) override {
    if (const auto *Function = dyn_cast<FunctionDecl>(Name->getDecl()))
      reach(Function, Name->getLocation());
    return true;
  }
  bool VisitMemberExpr(const MemberExpr *Member) override {
    if (const auto *Method = dyn_cast<CXXMethodDecl>(Member->getMemberDecl()))
      reach(Method, Member->getMemberLoc());
    return true;
  }

  bool VisitBinaryOperator(const BinaryOperator *Operator) override {
    if (Current.User)
      Raw.assignment(Operator);
    return true;
  }
  bool VisitReturnStmt(const ReturnStmt *Return) override {
    if (Current.User)
      Raw.returned(Return);
    return true;
  }
  bool VisitCoawaitExpr(const CoawaitExpr *Await) override { return suspension(Await); }
  bool VisitCoyieldExpr(const CoyieldExpr *Yield) override { return suspension(Yield); }

private:
  // The function that the walk is in. Outside of functions there is only the user's code.
  struct Scope {
    const FunctionDecl *Function;
    bool User;
    bool Coroutine;
  };

  static bool isOurNamespace(const Decl *D) {
    const auto *Space = dyn_cast<NamespaceDecl>(D);
    return Space && Space->getIdentifier() && Space->getName() == "stillpoint" && outermostNamespace(Space).empty();
  }

  static const RecordDecl *definition(QualType Type) {
    const RecordDecl *Record = Type->getAsRecordDecl();
    Record = Record ? Record->getDefinition() : nullptr;
    return Record && !Record->isInvalidDecl() && !Record->isDependentType() ? Record : nullptr;
  }

  // Something is done with a `Type`: a report, or a deed of the library's function, if that holds references.
  void check(ReferenceWarning What, QualType Type, SourceLocation Loc, llvm::StringRef Text) {
    if (!Held.in(Type))
      return;
    if (!Current.User)
      Library.addDeed(Current.Function, What, Type);
    else if (Reporter.wants(What, Loc))
      Reporter.report(What, Loc, Text) << Type;
  }

  void reach(const FunctionDecl *Callee, SourceLocation Loc) {
    if (!Callee->isTemplateInstantiation() || ReferenceReporter::isOurs(Callee) || Reporter.isUser(Callee->getLocation()))
      return;
    if (Current.User)
      Library.addEntry(Callee, Loc, Reporter.Suppressed);
    else
      Library.addEdge(Current.Function, Callee);
  }

  void enterBody(const Stmt *Body, SourceLocation Loc) {
    const auto *Coroutine = dyn_cast_or_null<CoroutineBodyStmt>(Body);
    if (!Coroutine || !Current.User)
      return;
    Current.Coroutine = true;
    check(ReferenceWarning::Coroutine, Coroutine->getPromiseDecl()->getType(), Loc,
          "the frame of a coroutine is not in the collected heap, and its promise %0 holds references; hold them as gc::global");
  }

  bool suspension(const CoroutineSuspendExpr *Suspension) {
    if (Current.User)
      check(ReferenceWarning::Coroutine, Suspension->getCommonExpr()->getType(), Suspension->getKeywordLoc(),
            "the frame of a coroutine is not in the collected heap, and the awaiter %0 holds references; hold them as gc::global");
    return true;
  }

  // Classes that keep a value of any type, in bytes of their own or in memory from new.
  void checkErasure(const CXXConstructExpr *Construction) {
    const CXXRecordDecl *Class = Construction->getConstructor()->getParent();
    if (!Class->getIdentifier() || outermostNamespace(Class) != "std" ||
        !llvm::is_contained({"any", "function", "move_only_function", "copyable_function", "packaged_task"}, Class->getName()))
      return;
    for (const Expr *Argument : Construction->arguments())
      check(ReferenceWarning::New, Argument->getType(), Construction->getLocation(),
            "what std::function, std::any and their like keep is not scanned by the collector, and %0 holds references; use a template "
            "parameter or gc::make, or hold the references as gc::global");
  }

  // The types that a function of this library was instantiated for: objects that gc::make makes.
  void checkArguments(const FunctionDecl *Function) {
    if (const TemplateArgumentList *Arguments = Function->getTemplateSpecializationArgs())
      for (const TemplateArgument &Argument : Arguments->asArray())
        if (Argument.getKind() == TemplateArgument::Type)
          checkType(Argument.getAsType(), SourceLocation());
  }

  // An object of this type exists at `Loc`.
  void checkType(QualType Type, SourceLocation Loc) {
    if (Type->isDependentType() || Type->isReferenceType() || Type->isPointerType())
      return;
    const RecordDecl *Record = definition(C.getBaseElementType(Type));
    if (!Record || ReferenceReporter::isOurs(Record))
      return;
    if (Reporter.isUser(Record->getLocation()))
      return checkRecord(Record);
    if (const RecordDecl *Container = containerIn(Record)) {
      Declared.insert(Record);
      Library.addContainer(C.getCanonicalTagType(Container));
      if (Reporter.wants(ReferenceWarning::Container, Loc))
        Reporter.report(ReferenceWarning::Container, Loc,
                        "the collector does not scan the memory of %0, and %1 holds references; give it gc::allocator (std::vector, "
                        "std::deque, std::basic_string) or gc::rooted_allocator (std::list, std::map, std::unordered_map, …)")
            << C.getCanonicalTagType(Container) << Held.keptOutside(Container);
    } else if (Held.in(Type) && hasUnclearUnion(C, Type))
      reportUnion(Type, Loc);
  }

  // A class of the user's: its members are reported where they stand, once.
  void checkRecord(const RecordDecl *Record) {
    const auto *Class = dyn_cast<CXXRecordDecl>(Record);
    if (!CheckedRecords.insert(Record).second || (Class && Class->isLambda()) || Record->isDependentType() || Record->isInvalidDecl())
      return;
    llvm::SaveAndRestore Outer(Reporter.Suppressed);
    Reporter.Suppressed |= suppressedAround(Record);
    QualType Type = C.getCanonicalTagType(Record);
    if (Record->isUnion() && Held.in(Type) && hasUnclearUnion(C, Type))
      reportUnion(Type, Record->getLocation());
    if (Class)
      for (const CXXBaseSpecifier &Base : Class->bases())
        checkType(Base.getType(), Base.getBeginLoc());
    for (const FieldDecl *Field : Record->fields()) {
      llvm::SaveAndRestore OuterField(Reporter.Suppressed);
      Reporter.Suppressed |= suppressedAround(Field);
      checkType(Field->getType(), Field->getLocation());
    }
  }

  // The container, in an object of a library's class, that keeps references in memory of its own; null if there is none.
  const RecordDecl *containerIn(const RecordDecl *Record) {
    auto [Found, IsNew] = Containers.try_emplace(Record, nullptr);
    if (!IsNew)
      return Found->second;
    const RecordDecl *Result = Held.keptOutside(Record).isNull() ? nullptr : Record;
    auto inside = [&](QualType Type) {
      const RecordDecl *Part = definition(C.getBaseElementType(Type));
      if (Result || !Part || ReferenceReporter::isOurs(Part))
        return;
      if (Reporter.isUser(Part->getLocation()))
        checkRecord(Part);
      else
        Result = containerIn(Part);
    };
    if (const auto *Class = dyn_cast<CXXRecordDecl>(Record))
      for (const CXXBaseSpecifier &Base : Class->bases())
        inside(Base.getType());
    for (const FieldDecl *Field : Record->fields())
      inside(Field->getType());
    return Containers[Record] = Result;
  }

  void reportUnion(QualType Type, SourceLocation Loc) {
    if (Reporter.wants(ReferenceWarning::Union, Loc))
      Reporter.report(ReferenceWarning::Union, Loc,
                      "%0 has a reference or other data in the same word, and the collector cannot know which; move one of them out of the "
                      "union, or put the data behind a gc::ref")
          << Type;
  }

  ASTContext &C;
  HeldReferences Held;
  ReferenceReporter Reporter;
  RawPointers Raw;
  LibraryCalls Library;
  Scope Current = {nullptr, true, false};
  llvm::SmallPtrSet<const FunctionDecl *, 32> Visited;
  llvm::SmallPtrSet<const RecordDecl *, 32> CheckedRecords;
  llvm::SmallPtrSet<const RecordDecl *, 8> Declared;
  llvm::DenseMap<const RecordDecl *, const RecordDecl *> Containers;
};

} // namespace

void ReferenceDiagnostics::add(DeclGroupRef Declarations) {
  for (const Decl *D : Declarations)
    if (!D->isFromASTFile()) // else it has been checked where it was parsed
      Seen.push_back(D);
}

void ReferenceDiagnostics::check(ASTContext &Context) {
  if (Context.getDiagnostics().hasUncompilableErrorOccurred())
    return;
  Walk W(Context);
  if (W.hasReferences())
    W.run(Seen);
}
