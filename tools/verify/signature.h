// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: a raw pointer and the reference that is made of it are one value in the code. Which arguments can be no raw pointers?
//
// Mechanism: the demangled name of a C++ function has the types of its parameters. Where these are nothing but numbers and gc::ref, no
// argument is a raw pointer, but for `this`, which is the first, of what may be a member function.
#ifndef STILLPOINT_TOOLS_VERIFY_SIGNATURE_H
#define STILLPOINT_TOOLS_VERIFY_SIGNATURE_H

#include "llvm/ADT/StringRef.h"

#include <cstdint>

namespace stillpoint::verify {

// Argument registers that hold no raw pointer when the function of this (demangled) name begins; none if the name does not tell.
std::uint32_t arguments_without_raw_pointers(llvm::StringRef name);

} // namespace stillpoint::verify

#endif
