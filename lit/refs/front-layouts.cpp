// Where the layouts say that references are, for every way in which an object can hold one. The fields: version, size, alignment, number of
// references, their offsets, a bit for each word, destructor, name.
// DEFINE: %{not} = --implicit-check-not=layout_ofI6Unused --implicit-check-not=need_the_compiler_plugin
// RUN: %sp-clangxx -std=c++20 -O0 -I%include -S -emit-llvm -o %t.ll %s
// RUN: FileCheck %s %{not} < %t.ll
// RUN: %sp-clangxx -std=c++20 -O2 -I%include -S -emit-llvm -o - %s | FileCheck %s %{not}
// RUN: %sp-clangxx -std=c++20 -O2 -flto -I%include -c -o %t.bc %s
// RUN: llvm-dis < %t.bc | FileCheck %s %{not}
// As -save-temps does it: no pipeline before the bitcode is written.
// RUN: %sp-clangxx -std=c++20 -O2 -Xclang -disable-llvm-passes -I%include -c -emit-llvm -o %t.raw.bc %s
// RUN: llvm-dis < %t.raw.bc | FileCheck %s %{not}
#include <stillpoint/gc.hpp>

#include <array>
#include <memory>
#include <optional>
#include <tuple>
#include <variant>
#include <vector>

namespace gc = stillpoint::gc;
using R = gc::ref<int>;

void take(stillpoint::abi::layout &);
template <class T> void use() { take(gc::detail::layout_of<T>::value); }
#define USE(Type) template void use<Type>();

// CHECK-DAG: layout_ofIiE5valueE = linkonce_odr hidden global {{.*}} { i32 1, i32 4, i32 4, i32 0, ptr null, i64 0, ptr null, ptr @[[INT:.*]], [2 x i64] zeroinitializer }, comdat
// CHECK-DAG: @[[INT]] = {{.*}} c"int\00"
USE(int)

struct Plain { char C; R A; long N; gc::ref<const Plain> B; };
// CHECK-DAG: layout_ofI5PlainE5valueE = {{.*}} { i32 1, i32 32, i32 8, i32 2, ptr @[[PLAIN:[^,]*]], i64 10, ptr null,
// CHECK-DAG: @[[PLAIN]] = internal constant [2 x i32] [i32 8, i32 24]
USE(Plain)

// Members that are not gc::ref: anything with a pointer in address space 1.
struct Kinds { gc::array<char> A; gc::weak<int> W; gc::atomic<R> X; int __attribute__((address_space(1))) * P; int __attribute__((address_space(1))) & L; int *Raw; int &RawL; void (*F)(); int Kinds::*M; };
// CHECK-DAG: layout_ofI5KindsE5valueE = {{.*}} { i32 1, i32 72, i32 8, i32 5, {{.*}}, i64 31, ptr null,
USE(Kinds)

struct Base { long A; R B; };
struct Other { R C; virtual ~Other(); };
struct Derived : Base, Other { R D; };
// CHECK-DAG: layout_ofI7DerivedE5valueE = {{.*}} { i32 1, i32 40, i32 8, i32 3, {{.*}}, i64 26, ptr @{{[^,]*}}destroyI7DerivedE
USE(Derived)

struct Virtual { R V; virtual void f(); };
struct Left : virtual Virtual { R L; };
struct Right : virtual Virtual { R M; long N; };
struct Diamond : Left, Right { R D; };
// vptr L | vptr M N | D | vptr V: the shared base is named once, where the most derived class has it.
// CHECK-DAG: layout_ofI7DiamondE5valueE = {{.*}} { i32 1, i32 64, i32 8, i32 4, {{.*}}, i64 170, ptr null,
USE(Diamond)

struct Empty {};
struct Overlapping : Empty { [[no_unique_address]] Empty E; R A; [[no_unique_address]] Base B; [[no_unique_address]] Empty F; };
// CHECK-DAG: layout_ofI11OverlappingE5valueE = {{.*}} { i32 1, i32 32, i32 8, i32 2, {{.*}}, i64 5, ptr null,
USE(Overlapping)

struct Bits { unsigned A : 3; unsigned : 0; unsigned long B : 40; R C; struct { int X; R Y; }; union { R Z; gc::ref<long> Q; }; };
// CHECK-DAG: layout_ofI4BitsE5valueE = {{.*}} { i32 1, i32 48, i32 8, i32 3, {{.*}}, i64 52, ptr null,
USE(Bits)

struct Arrays { Plain P[2]; R A[2][2]; std::array<R, 1> S; R Z[0]; };
// CHECK-DAG: layout_ofI6ArraysE5valueE = {{.*}} { i32 1, i32 104, i32 8, i32 9, {{.*}}, i64 8106, ptr null,
USE(Arrays)

// Beyond 64 words there is only the list.
struct Far { char Bytes[512]; R A; };
// CHECK-DAG: layout_ofI3FarE5valueE = {{.*}} { i32 1, i32 520, i32 8, i32 1, ptr @[[FAR:[^,]*]], i64 0, ptr null,
// CHECK-DAG: @[[FAR]] = internal constant [1 x i32] [i32 512]
USE(Far)

struct Standard { std::pair<int, R> P; std::tuple<R, char> T; std::optional<R> O; std::variant<std::monostate, R, gc::ref<Plain>> V; std::unique_ptr<int> U; };
// pair: int R | tuple (last first): char R | optional: R flag | variant: R index | pointer
// CHECK-DAG: layout_ofI8StandardE5valueE = {{.*}} { i32 1, i32 72, i32 8, i32 4, {{.*}}, i64 90, ptr @{{.*}}destroyI8Standard
USE(Standard)

// An alternative that leaves the reference's word alone: nothing, an empty class, or another part of the union.
union Sparse { Empty E; R A; struct { gc::ref<long> B; long N; } S; };
// CHECK-DAG: layout_ofI6SparseE5valueE = {{.*}} { i32 1, i32 16, i32 8, i32 1, {{.*}}, i64 1, ptr null,
USE(Sparse)

// Containers: what vector and deque store are references; a node's value is in bytes.
using Vector = std::vector<R, gc::allocator<R>>;
struct Holder { Vector V; };
// CHECK-DAG: layout_ofI6HolderE5valueE = {{.*}} { i32 1, i32 24, i32 8, i32 3, {{.*}}, i64 7, ptr @
USE(Holder)
struct Node { void *Next; __gnu_cxx::__aligned_membuf<std::pair<int, R>> Value; __gnu_cxx::__aligned_buffer<R> Second; };
// CHECK-DAG: layout_ofI4NodeE5valueE = {{.*}} { i32 1, i32 32, i32 8, i32 2, {{.*}}, i64 12, ptr null,
USE(Node)

// Types without linkage: layouts of this file's own.
namespace { struct Hidden { R A; }; }
// CHECK-DAG: layout_ofIN{{.*}}6HiddenEE5valueE = internal global {{.*}} { i32 1, i32 8, i32 8, i32 1,
void locals(R A, gc::ref<Plain> B) {
  struct Local { long N; R A; };
  // CHECK-DAG: layout_ofIZ6locals{{.*}}5LocalE5valueE = internal global {{.*}} { i32 1, i32 16, i32 8, i32 1, {{.*}}, i64 2,
  use<Local>();
  use<Hidden>();
  // Captures: a, the address of b, a copy of b.
  auto Lambda = [A, &B, C = B] { return A && B && C; };
  // CHECK-DAG: "{{.*}}layout_ofIZ6locals{{.*}}_0E5valueE" = internal global {{.*}} { i32 1, i32 24, i32 8, i32 2, {{.*}}, i64 5,
  use<decltype(Lambda)>();
}

template <class T, int N> struct Template { T A[N]; long B; };
// CHECK-DAG: layout_ofI8TemplateINS0_3refIiEELi3EEE5valueE = linkonce_odr hidden {{.*}} { i32 1, i32 32, i32 8, i32 3, {{.*}}, i64 7,
// CHECK-DAG: c"Template<stillpoint::gc::ref<int>, 3>\00"
template <class T> void generic() { use<Template<T, 3>>(); }
template void generic<R>();

// Not used: no layout (--implicit-check-not).
struct Unused { R A; };
template <class T> void never() { use<Unused>(); }
