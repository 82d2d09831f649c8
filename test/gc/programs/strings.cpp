// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Strings as arrays without references, arrays of references to them: sorted, swapped, moved as blocks, held by std::vector with the
// collector's allocator, by pairs, tuples and optionals.
#include "program.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace {

using text = gc::array<char>;

text make_text(std::string_view s) {
  const text t = gc::make_array<char>(s.size());
  std::copy(s.begin(), s.end(), t.begin());
  return t;
}

std::string_view view(const text &t) { return {t.data(), t.size()}; }

text join(const text &a, const text &b) {
  const text t = gc::make_array<char>(a.size() + b.size());
  std::copy(a.begin(), a.end(), t.begin());
  std::copy(b.begin(), b.end(), t.begin() + a.size());
  return t;
}

text number(std::uint64_t n) { return make_text(std::to_string(n)); }

std::pair<text, text> halves(const text &t) {
  const std::size_t half = t.size() / 2;
  return {make_text(view(t).substr(0, half)), make_text(view(t).substr(half))};
}

std::optional<text> longer_than(const text &t, std::size_t length) { return t.size() > length ? std::optional<text>(t) : std::nullopt; }

std::tuple<text, int, text> three(const text &t) {
  auto [a, b] = halves(t);
  return {b, static_cast<int>(t.size()), a};
}

void sorting(unsigned count) {
  using texts = std::vector<text, gc::allocator<text>>;
  texts words;
  std::vector<std::string> expected;
  random_numbers random(17);
  for (unsigned i = 0; i < count; ++i) {
    const std::uint64_t n = random.below(100000);
    words.push_back(join(number(n), make_text("-word")));
    expected.push_back(std::to_string(n) + "-word");
  }
  const auto less = [](const text &a, const text &b) { return view(a) < view(b); };
  std::sort(words.begin(), words.end(), less);
  std::sort(expected.begin(), expected.end());
  std::rotate(words.begin(), words.begin() + count / 3, words.end());
  std::rotate(expected.begin(), expected.begin() + count / 3, expected.end());
  std::reverse(words.begin(), words.end());
  std::reverse(expected.begin(), expected.end());
  words.insert(words.begin() + 3, make_text("inserted"));
  expected.insert(expected.begin() + 3, "inserted");
  words.erase(words.begin() + 5);
  expected.erase(expected.begin() + 5);
  CHECK(words.size() == expected.size());
  for (std::size_t i = 0; i < words.size(); ++i)
    CHECK(view(words[i]) == expected[i]);
}

void pieces(unsigned count) {
  for (unsigned i = 1; i < count; ++i) {
    const text t = join(number(i * 7919), number(i));
    const std::string expected = std::to_string(i * 7919) + std::to_string(i);
    auto [a, b] = halves(t);
    CHECK(std::string(view(a)) + std::string(view(b)) == expected);
    const auto [second, size, first] = three(t);
    CHECK(static_cast<std::size_t>(size) == expected.size());
    CHECK(std::string(view(first)) + std::string(view(second)) == expected);
    const std::optional<text> found = longer_than(t, 5);
    CHECK(found.has_value() == (expected.size() > 5));
    CHECK(!found || view(*found) == expected);
    std::swap(a, b);
    CHECK(std::string(view(b)) + std::string(view(a)) == expected);
  }
}

void body(unsigned scale) {
  sorting(100 * scale);
  pieces(100 * scale);
}

} // namespace

int main(int argc, char **argv) { return run_program("strings", argc, argv, body); }
