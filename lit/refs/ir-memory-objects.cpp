// What Clang and the optimizer make of references in objects: no copy as integers or vectors is left, whatever the level.
// RUN: %clangxx -fpass-plugin=%passes -std=c++20 -O0 -S -emit-llvm %s -o - | opt -load-pass-plugin=%passes -passes=stillpoint-unguard,stillpoint-split,stillpoint-stack-roots -S -o %t.O0.ll
// RUN: FileCheck %s < %t.O0.ll
// RUN: %clangxx -fpass-plugin=%passes -std=c++20 -O3 -mavx2 -S -emit-llvm %s -o - | opt -load-pass-plugin=%passes -passes=stillpoint-unguard,stillpoint-split,stillpoint-stack-roots -S -o %t.O3.ll
// RUN: FileCheck %s --check-prefixes=CHECK,O3 < %t.O3.ll
// RUN: %clangxx -fpass-plugin=%passes -std=c++20 -O0 -c %s -o %t.o && %clangxx -fpass-plugin=%passes -std=c++20 -O3 -mavx2 -fPIC -c %s -o %t.o
#include <array>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>

struct Node;
using Raw = Node __attribute__((address_space(1))) *;
struct [[clang::trivial_abi]] Ref {
  Raw P = nullptr;
  Ref() = default;
  Ref(const Ref &O) : P(O.P) {}
  Ref &operator=(const Ref &O) {
    P = O.P;
    return *this;
  }
};
struct Node {
  Ref Left, Right;
  long Value;
};
void use(void *);

// CHECK-NOT: <{{[0-9]+}} x ptr addrspace(1)>

// CHECK-LABEL: define {{.*}}@swap_children(
// O3: load ptr addrspace(1)
// O3: load ptr addrspace(1)
// O3-NOT: load
// O3: ret void
extern "C" void swap_children(Node *N) { std::swap(N->Left, N->Right); }

// CHECK-LABEL: define {{.*}}@copy_all(
// O3: load ptr addrspace(1)
// O3-NOT: memcpy
// O3-NOT: memmove
// O3: ret void
extern "C" void copy_all(Ref *__restrict To, const Ref *__restrict From, unsigned N) {
  for (unsigned I = 0; I != N; ++I)
    To[I] = From[I];
}

// CHECK-LABEL: define {{.*}}@clear_all(
// O3: store ptr addrspace(1) null
// O3: ret void
extern "C" void clear_all(Ref *To, unsigned N) {
  for (unsigned I = 0; I != N; ++I)
    To[I] = Ref();
}

// CHECK-LABEL: define {{.*}}@in_variant(
// CHECK: alloca %"class.std::variant"{{.*}} !stillpoint.roots
// CHECK: ret void
extern "C" void in_variant(Ref R) {
  std::variant<long, Ref> V;
  V = R;
  use(&V);
}

// CHECK-LABEL: define {{.*}}@in_tuple(
// CHECK-DAG: alloca %"class.std::tuple"{{.*}} !stillpoint.roots
// CHECK-DAG: alloca %"class.std::optional"{{.*}} !stillpoint.roots
// CHECK-DAG: alloca %"struct.std::pair"{{.*}} !stillpoint.roots
// CHECK: ret void
extern "C" void in_tuple(Ref R) {
  std::tuple<int, Ref> T(1, R);
  std::optional<Ref> O(R);
  std::pair<Ref, long> P(R, 2);
  use(&T);
  use(&O);
  use(&P);
}

// Not promoted: the index is a variable.
// CHECK-LABEL: define {{.*}}@in_array(
// CHECK: alloca {{.*}} !stillpoint.roots
extern "C" Raw in_array(Ref A, Ref B, unsigned I) {
  std::array<Ref, 4> All;
  All[0] = A;
  All[3] = B;
  return All[I & 3].P;
}

struct Copied {
  Raw A, B, C;
  long Number;
};
// CHECK-LABEL: define {{.*}}@in_copies(
// O3: load ptr addrspace(1)
// O3: load ptr addrspace(1)
// O3: load ptr addrspace(1)
// CHECK-NOT: memcpy{{.*}}i64 32,
// CHECK: ret void
extern "C" void in_copies(Copied *To, Copied *From) {
  Copied Between = *From;
  use(&Between);
  *To = Between;
}
