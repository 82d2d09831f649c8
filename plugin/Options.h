// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The plugin's options. Set once, while command lines are parsed and before any code generation, and read-only from then on: ThinLTO
// generates code in several threads.
#ifndef STILLPOINT_PLUGIN_OPTIONS_H
#define STILLPOINT_PLUGIN_OPTIONS_H

#include <string>
#include <vector>

namespace clang {
class DiagnosticsEngine;
}

namespace stillpoint {

/// Whether the tables hold every live register (liveness=full) or only what the collector needs.
bool wantsFullLiveness();

/// Takes the arguments of -fplugin-arg-stillpoint-NAME[=VALUE], each "NAME[=VALUE]". Reports the first that is wrong and returns false.
bool parseOptions(clang::DiagnosticsEngine &Diags, const std::vector<std::string> &Arguments);

} // namespace stillpoint

#endif
