// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "plugin/LibraryCalls.h"

#include "clang/AST/ASTContext.h"
#include "clang/AST/ASTDiagnostic.h"
#include "clang/AST/DeclCXX.h"
#include "clang/AST/DeclTemplate.h"

#include "llvm/ADT/STLExtras.h"

using namespace clang;
using stillpoint::LibraryCalls;

namespace {

constexpr unsigned DeepestArgument = 6; // of template arguments in template arguments

llvm::StringRef textFor(stillpoint::ReferenceWarning What) {
  switch (What) {
  case stillpoint::ReferenceWarning::MemoryCopy:
    return "%0 copies %1, which holds references, as bytes: the collector may miss what is copied; copy by assignment";
  case stillpoint::ReferenceWarning::Exception:
    return "%0 throws %1, which holds references: the collector does not look into exception objects; throw what gc::global holds";
  default:
    return "%0 puts %1, which holds references, into memory that the collector does not scan; use what is made for it (gc::make, "
           "gc::allocator, "
           "go), or hold the references as gc::global";
  }
}

} // namespace

void LibraryCalls::addEdge(const FunctionDecl *Caller, const FunctionDecl *Callee) {
  auto &Known = Callers[Callee->getCanonicalDecl()];
  if (!llvm::is_contained(Known, Caller->getCanonicalDecl()))
    Known.push_back(Caller->getCanonicalDecl());
}

void LibraryCalls::addDeed(const FunctionDecl *Function, ReferenceWarning What, QualType Type) {
  Deeds.try_emplace(Function->getCanonicalDecl(), Deed{What, Type.getCanonicalType().getUnqualifiedType()});
}

void LibraryCalls::addEntry(const FunctionDecl *Callee, SourceLocation Loc, ReferenceWarningMask Suppressed) {
  Entries.push_back({Callee->getCanonicalDecl(), Loc, Suppressed});
}

// From each deed to all that lead to it.
void LibraryCalls::spread() {
  llvm::SmallVector<const FunctionDecl *> Work = llvm::to_vector(Deeds.keys());
  while (!Work.empty()) {
    const FunctionDecl *Function = Work.pop_back_val();
    const Deed Found = Deeds.find(Function)->second;
    auto Known = Callers.find(Function);
    if (Known == Callers.end())
      continue;
    for (const FunctionDecl *Caller : Known->second)
      if (Deeds.try_emplace(Caller, Found).second)
        Work.push_back(Caller);
  }
}

bool LibraryCalls::mentionsKnown(QualType Type, unsigned Depth) const {
  if (Type.isNull() || Depth == DeepestArgument)
    return false;
  while (Type->isPointerType() || Type->isReferenceType())
    Type = Type->getPointeeType();
  Type = Type.getCanonicalType().getUnqualifiedType();
  if (Containers.contains(Type.getTypePtr()))
    return true;
  const auto *Class = dyn_cast_or_null<ClassTemplateSpecializationDecl>(Type->getAsRecordDecl());
  return Class && llvm::any_of(Class->getTemplateArgs().asArray(), [&](const TemplateArgument &Argument) {
           return Argument.getKind() == TemplateArgument::Type && mentionsKnown(Argument.getAsType(), Depth + 1);
         });
}

// Whether the call works on a container whose declaration has been reported.
bool LibraryCalls::isKnown(const FunctionDecl *Callee) const {
  if (Containers.empty())
    return false;
  if (const auto *Method = dyn_cast<CXXMethodDecl>(Callee))
    if (mentionsKnown(Callee->getASTContext().getCanonicalTagType(Method->getParent())))
      return true;
  return mentionsKnown(Callee->getReturnType()) ||
         llvm::any_of(Callee->parameters(), [&](const ParmVarDecl *Parameter) { return mentionsKnown(Parameter->getType()); });
}

void LibraryCalls::report(ReferenceReporter &Reporter) {
  spread();
  for (const Entry &E : Entries) {
    auto Found = Deeds.find(E.Callee);
    if (Found == Deeds.end() || isKnown(E.Callee))
      continue;
    const Deed &D = Found->second;
    Reporter.Suppressed = E.Suppressed;
    if (Reporter.wants(D.What, E.Loc))
      Reporter.report(D.What, E.Loc, textFor(D.What)) << static_cast<const NamedDecl *>(E.Callee) << D.Type;
  }
  Reporter.Suppressed = 0;
}
