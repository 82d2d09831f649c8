// References stay typed through the optimizer, however they are copied: no integers, no untyped copies of memory, in our own classes and in
// the standard library's. (Vectors of references are the passes' business.)
// DEFINE: %{not} = --implicit-check-not="ptrtoint ptr addrspace(1)" --implicit-check-not="inttoptr {{.*}} to ptr addrspace(1)"
// RUN: %sp-clangxx -std=c++20 -O2 -I%include -S -emit-llvm -o %t.2.ll %s
// RUN: FileCheck %s %{not} < %t.2.ll
// RUN: %sp-clangxx -std=c++20 -O3 -march=x86-64-v3 -I%include -S -emit-llvm -o %t.3.ll %s
// RUN: FileCheck %s %{not} < %t.3.ll
// RUN: %sp-clangxx -std=c++20 -O0 -I%include -S -emit-llvm -o - %s | FileCheck %s %{not}
// RUN: %sp-clangxx -std=c++20 -O2 -fno-exceptions -I%include -c -o %t.o %s
#include <stillpoint/gc.hpp>

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <tuple>
#include <variant>
#include <vector>

namespace gc = stillpoint::gc;
struct Node { gc::ref<Node> Next; int Value; virtual ~Node() = default; };
struct Left : Node { gc::ref<Node> L; };
struct Both : virtual Left { int More; };
using R = gc::ref<Node>;
template <class T> using Vector = std::vector<T, gc::allocator<T>>;
struct Two { R A, B; };

// In and out of functions by register.
// CHECK-LABEL: define {{.*}}ptr addrspace(1) @_Z4nextN10stillpoint2gc3refI4NodeEE(ptr addrspace(1) {{.*}})
R next(R A) { return A->Next; }
// CHECK-LABEL: define {{.*}}ptr addrspace(1) @_Z2upN10stillpoint2gc3refI4BothEE(ptr addrspace(1) {{.*}})
R up(gc::ref<Both> A) { return A; }
// CHECK-LABEL: define {{.*}}ptr addrspace(1) @_Z4downN10stillpoint2gc3refI4NodeEE(ptr addrspace(1) {{.*}})
gc::ref<Left> down(R A) { return gc::static_pointer_cast<Left>(A); }
// CHECK-LABEL: define {{.*}}ptr addrspace(1) @_Z7elementN10stillpoint2gc5arrayINS0_3refI4NodeEEEEj(ptr addrspace(1) {{.*}}, i32 {{.*}})
R element(gc::array<R> A, unsigned I) { return A.at(I); }
// CHECK-LABEL: define {{.*}}ptr addrspace(1) @_Z8weakenedN10stillpoint2gc4weakI4NodeEE(ptr addrspace(1) {{.*}})
R weakened(gc::weak<Node> A) { return A.lock(); }

// CHECK-LABEL: define {{.*}} @_Z16atomicOperations
// CHECK: load atomic ptr addrspace(1), ptr %{{.*}} seq_cst
// CHECK: store atomic ptr addrspace(1) %{{.*}}, ptr %{{.*}} release
// CHECK: atomicrmw xchg ptr %{{.*}}, ptr addrspace(1) %{{.*}} seq_cst
// CHECK: cmpxchg ptr %{{.*}}, ptr addrspace(1) %{{.*}}, ptr addrspace(1) %{{.*}} seq_cst
R atomicOperations(gc::atomic<R> &A, R B) {
  R C = A.load(std::memory_order_acquire);
  A.store(B, std::memory_order_release);
  A = B;
  A.compare_exchange_strong(C, B);
  return C;
}

// CHECK-LABEL: define {{.*}} @_Z5pairs
std::pair<R, R> pairs(R A, R B) { return {B, A}; }
Two twos(R A, R B) { return {B, A}; }
void swaps(R &A, R &B, Two &C, Two &D) { std::swap(A, B), std::swap(C, D); }
std::tuple<R, long, R> tuples(R A, R B) { return {B, 3, A}; }
std::optional<R> optionals(R A) { return A ? std::optional(A->Next) : std::nullopt; }
using Variant = std::variant<R, gc::ref<int>>;
Variant variants(const Variant &V) { return V.index() ? V : Variant(gc::ref_to(&std::get<0>(V)->Value)); }
auto lambdas(R A, R B) { return [A, B] { return A->Value + B->Value; }; }
Vector<R> vectors(unsigned N, R A) {
  Vector<R> V(N);
  V.push_back(A);
  V.insert(V.begin(), A);
  std::sort(V.begin(), V.end(), [](R L, R H) { return L->Value < H->Value; });
  return V;
}
void deques(std::deque<R, gc::allocator<R>> &D, R A) { D.push_back(A), D.push_front(A), D.insert(D.begin() + 3, A), D.pop_back(); }
void maps(std::map<R, Two, std::less<R>, gc::rooted_allocator<std::pair<const R, Two>>> &M, R A) { M[A].A = A, M.erase(A); }
void arrays(gc::array<R> A) {
  std::sort(A.begin(), A.end(), [](R L, R H) { return L->Value < H->Value; });
  std::rotate(A.begin(), A.begin() + 3, A.end());
  std::reverse(A.begin(), A.end());
  std::copy(A.begin(), A.begin() + 4, A.begin() + 5);
  std::fill(A.begin(), A.end(), nullptr);
}
