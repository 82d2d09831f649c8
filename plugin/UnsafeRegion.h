// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef STILLPOINT_PLUGIN_UNSAFEREGION_H
#define STILLPOINT_PLUGIN_UNSAFEREGION_H

#include <memory>

namespace clang {
class ASTConsumer;
class CompilerInstance;
} // namespace clang

namespace stillpoint {

/// The annotation by which the attribute on a statement stays in the syntax tree.
inline constexpr char UnsafeRegionAnnotation[] = "stillpoint::unsafe_region";

/// Rewrites marked blocks before code is generated for the functions that hold them.
std::unique_ptr<clang::ASTConsumer> createUnsafeRegionConsumer(clang::CompilerInstance &CI);

} // namespace stillpoint

#endif
