// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef STILLPOINT_PLUGIN_REFERENCEDIAGNOSTICS_H
#define STILLPOINT_PLUGIN_REFERENCEDIAGNOSTICS_H

#include <vector>

namespace clang {
class ASTContext;
class Decl;
class DeclGroupRef;
} // namespace clang

namespace stillpoint {

/// Reports what a translation unit does with references that the collector cannot follow (docs/diagnostics.md).
class ReferenceDiagnostics {
public:
  /// Takes what Clang's consumers are told of: declarations as they are parsed, functions as they are instantiated.
  void add(clang::DeclGroupRef Declarations);

  /// At the end of the translation unit.
  void check(clang::ASTContext &Context);

private:
  std::vector<const clang::Decl *> Seen;
};

} // namespace stillpoint

#endif
