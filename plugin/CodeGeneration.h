// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef STILLPOINT_PLUGIN_CODEGENERATION_H
#define STILLPOINT_PLUGIN_CODEGENERATION_H

namespace llvm {
class PassBuilder;
} // namespace llvm

namespace stillpoint {

/// Adds the IR passes to a pipeline that is about to be built.
void extendPipeline(llvm::PassBuilder &PB);

} // namespace stillpoint

#endif
