// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A persistent red-black tree (Okasaki, "Red-black trees in a functional setting", 1999): an insertion makes a new path and shares the rest, so
// every old version stays whole. Checked: the tree's invariants, and that each version has exactly the keys inserted before it.
#include "program.h"

#include <set>
#include <vector>

namespace {

enum class color : std::uint8_t { red, black };

struct node;
using tree = gc::ref<const node>;

struct node {
  color c;
  tree left;
  std::uint64_t key;
  tree right;
};

tree make(color c, tree left, std::uint64_t key, tree right) { return gc::make<const node>(c, left, key, right); }
bool red(tree t) { return t && t->c == color::red; }

tree rebuild(tree a, std::uint64_t x, tree b, std::uint64_t y, tree c, std::uint64_t z, tree d) {
  return make(color::red, make(color::black, a, x, b), y, make(color::black, c, z, d));
}

tree balance(color c, tree l, std::uint64_t key, tree r) {
  if (c == color::black) {
    if (red(l) && red(l->left))
      return rebuild(l->left->left, l->left->key, l->left->right, l->key, l->right, key, r);
    if (red(l) && red(l->right))
      return rebuild(l->left, l->key, l->right->left, l->right->key, l->right->right, key, r);
    if (red(r) && red(r->left))
      return rebuild(l, key, r->left->left, r->left->key, r->left->right, r->key, r->right);
    if (red(r) && red(r->right))
      return rebuild(l, key, r->left, r->key, r->right->left, r->right->key, r->right->right);
  }
  return make(c, l, key, r);
}

tree insert_below(tree t, std::uint64_t key) {
  if (!t)
    return make(color::red, nullptr, key, nullptr);
  if (key < t->key)
    return balance(t->c, insert_below(t->left, key), t->key, t->right);
  if (key > t->key)
    return balance(t->c, t->left, t->key, insert_below(t->right, key));
  return t;
}

tree insert(tree t, std::uint64_t key) {
  const tree grown = insert_below(t, key);
  return red(grown) ? make(color::black, grown->left, grown->key, grown->right) : grown;
}

// The black height; -1 if an invariant is broken. Appends the keys in order.
int verify(tree t, std::vector<std::uint64_t> &keys) {
  if (!t)
    return 1;
  const int left = verify(t->left, keys);
  keys.push_back(t->key);
  const int right = verify(t->right, keys);
  if (left < 0 || left != right || (red(t) && (red(t->left) || red(t->right))))
    return -1;
  return left + (t->c == color::black);
}

void body(unsigned scale) {
  const unsigned count = 120 * scale;
  const gc::array<tree> versions = gc::make_array<tree>(count + 1);
  std::vector<std::uint64_t> inserted;
  random_numbers random(7);
  for (unsigned i = 0; i < count; ++i) {
    inserted.push_back(random.below(count));
    versions[i + 1] = insert(versions[i], inserted.back());
  }
  for (unsigned i = 0; i <= count; i += 7) {
    const std::set<std::uint64_t> expected(inserted.begin(), inserted.begin() + i);
    std::vector<std::uint64_t> keys;
    CHECK(verify(versions[i], keys) > 0);
    CHECK(keys == std::vector<std::uint64_t>(expected.begin(), expected.end()));
  }
}

} // namespace

int main(int argc, char **argv) { return run_program("red_black", argc, argv, body); }
