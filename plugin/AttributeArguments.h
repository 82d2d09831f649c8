// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef STILLPOINT_PLUGIN_ATTRIBUTEARGUMENTS_H
#define STILLPOINT_PLUGIN_ATTRIBUTEARGUMENTS_H

namespace clang {
class ParsedAttr;
class Sema;
} // namespace clang

namespace stillpoint {

/// Reports an argument list behind an attribute that takes none. Clang checks the GNU spelling itself, but drops the list of a plugin's
/// attribute in [[]] without a word.
bool diagnoseArguments(clang::Sema &S, const clang::ParsedAttr &Attr);

} // namespace stillpoint

#endif
