// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions of one compiled file, ready to be checked, for tests that change their tables.
#ifndef STILLPOINT_TEST_VERIFY_PROGRAM_H
#define STILLPOINT_TEST_VERIFY_PROGRAM_H

#include "conventions.h"
#include "rules.h"

#include "common/image.h"
#include "common/model.h"

#include <array>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

namespace stillpoint::verify {

class program {
public:
  explicit program(const char *path) {
    auto made = tools::disassembler::create();
    if (!made)
      return;
    disassembler_ = std::move(*made);
    auto loaded = tools::load(path, &disassembler_->features());
    if (!loaded) {
      llvm::consumeError(loaded.takeError());
      return;
    }
    file_ = std::move(*loaded);
    const model m(*disassembler_);
    for (const auto &img : file_.images) {
      auto fragments = tools::read_fragments(*img);
      if (!fragments) {
        llvm::consumeError(fragments.takeError());
        continue;
      }
      fragments_.push_back(std::make_unique<std::vector<tools::fragment>>(std::move(*fragments)));
      const tools::unwind_info unwind(img->eh_frame);
      std::vector<function> all = read_functions(*fragments_.back(), m);
      for (function &f : all)
        find_landing_pads(f, unwind);
      others_.push_back(std::make_unique<conventions>(all));
      std::move(all.begin(), all.end(), std::back_inserter(functions));
    }
  }

  std::vector<function> functions;

  [[nodiscard]] std::vector<tools::fragment> fragments() const {
    return fragments_.empty() ? std::vector<tools::fragment>() : *fragments_.front();
  }
  [[nodiscard]] std::vector<std::string> structure_of(const tools::fragment &f) const { return tools::check(f, *disassembler_); }

private:
  std::unique_ptr<tools::disassembler> disassembler_;
  tools::loaded_file file_;
  std::vector<std::unique_ptr<std::vector<tools::fragment>>> fragments_;
  std::vector<std::unique_ptr<conventions>> others_;
};

// By all tests: a rule without a seeded fault that is found is one that nothing tries.
inline std::array<unsigned, rule_count> found_by_rule{};

inline std::vector<finding> findings_of(function f) { // a copy: the check builds its blocks
  counts counted;
  return check_function(f, counted);
}

inline bool is_found(const std::vector<finding> &all, std::uint64_t address, rule broken) {
  for (const finding &f : all)
    if (f.address == address && f.broken == broken)
      return true;
  return false;
}

} // namespace stillpoint::verify

#endif
