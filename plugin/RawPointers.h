// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: a raw pointer into a collected object, got from a reference, keeps the object alive in the function that got it (passes/ir/Keeps.cpp),
// and nowhere else. One that is stored in memory outlives what keeps its object.
//
// Mechanism: an expression is *derived* if it is what a gc::ref or gc::array gives (get(), ->, *, data(), …), a member or element reached from
// there without loading a pointer, address arithmetic or a cast of one, or a local pointer or C++ reference that was set from one, in the order of the
// text. Where a derived pointer is stored to what is not a local variable, there is a report. A lambda that captures one is followed to where it
// is stored; it is fine if it captures the reference as well.
//
// What calls return is not followed: a method's result may point anywhere.
#ifndef STILLPOINT_PLUGIN_RAWPOINTERS_H
#define STILLPOINT_PLUGIN_RAWPOINTERS_H

#include "plugin/ReferenceWarnings.h"

#include "clang/AST/Expr.h"
#include "clang/AST/ExprCXX.h"

#include "llvm/ADT/DenseMap.h"

#include <optional>

namespace stillpoint {

class RawPointers {
public:
  explicit RawPointers(ReferenceReporter &Reporter) : Reporter(Reporter) {}

  // What the walk over the user's functions meets, in the order of the text.
  void declaration(const clang::VarDecl *Variable);
  void assignment(const clang::BinaryOperator *Assignment);
  void memberInitializer(const clang::CXXCtorInitializer *Initializer);
  void call(const clang::CallExpr *Call);
  void construction(const clang::CXXConstructExpr *Construction);
  void newObject(const clang::CXXNewExpr *New);
  void returned(const clang::ReturnStmt *Return);
  void mustTail(const clang::ReturnStmt *Return);

private:
  /// What a derived expression comes from: the variable with the reference, null if it is a temporary or a member.
  struct Base {
    const clang::VarDecl *Variable;
  };

  std::optional<Base> baseOf(const clang::Expr *E) const;
  std::optional<Base> baseOfVariable(const clang::VarDecl *Variable) const;
  std::optional<Base> baseOfCall(const clang::CallExpr *Call) const;
  std::optional<Base> baseOfCast(const clang::CastExpr *Cast) const;
  const clang::LambdaExpr *lambdaIn(const clang::Expr *E) const;

  void stored(const clang::Expr *Value, clang::SourceLocation Loc, llvm::StringRef Where);
  void storedLambda(const clang::Expr *Value, llvm::StringRef Where);
  void storedArguments(llvm::ArrayRef<const clang::Expr *> Arguments, bool PointersToo, llvm::StringRef Where);
  void intoContainer(const clang::CXXMemberCallExpr *Call);

  ReferenceReporter &Reporter;
  llvm::DenseMap<const clang::VarDecl *, Base> Derived;
  llvm::DenseMap<const clang::VarDecl *, const clang::LambdaExpr *> Lambdas;
};

} // namespace stillpoint

#endif
