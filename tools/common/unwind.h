// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The frames that .eh_frame describes, for comparison with those of Stillpoint's tables: a second description of the same code that
// the compiler makes in another way.
#ifndef STILLPOINT_TOOLS_COMMON_UNWIND_H
#define STILLPOINT_TOOLS_COMMON_UNWIND_H

#include "image.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace stillpoint::tools {

class unwind_info {
public:
  // An empty or unreadable section describes nothing.
  explicit unwind_info(const section &eh_frame);
  ~unwind_info();
  unwind_info(const unwind_info &) = delete;
  unwind_info &operator=(const unwind_info &) = delete;

  // How `frame` differs from what .eh_frame says of `address`; empty if it does not, or if that says nothing comparable. While a prologue
  // or
  // an epilogue runs (`whole` is false), .eh_frame tells of saved registers too late and does not tell of restored ones; then only the
  // slots that both name are compared.
  [[nodiscard]] std::string difference(std::uint64_t address, const map::frame_rule &frame, bool whole) const;

  // What one function's description says of exceptions.
  struct exceptions {
    std::uint64_t begin = 0, end = 0; // of the code
    std::uint64_t area = 0;           // address of the language's data; 0 if there is none
    // Bytes of pushed arguments that the unwinder drops, from each address on.
    std::vector<std::pair<std::uint64_t, std::int64_t>> dropped;
    [[nodiscard]] std::int64_t dropped_at(std::uint64_t address) const;
  };
  // That of the function around `address`, or null.
  [[nodiscard]] const exceptions *exceptions_around(std::uint64_t address) const;

private:
  struct rows;
  std::unique_ptr<rows> all_;
};

} // namespace stillpoint::tools

#endif
