// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/ir/LiveReferences.h"
bool stillpoint::keepBases(llvm::Function &) { return false; }
