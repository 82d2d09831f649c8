// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A large C++ file, for compile time and table size: much of libstdc++ (regex, ranges, maps, streams, formatting by streams, algorithms,
// threads) instantiated over several types, with the exceptions, cleanups and inlining that come with it. Compiled, never run.
#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <iomanip>
#include <iostream>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <queue>
#include <random>
#include <ranges>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

namespace library_heavy {

struct record {
  std::string name;
  std::vector<double> values;
  std::optional<std::uint64_t> parent;
  auto operator<=>(const record &) const = default;
};

// Everything that a container of numbers can be asked, over several element types.
template <class T>
class series {
public:
  void add(T value) { values_.push_back(value); }
  void load(std::istream &from) {
    std::string line;
    while (std::getline(from, line)) {
      std::istringstream fields(line);
      T value;
      while (fields >> value)
        add(value);
    }
  }
  [[nodiscard]] std::map<T, std::size_t> histogram() const {
    std::map<T, std::size_t> counts;
    for (T value : values_)
      ++counts[value];
    return counts;
  }
  [[nodiscard]] std::vector<T> distinct() const {
    std::vector<T> all(values_.begin(), values_.end());
    std::ranges::sort(all);
    auto rest = std::ranges::unique(all);
    all.erase(rest.begin(), rest.end());
    return all;
  }
  [[nodiscard]] T median() const {
    if (values_.empty())
      throw std::out_of_range("the median of nothing");
    std::vector<T> all(values_.begin(), values_.end());
    std::nth_element(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2), all.end());
    return all[all.size() / 2];
  }
  [[nodiscard]] auto large(T limit) const {
    return values_ | std::views::filter([limit](T v) { return v > limit; }) | std::views::transform([](T v) { return v * 2; });
  }
  void shuffle(unsigned seed) {
    std::mt19937_64 engine(seed);
    std::shuffle(values_.begin(), values_.end(), engine);
    std::sort(values_.begin(), values_.begin() + static_cast<std::ptrdiff_t>(values_.size() / 2), std::greater<>());
  }
  friend std::ostream &operator<<(std::ostream &to, const series &all) {
    to << std::setprecision(6) << '[';
    for (std::size_t i = 0; i < all.values_.size(); ++i)
      to << (i ? ", " : "") << all.values_[i];
    return to << ']';
  }

private:
  std::deque<T> values_;
};

template class series<int>;
template class series<double>;

// Trees and tables with owners, over several key types.
template <class Key>
class index {
public:
  struct node {
    Key key;
    std::shared_ptr<node> next;
    std::unique_ptr<record> payload;
  };
  void insert(Key key, record value) {
    auto made = std::make_shared<node>(node{key, nullptr, std::make_unique<record>(std::move(value))});
    auto [at, fresh] = heads_.try_emplace(key, made);
    if (!fresh) {
      made->next = at->second;
      at->second = made;
    }
    order_.insert(key);
  }
  [[nodiscard]] std::optional<record> find(const Key &key) const {
    auto at = heads_.find(key);
    return at == heads_.end() ? std::nullopt : std::optional<record>(*at->second->payload);
  }
  void visit(const std::function<void(const Key &, const record &)> &visitor) const {
    for (const Key &key : order_)
      for (auto at = heads_.at(key); at; at = at->next)
        visitor(key, *at->payload);
  }
  [[nodiscard]] std::vector<record> sorted() const {
    std::vector<record> all;
    visit([&](const Key &, const record &r) { all.push_back(r); });
    std::ranges::sort(all);
    return all;
  }

private:
  std::unordered_map<Key, std::shared_ptr<node>> heads_;
  std::set<Key> order_;
};

template class index<int>;
template class index<std::string>;

using value = std::variant<std::monostate, bool, std::int64_t, double, std::string, std::vector<record>>;

std::string show(const value &any) {
  struct printer {
    std::string operator()(std::monostate) const { return "nothing"; }
    std::string operator()(bool b) const { return b ? "true" : "false"; }
    std::string operator()(std::int64_t i) const { return std::to_string(i); }
    std::string operator()(double d) const { return (std::ostringstream() << std::scientific << d).str(); }
    std::string operator()(const std::string &s) const { return '"' + s + '"'; }
    std::string operator()(const std::vector<record> &all) const {
      return std::accumulate(all.begin(), all.end(), std::string(), [](std::string sum, const record &r) { return sum + r.name + ' '; });
    }
  };
  return std::visit(printer(), any);
}

std::vector<std::tuple<std::string, int, double>> parse(const std::string &text) {
  static const std::regex line(R"(^\s*([A-Za-z_]\w*)\s*=\s*(-?\d+)\s*(?:;\s*(\d+\.\d*)([eE][+-]?\d+)?)?\s*$)");
  std::vector<std::tuple<std::string, int, double>> rows;
  std::istringstream from(text);
  for (std::string one; std::getline(from, one);) {
    std::smatch match;
    if (std::regex_match(one, match, line))
      rows.emplace_back(match[1], std::stoi(match[2]), match[3].matched ? std::stod(match[3].str() + match[4].str()) : 0.0);
  }
  return rows;
}

double shortest(const std::vector<std::vector<std::pair<std::size_t, double>>> &edges, std::size_t from, std::size_t to) {
  using entry = std::pair<double, std::size_t>;
  std::priority_queue<entry, std::vector<entry>, std::greater<>> open;
  std::vector<double> best(edges.size(), 1e300);
  open.emplace(best[from] = 0, from);
  while (!open.empty()) {
    auto [cost, at] = open.top();
    open.pop();
    if (at == to)
      return cost;
    for (auto [next, length] : edges.at(at))
      if (cost + length < best[next])
        open.emplace(best[next] = cost + length, next);
  }
  throw std::runtime_error("no way");
}

std::uint64_t in_parallel(const std::vector<std::uint64_t> &all) {
  std::list<std::future<std::uint64_t>> parts;
  for (std::size_t at = 0; at < all.size(); at += 1000)
    parts.push_back(std::async(std::launch::async, [&all, at] {
      auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), at + 1000));
      return std::accumulate(all.begin() + static_cast<std::ptrdiff_t>(at), end, std::uint64_t{0});
    }));
  std::uint64_t sum = 0;
  for (auto &part : parts)
    sum += part.get();
  return sum;
}

} // namespace library_heavy
