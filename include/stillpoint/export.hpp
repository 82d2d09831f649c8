// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The runtime is built with hidden visibility; what is marked so is its binary interface. Rejected: a version script (a second list of
// names
// to keep in step, and nothing for the static library).
#ifndef STILLPOINT_EXPORT_HPP
#define STILLPOINT_EXPORT_HPP

#define STILLPOINT_API __attribute__((visibility("default")))

#endif
