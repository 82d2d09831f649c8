// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef STILLPOINT_PLUGIN_LAYOUTS_H
#define STILLPOINT_PLUGIN_LAYOUTS_H

namespace clang {
class ASTContext;
class VarDecl;
} // namespace clang

namespace stillpoint {

/// Completes `Variable` if it is the definition of a layout: stillpoint::gc::detail::layout_of<T>::value.
void completeLayout(clang::VarDecl *Variable);

/// The same for every layout of the translation unit, those from precompiled headers and modules included.
void completeLayouts(clang::ASTContext &Context);

} // namespace stillpoint

#endif
