// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The programs of trees.h with new and delete.
#include "main.h"
#include "threads.h"

#include <memory>

namespace {

unsigned threads = 1;

struct freed {
  using game_node = bench::plain_nodes::game_node;
  using gcbench_node = bench::plain_nodes::gcbench_node;
  template <class T>
  using pointer = T *;

  template <class T, class... Args>
  static T *make(const Args &...args) {
    return new T{args...};
  }
  template <class T>
  static void drop(T *tree) {
    if (tree->left) {
      drop(tree->left);
      drop(tree->right);
    }
    delete tree;
  }
  static double *numbers(std::size_t count) { return new double[count](); }
  static void drop_numbers(double *numbers) { delete[] numbers; }

  template <class Piece>
  static void in_parallel(unsigned count, const Piece &piece) {
    bench::share_out(threads, count, piece, [](const auto &body) { body(); });
  }
};

} // namespace

int main(int argc, char **argv) {
  const bench::arguments a = bench::read_arguments(argc, argv);
  threads = a.processors;
  if (a.spin)
    std::thread(bench::spin_for_ever).detach();
  bench::measure<freed>(a);
  std::fflush(stdout);
  std::_Exit(0); // the loop goes on
}
