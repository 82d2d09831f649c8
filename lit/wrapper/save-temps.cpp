// Preprocessed first, then compiled: the headers know that the plugin is there, and a closure's references are roots.
// REQUIRES: runtime
// RUN: rm -rf %t && mkdir %t && cd %t
// RUN: %stillpoint-clangxx -std=c++20 -O1 -save-temps %s -o program
// RUN: env STILLPOINT_PROCS=1 STILLPOINT_DEBUG=gcstress=alloc ./program | FileCheck %s
#include <stillpoint/stillpoint.hpp>

#include <cstdio>

namespace gc = stillpoint::gc;
struct node {
  int value = 0;
};

int main() {
  return stillpoint::run([] {
    stillpoint::wait_group done;
    for (int i = 0; i != 10; ++i) {
      gc::ref<node> n = gc::make<node>();
      n->value = i;
      done.add();
      stillpoint::go([n, i, &done] { // waits in a closure while the others are made, and what nobody names is poisoned
        std::printf(n->value == i ? "right\n" : "wrong\n");
        done.done();
      });
    }
    done.wait();
    return 0;
  });
}
// CHECK-COUNT-10: right
