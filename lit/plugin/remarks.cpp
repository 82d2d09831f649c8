// Why points are unsafe or pinned, and why references are kept, as LLVM's remarks: shown by the plugin's option or by Clang's, written down by Clang's.
// RUN: %sp-clangxx -std=c++20 -O2 -I %include -fplugin-arg-stillpoint-remarks -c %s -o %t.o 2>&1 | FileCheck %s --check-prefix=SHOWN
// RUN: %sp-clangxx -std=c++20 -O2 -I %include -Rpass-analysis=stillpoint -c %s -o %t.r.o 2>&1 | FileCheck %s --check-prefix=SHOWN
// RUN: %sp-clangxx -std=c++20 -O2 -I %include -fsave-optimization-record -foptimization-record-passes=stillpoint -foptimization-record-file=%t.yaml -c %s -o %t.y.o 2>&1 | count 0
// RUN: FileCheck %s --check-prefix=YAML < %t.yaml
// Nobody asks, nobody is told; and who is told gets the same object.
// RUN: %sp-clangxx -std=c++20 -O2 -I %include -c %s -o %t.plain.o 2>&1 | count 0
// RUN: cmp %t.plain.o %t.o
// Another pattern is left alone.
// RUN: %sp-clangxx -std=c++20 -O2 -I %include -fplugin-arg-stillpoint-remarks -Rpass-analysis=nothing -c %s -o /dev/null 2>&1 | count 0
#include <stillpoint/gc.hpp>
#include <cerrno>

extern "C" int assembly(int n) {
// SHOWN-DAG: {{.*}}remarks.cpp:[[#@LINE+1]]:3: remark: 1 point is unsafe by the rule 'inline-asm' [-Rpass-analysis=stillpoint]
  asm volatile("incl %0\n\tincl %0" : "+r"(n));
  return n;
}

// SHOWN-DAG: {{.*}}remarks.cpp:[[#@LINE+1]]:{{[0-9]+}}: remark: 1 point is unsafe by the rule 'nosplit' [-Rpass-analysis=stillpoint]
extern "C" [[stillpoint::nosplit]] int whole(int n) { return n * n + 1; }

extern "C" int thread_local_address(int n) {
// SHOWN-DAG: {{.*}}remarks.cpp:[[#@LINE+1]]:{{[0-9]+}}: remark: {{.*}} pinned by the rule 'thread-local-address' [-Rpass-analysis=stillpoint]
  int *where = &errno;
  for (int i = 0; i < n; ++i)
    *where += i;
  return *where;
}

struct node {
  int values[4];
};
void use(int *);
extern "C" int kept(stillpoint::gc::ref<node> n) {
  int *inside = n->values;
// SHOWN-DAG: {{.*}}remarks.cpp:[[#@LINE+1]]:3: remark: a reference is kept up to here: a raw pointer into its object is used after its own last use [-Rpass-analysis=stillpoint]
  use(inside);
  return 1;
}

// YAML:      --- !Analysis
// YAML:      Pass:            stillpoint
// YAML-NEXT: Name:            KeptBase
// YAML:      Function:        kept
// YAML:      Name:            UnsafePoints
// YAML-NEXT: DebugLoc:        { File: {{.*}}remarks.cpp
// YAML-NEXT: Function:        assembly
// YAML-NEXT: Args:
// YAML-NEXT:   - Points:          '1'
// YAML:        - Rule:            inline-asm
// YAML:      Name:            PinnedPoints
// YAML:        - Rule:            thread-local-address
