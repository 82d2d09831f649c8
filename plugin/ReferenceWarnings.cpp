// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "plugin/ReferenceWarnings.h"

#include "clang/AST/ASTContext.h"
#include "clang/AST/Attr.h"
#include "clang/AST/Decl.h"
#include "clang/Basic/SourceManager.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace clang;
using stillpoint::ReferenceWarning;
using stillpoint::ReferenceWarningMask;

namespace {

struct Known {
  llvm::StringRef Name;
  DiagnosticIDs::Level Severity;
};

// In the order of the enumeration. Errors are unsound for sure; what depends on the rest of the program is a warning. Written only while
// the command line is parsed.
Known Table[] = {
    {"container", DiagnosticIDs::Error},   {"new", DiagnosticIDs::Error},          {"malloc", DiagnosticIDs::Error},
    {"exception", DiagnosticIDs::Error},   {"union", DiagnosticIDs::Error},        {"thread-local", DiagnosticIDs::Error},
    {"memory-copy", DiagnosticIDs::Error}, {"raw-escape", DiagnosticIDs::Warning}, {"musttail", DiagnosticIDs::Error},
    {"coroutine", DiagnosticIDs::Warning}, {"alloca", DiagnosticIDs::Error},
};
static_assert(std::size(Table) == stillpoint::ReferenceWarningCount);

constexpr ReferenceWarningMask All = (1u << stillpoint::ReferenceWarningCount) - 1;

Known *find(llvm::StringRef Name) {
  Name.consume_front("stillpoint-");
  auto *Found = llvm::find_if(Table, [&](const Known &K) { return K.Name == Name; });
  return Found == std::end(Table) ? nullptr : Found;
}

} // namespace

bool stillpoint::setReferenceWarning(llvm::StringRef Name, DiagnosticIDs::Level Severity) {
  Known *Found = find(Name);
  if (Found)
    Found->Severity = Severity;
  return Found;
}

std::string stillpoint::referenceWarningNames() {
  return llvm::join(llvm::map_range(Table, [](const Known &K) { return K.Name; }), ", ");
}

ReferenceWarningMask stillpoint::suppressedBy(const SuppressAttr &Attribute) {
  if (!Attribute.diagnosticIdentifiers_size())
    return All;
  ReferenceWarningMask Mask = 0;
  for (llvm::StringRef Name : Attribute.diagnosticIdentifiers())
    if (Name.starts_with("stillpoint-"))
      if (const Known *Found = find(Name))
        Mask |= 1u << (Found - Table);
  return Mask;
}

ReferenceWarningMask stillpoint::suppressedAround(const Decl *D) {
  ReferenceWarningMask Mask = 0;
  for (; D; D = dyn_cast_or_null<Decl>(D->getLexicalDeclContext())) {
    for (const auto *Attribute : D->specific_attrs<SuppressAttr>())
      Mask |= suppressedBy(*Attribute);
    if (isa<TranslationUnitDecl>(D))
      break;
  }
  return Mask;
}

llvm::StringRef stillpoint::outermostNamespace(const Decl *D) {
  const NamespaceDecl *Outermost = nullptr;
  for (const DeclContext *Scope = D->getDeclContext(); Scope; Scope = Scope->getParent())
    if (const auto *Space = dyn_cast<NamespaceDecl>(Scope))
      Outermost = Space;
  return Outermost && Outermost->getIdentifier() ? Outermost->getName() : "";
}

bool stillpoint::ReferenceReporter::isUser(SourceLocation Loc) const {
  const SourceManager &SM = C.getSourceManager();
  return Loc.isValid() && !SM.isInSystemHeader(SM.getExpansionLoc(Loc));
}

bool stillpoint::ReferenceReporter::isUser(const Decl *D) const { return isUser(D->getLocation()) && !isOurs(D); }

bool stillpoint::ReferenceReporter::isOurs(const Decl *D) { return outermostNamespace(D) == "stillpoint"; }

bool stillpoint::ReferenceReporter::wants(ReferenceWarning W, SourceLocation Loc) {
  unsigned Number = static_cast<unsigned>(W);
  if (Table[Number].Severity == DiagnosticIDs::Warning && C.getDiagnostics().getIgnoreAllWarnings())
    return false;
  if (Suppressed >> Number & 1 || Table[Number].Severity == DiagnosticIDs::Ignored || !isUser(Loc))
    return false;
  return Reported.insert({Number, C.getSourceManager().getExpansionLoc(Loc).getRawEncoding()}).second;
}

DiagnosticBuilder stillpoint::ReferenceReporter::report(ReferenceWarning W, SourceLocation Loc, llvm::StringRef Text) {
  const Known &K = Table[static_cast<unsigned>(W)];
  DiagnosticsEngine &Diags = C.getDiagnostics();
  // Clang leaves custom diagnostics out of -Werror, and out of -w (wants()).
  DiagnosticIDs::Level Severity = K.Severity == DiagnosticIDs::Warning && Diags.getWarningsAsErrors() ? DiagnosticIDs::Error : K.Severity;
  std::string Whole = (Text + " [-Wstillpoint-" + K.Name + "]").str();
  return Diags.Report(C.getSourceManager().getExpansionLoc(Loc), Diags.getDiagnosticIDs()->getCustomDiagID(Severity, Whole));
}

DiagnosticBuilder stillpoint::ReferenceReporter::note(SourceLocation Loc, llvm::StringRef Text) {
  DiagnosticsEngine &Diags = C.getDiagnostics();
  return Diags.Report(Loc, Diags.getDiagnosticIDs()->getCustomDiagID(DiagnosticIDs::Note, Text));
}
