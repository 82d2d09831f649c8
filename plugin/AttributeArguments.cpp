// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parser keeps no trace of the argument list that it skipped, so the source is looked at again: the token behind the attribute's name.
#include "plugin/AttributeArguments.h"

#include "clang/Basic/DiagnosticSema.h"
#include "clang/Lex/Lexer.h"
#include "clang/Sema/ParsedAttr.h"
#include "clang/Sema/Sema.h"

using namespace clang;

bool stillpoint::diagnoseArguments(Sema &S, const ParsedAttr &Attr) {
  if (!Attr.isStandardAttributeSyntax())
    return false;
  // The attribute's range ends with its name or with its argument list.
  auto Next = Lexer::findNextToken(Attr.getRange().getEnd(), S.getSourceManager(), S.getLangOpts());
  if (!Next || Next->isNot(tok::l_paren))
    return false;
  S.Diag(Attr.getLoc(), diag::err_attribute_wrong_number_arguments) << Attr << 0;
  return true;
}
