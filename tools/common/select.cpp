// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See select.h.
#include "select.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Demangle/Demangle.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Regex.h"

#include <cstdlib>

namespace stillpoint::tools {

using namespace llvm;

bool is_named(const fragment &f, StringRef name) {
  if (f.mangled == name || f.demangled == name)
    return true;
  ItaniumPartialDemangler parts;
  if (f.mangled.empty() || parts.partialDemangle(f.mangled.c_str()) || !parts.isFunction())
    return false;
  const auto equals = [&](char *text) {
    const bool same = text != nullptr && name == text;
    std::free(text);
    return same;
  };
  return equals(parts.getFunctionName(nullptr, nullptr)) || equals(parts.getFunctionBaseName(nullptr, nullptr));
}

std::vector<fragment> select_functions(const std::vector<fragment> &all, const std::string &name_or_pattern) {
  if (name_or_pattern.empty())
    return all;
  std::vector<fragment> some;
  llvm::copy_if(all, std::back_inserter(some), [&](const fragment &f) { return is_named(f, name_or_pattern); });
  if (!some.empty())
    return some;
  const Regex pattern(name_or_pattern);
  llvm::copy_if(all, std::back_inserter(some), [&](const fragment &f) { return pattern.match(f.demangled) || pattern.match(f.mangled); });
  return some;
}

// A name may be there, but not as managed code.
std::string explain_no_match(StringRef path, const loaded_file &file, const std::string &name_or_pattern) {
  for (const std::unique_ptr<image> &img : file.images)
    if (llvm::any_of(img->symbols, [&](const symbol &s) { return s.function && s.name == name_or_pattern; }))
      return formatv("{0}: {1} is foreign code: it has no table", path, name_or_pattern);
  const bool stripped = llvm::any_of(file.images, [](const std::unique_ptr<image> &img) { return !img->has_symbols; });
  return formatv("{0}: no managed function is named or matches '{1}'{2}", path, name_or_pattern,
                 stripped ? " (the file has no symbol table)" : "");
}

} // namespace stillpoint::tools
