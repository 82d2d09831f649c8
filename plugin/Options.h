// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The plugin's options. Set once, while command lines are parsed and before any code generation, and read-only from then on: ThinLTO
// generates code in several threads.
#ifndef STILLPOINT_PLUGIN_OPTIONS_H
#define STILLPOINT_PLUGIN_OPTIONS_H

#include "llvm/ADT/StringRef.h"

namespace stillpoint {

/// Whether the tables hold every live register (liveness=full) or only what the collector needs.
bool wantsFullLiveness();
void setFullLiveness(bool Full);

/// Whether the program's main is to be the first task (main=task).
bool wantsMainTask();
void setMainTask(bool Wanted);

/// Whether loops get no copies without the checks of write barriers (unchecked-copies=off).
bool wantsNoUncheckedCopies();
void setWithoutUncheckedCopies(bool Off);

/// Whether remarks are to be shown without more (remarks). Clang only: other tools have -pass-remarks-analysis=stillpoint.
bool wantsRemarks();
void setRemarks(bool Wanted);

/// The mangled name of the function whose points are printed (dump=NAME); "*": all. Empty: none.
llvm::StringRef dumpFunction();
void setDumpFunction(llvm::StringRef Name);

} // namespace stillpoint

#endif
