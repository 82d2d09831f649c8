// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef STILLPOINT_PLUGIN_NOSPLIT_H
#define STILLPOINT_PLUGIN_NOSPLIT_H

namespace clang {
class ASTContext;
}

namespace stillpoint {

/// At the start of a translation unit: an earlier one that was given up may have left its functions under the same address.
void forgetNosplitFunctions(clang::ASTContext &Context);

/// At the end of a translation unit: reports attributes that contradict nosplit.
void checkNosplitFunctions(clang::ASTContext &Context);

} // namespace stillpoint

#endif
