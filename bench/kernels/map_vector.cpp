// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The containers that C++ programs are made of: std::map, std::unordered_map, std::vector of std::string, std::sort.
#include "kernels.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

std::uint64_t ordered(std::uint32_t random) {
  std::map<std::uint32_t, std::uint32_t> counts;
  for (int i = 0; i < 250; ++i)
    ++counts[kernel_random(&random) % 500];
  std::uint64_t sum = 0;
  for (const auto &[key, count] : counts)
    sum += std::uint64_t{key} * count;
  for (std::uint32_t key = 0; key < 500; ++key)
    if (auto at = counts.find(key); at != counts.end())
      sum ^= at->second + key;
  return sum;
}

std::uint64_t words(std::uint32_t random) {
  std::vector<std::string> all;
  std::unordered_map<std::string, std::uint32_t> counts;
  for (int i = 0; i < 120; ++i) {
    std::string word = "word number " + std::to_string(kernel_random(&random) % 60);
    ++counts[word];
    all.push_back(std::move(word));
  }
  std::sort(all.begin(), all.end());
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < all.size(); ++i)
    sum += i * counts[all[i]] * all[i].size();
  return sum;
}

} // namespace

uint64_t kernel_map_vector(uint64_t rounds) {
  std::uint64_t sum = 0;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    auto random = static_cast<std::uint32_t>(round % 100 + 7);
    sum = kernel_mix(sum, ordered(random) + words(random));
  }
  return sum;
}
