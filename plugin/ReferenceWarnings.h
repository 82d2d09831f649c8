// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The names, severities and places of the diagnostics on references (docs/diagnostics.md lists them).
//
// Problem: Clang's own groups are fixed when Clang is built, so a plugin's diagnostics have no -W name.
//
// Mechanism: the name is part of the text, [-Wstillpoint-NAME]; the severity comes from this table and the plugin's options no-warn=NAME and
// error=NAME; in the source, [[clang::suppress("stillpoint-NAME")]] on a declaration or a statement, which Clang keeps in the syntax tree.
//
// Rejected: reading -Wno-stillpoint-NAME from Clang's options (Clang itself warns that it does not know it), a group of Clang's that means
// something else.
#ifndef STILLPOINT_PLUGIN_REFERENCEWARNINGS_H
#define STILLPOINT_PLUGIN_REFERENCEWARNINGS_H

#include "clang/Basic/Diagnostic.h"
#include "clang/Basic/SourceLocation.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringRef.h"

#include <string>
#include <utility>

namespace clang {
class ASTContext;
class Decl;
class SuppressAttr;
} // namespace clang

namespace stillpoint {

enum class ReferenceWarning : unsigned {
  Container,
  New,
  Malloc,
  Exception,
  Union,
  ThreadLocal,
  MemoryCopy,
  RawEscape,
  MustTail,
  Coroutine,
  Alloca,
};
inline constexpr unsigned ReferenceWarningCount = 11;

/// Parses `Name` as given to no-warn= (`Severity` Ignored) or error=. False if there is no such diagnostic.
bool setReferenceWarning(llvm::StringRef Name, clang::DiagnosticIDs::Level Severity);

/// For messages: the known names, with commas.
std::string referenceWarningNames();

/// A set of diagnostics.
using ReferenceWarningMask = unsigned;
ReferenceWarningMask suppressedBy(const clang::SuppressAttr &Attribute);
/// What the attributes on `D` and on what it is declared in suppress.
ReferenceWarningMask suppressedAround(const clang::Decl *D);

/// The name of the namespace that `D` is in, the one that is in no other; "" for the global one.
llvm::StringRef outermostNamespace(const clang::Decl *D);

/// Reports each thing once, at places that the user can change.
class ReferenceReporter {
public:
  explicit ReferenceReporter(clang::ASTContext &Context) : C(Context) {}

  /// Whether `Loc` is in code of the user: not in a system header.
  bool isUser(clang::SourceLocation Loc) const;
  /// Whether the declaration is the user's: not in a system header, and not part of this library.
  bool isUser(const clang::Decl *D) const;
  /// Whether it is part of this library's headers, which know what they do.
  static bool isOurs(const clang::Decl *D);

  /// What is suppressed where the walk is now.
  ReferenceWarningMask Suppressed = 0;

  bool wants(ReferenceWarning W, clang::SourceLocation Loc);
  /// Only after wants() has said yes.
  clang::DiagnosticBuilder report(ReferenceWarning W, clang::SourceLocation Loc, llvm::StringRef Text);
  /// A note to the report before it.
  clang::DiagnosticBuilder note(clang::SourceLocation Loc, llvm::StringRef Text);

private:
  clang::ASTContext &C;
  llvm::DenseSet<std::pair<unsigned, unsigned>> Reported;
};

} // namespace stillpoint

#endif
