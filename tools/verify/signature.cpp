// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See signature.h.
#include "signature.h"
#include "liveness.h"

#include "llvm/ADT/StringSwitch.h"

namespace stillpoint::verify {

using namespace llvm;

namespace {

bool is_number(StringRef type) {
  return StringSwitch<bool>(type)
      .Cases({"bool", "char", "signed char", "unsigned char", "short", "unsigned short", "int", "unsigned int"}, true)
      .Cases({"long", "unsigned long", "long long", "unsigned long long", "float", "double", "void"}, true)
      .Default(false);
}

bool is_reference(StringRef type) { return type.starts_with("stillpoint::gc::ref<") && type.ends_with(">"); }

// Where the list of parameters begins: the bracket that the last one closes.
std::size_t open_bracket(StringRef name) {
  unsigned depth = 0;
  for (std::size_t at = name.size(); at-- > 0;) {
    depth += name[at] == ')';
    if (name[at] == '(' && --depth == 0)
      return at;
  }
  return StringRef::npos;
}

} // namespace

std::uint32_t arguments_without_raw_pointers(StringRef name) {
  if (!name.ends_with(")"))
    return 0;
  const std::size_t open = open_bracket(name);
  if (open == StringRef::npos)
    return 0;
  StringRef types = name.drop_back().drop_front(open + 1), function = name.take_front(open);
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t at = 0; at <= types.size(); ++at) {
    const char c = at == types.size() ? ',' : types[at];
    depth += c == '<' || c == '(' ? 1 : c == '>' || c == ')' ? -1 : 0;
    if (c != ',' || depth != 0)
      continue;
    const StringRef type = types.slice(begin, at).trim();
    if (!is_number(type) && !is_reference(type))
      return 0;
    begin = at + 1;
  }
  function.consume_front("(anonymous namespace)::");
  const bool member = function.contains("::");
  return argument_general & ~(member ? bit(rdi) : 0);
}

} // namespace stillpoint::verify
