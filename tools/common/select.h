// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions that a tool's --function=NAME|REGEX names.
#ifndef STILLPOINT_TOOLS_COMMON_SELECT_H
#define STILLPOINT_TOOLS_COMMON_SELECT_H

#include "model.h"

namespace stillpoint::tools {

// Whether a fragment has this name: mangled, or demangled with or without parameters ("f(int)", "ns::f", "f").
bool is_named(const fragment &f, llvm::StringRef name);
// The fragments of this name; if there is none, those whose name the regular expression matches. All of them for an empty text.
std::vector<fragment> select_functions(const std::vector<fragment> &all, const std::string &name_or_pattern);
// Why nothing was selected of the file, as a sentence that begins with its path.
std::string explain_no_match(llvm::StringRef path, const loaded_file &file, const std::string &name_or_pattern);

} // namespace stillpoint::tools

#endif
