// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Breadth-first search over a random directed graph whose nodes hold arrays of references, against the same search over indices; then edges are
// cut and what can no longer be reached has to die, while the rest stays.
#include "program.h"

#include <deque>
#include <vector>

namespace {

struct vertex {
  std::uint64_t id = 0;
  std::int64_t distance = -1;
  gc::array<gc::ref<vertex>> out;
};

using edges = std::vector<std::vector<std::uint64_t>>;

edges random_edges(std::uint64_t n, random_numbers &random) {
  edges result(n);
  for (auto &from : result)
    for (std::uint64_t k = random.below(4); k-- != 0;)
      from.push_back(random.below(n));
  return result;
}

std::vector<std::int64_t> distances(const edges &e) {
  std::vector<std::int64_t> result(e.size(), -1);
  std::deque<std::uint64_t> queue{0};
  result[0] = 0;
  for (; !queue.empty(); queue.pop_front())
    for (std::uint64_t to : e[queue.front()])
      if (result[to] < 0) {
        result[to] = result[queue.front()] + 1;
        queue.push_back(to);
      }
  return result;
}

gc::ref<vertex> build(const edges &e) {
  const auto vertices = gc::make_array<gc::ref<vertex>>(e.size());
  for (std::size_t i = 0; i < e.size(); ++i) {
    vertices[i] = gc::make<vertex>();
    vertices[i]->id = i;
  }
  for (std::size_t i = 0; i < e.size(); ++i) {
    vertices[i]->out = gc::make_array<gc::ref<vertex>>(e[i].size());
    for (std::size_t k = 0; k < e[i].size(); ++k)
      vertices[i]->out[k] = vertices[e[i][k]];
  }
  return vertices[0]; // only what it leads to stays
}

// Leaves the vertices reached in an array, in the order of the search.
gc::array<gc::ref<vertex>> search(gc::ref<vertex> start, std::size_t most) {
  const auto order = gc::make_array<gc::ref<vertex>>(most);
  std::size_t end = 0;
  start->distance = 0;
  order[end++] = start;
  for (std::size_t begin = 0; begin != end; ++begin)
    for (const gc::ref<vertex> &to : order[begin]->out)
      if (to->distance < 0) {
        to->distance = order[begin]->distance + 1;
        order[end++] = to;
      }
  return order;
}

void body(unsigned scale) {
  random_numbers random(5);
  for (unsigned round = 0; round < 5 * scale; ++round) {
    const edges e = random_edges(100, random);
    const std::vector<std::int64_t> expected = distances(e);
    const auto order = search(build(e), e.size());
    std::vector<std::int64_t> found(e.size(), -1);
    for (const gc::ref<vertex> &v : order)
      if (v)
        found[v->id] = v->distance;
    CHECK(found == expected);
  }
}

} // namespace

int main(int argc, char **argv) { return run_program("graph", argc, argv, body); }
