// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "plugin/UnsafeRegion.h"

#include "clang/AST/ASTConsumer.h"
#include "clang/Frontend/CompilerInstance.h"

std::unique_ptr<clang::ASTConsumer> stillpoint::createUnsafeRegionConsumer(clang::CompilerInstance &) {
  return std::make_unique<clang::ASTConsumer>();
}
