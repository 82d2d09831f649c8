// Types whose references cannot be told from other data are errors, with advice, but only where their layout is needed.
// RUN: %sp-clangxx -std=c++20 -I%include -fsyntax-only -Xclang -verify %s
#include <stillpoint/gc.hpp>

#include <optional>
#include <variant>

namespace gc = stillpoint::gc;
using R = gc::ref<int>;

void take(stillpoint::abi::layout &);
template <class T> void use() { take(gc::detail::layout_of<T>::value); } // expected-note 6 {{is needed here}}
#define USE(Type) template void use<Type>();

union Number {
  R A;    // expected-error {{a union in 'Number' holds a reference or other data in the same word (at byte 0), and the collector cannot know which; move the reference or the data out of the union, or make the data an object of its own behind a reference}} \
             expected-note {{'R' (aka 'gc::ref<int>') has a reference there}}
  long N; // expected-note {{'long' has other data there}}
};
USE(Number)

struct Inside {
  long A;
  union { // an anonymous one, in a member
    struct { R B, C; } Pair; // expected-note {{has a reference there}}
    char Bytes[12];          // expected-note {{has other data there}}
  } U;                       // expected-error {{a union in 'Inside' holds a reference or other data in the same word (at byte 8)}}
};
USE(Inside)

struct Message {
  std::variant<R, long> Value; // expected-error {{a union in 'Message' holds a reference or other data in the same word (at byte 0)}}
};                             // expected-note@variant:* {{has a reference there}} expected-note@variant:* {{has other data there}}
USE(Message)

// Clang does not pack members like gc::ref; but pointers in address space 1 by themselves.
struct __attribute__((packed)) Packed {
  int A;
  int __attribute__((address_space(1))) * B; // expected-error {{'Packed' has a reference at an offset that is no multiple of 8; do not pack a class with references}}
  int C;
};
USE(Packed)

struct __attribute__((packed)) Odd { // expected-error {{the size of 'Odd' is no multiple of 8}}
  int __attribute__((address_space(1))) * B;
  char C;
};
USE(Odd)

struct Tail {
  long N;
  R Elements[]; // expected-error {{'Tail' ends in an array of references whose length is not known; use gc::array}}
};
USE(Tail)

// None of these is used in a layout, or none is unclear.
union Unused { R A; long N; };
struct Fine { std::optional<R> A; std::variant<R, gc::ref<long>, std::monostate> B; union { R X; gc::array<int> Y; }; char Tail[]; };
USE(Fine)
