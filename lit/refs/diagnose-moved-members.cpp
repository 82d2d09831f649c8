// Raw pointers of several turns of a loop in an array whose size is known at run time only: nothing can keep their objects.
// RUN: not %sp-clangxx -std=c++20 -O1 -I%include -c %s -o /dev/null 2>&1 | FileCheck %s
// RUN: not %sp-clangxx -std=c++20 -O0 -g -I%include -c %s -o /dev/null 2>&1 | FileCheck %s --check-prefixes=CHECK,PLACE
// RUN: %sp-clangxx -std=c++20 -O1 -I%include -DGOOD -c %s -o /dev/null
#include <stillpoint/gc.hpp>
namespace gc = stillpoint::gc;
struct node {
  long value;
};
gc::ref<node> make(long);
void look(node **, long);

#ifndef GOOD
// PLACE: .cpp:[[@LINE+5]]:{{.*}}error: raw
// CHECK: error: {{.*}}raw pointers into collected objects are moved about in an array of variable size, where nothing keeps the objects alive; make its size constant, or use a gc::array of gc::ref
void variable(long size) {
  node *nodes[size];
  for (long i = 0; i < size; ++i)
    nodes[i] = make(i).get();
  look(nodes, size);
}
#endif

void constant(long size) {
  node *nodes[20];
  for (long i = 0; i < size; ++i)
    nodes[i] = make(i).get();
  look(nodes, size);
}

// Text is no array of pointers, whatever is called with it; and one object in all turns is held as it is.
void parse(char *, node *);
void text(long size) {
  char buffer[size];
  node *same[size];
  gc::ref<node> first = make(0);
  for (long i = 0; i < size; ++i) {
    parse(buffer, make(i).get());
    same[i] = first.get();
  }
  look(same, size);
}
