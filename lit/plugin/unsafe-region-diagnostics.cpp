// Where unsafe_region can stand, and the ways in and out that it forbids.
// RUN: %sp-clangxx -std=c++20 -fsyntax-only -Xclang -verify %s
#include "Inputs/coroutine.h"

void g();

[[stillpoint::unsafe_region]] void function() {} // expected-error {{'stillpoint::unsafe_region' attribute only applies to compound statements}}
void type() [[stillpoint::unsafe_region]] {}     // expected-error {{'stillpoint::unsafe_region' attribute cannot be applied to types}}

void allowed(int N) {
  [[stillpoint::unsafe_region]] {}
  [[stillpoint::unsafe_region]] { g(); }
  if (N)
    [[stillpoint::unsafe_region]] { return; }
  for (;;)
    [[stillpoint::unsafe_region]] {
      if (N)
        goto out;
      [[stillpoint::unsafe_region]] { g(); }
      break;
    }
out:;
}

void placement() {
  [[stillpoint::unsafe_region]] g();         // expected-error {{'stillpoint::unsafe_region' attribute only applies to compound statements}}
  [[stillpoint::unsafe_region]] int X = 3;   // expected-error {{'stillpoint::unsafe_region' attribute only applies to compound statements}}
  [[stillpoint::unsafe_region]] while (X) g(); // expected-error {{'stillpoint::unsafe_region' attribute only applies to compound statements}}
  [[stillpoint::unsafe_region]];             // expected-error {{'stillpoint::unsafe_region' attribute only applies to compound statements}}
  [[stillpoint::unsafe_region(3)]] { g(); }  // expected-error {{'stillpoint::unsafe_region' attribute takes no arguments}}
  __attribute__((stillpoint_unsafe_region(3))) { g(); } // expected-error {{'stillpoint_unsafe_region' attribute takes no arguments}}
}

void jump_into() {
  goto in; // expected-error {{cannot jump from this goto statement to its label}}
  [[stillpoint::unsafe_region]] { // expected-note {{jump bypasses initialization}}
    g();
  in:
    g();
  }
}

void switch_into(int K) {
  switch (K) {
  case 1:
    [[stillpoint::unsafe_region]] { // expected-note {{jump bypasses initialization}}
      g();
    case 2: // expected-error {{cannot jump from switch statement to this case label}}
      g();
    }
  }
}

Task suspended() {
  [[stillpoint::unsafe_region]] { // expected-note {{the region begins here}}
    g();
    co_await Awaiter(); // expected-error {{a coroutine cannot be suspended in an unsafe region}}
  }
}

template <class T> Task suspended_template(T Value) {
  [[stillpoint::unsafe_region]] { // expected-note {{the region begins here}}
    co_await Value; // expected-error {{a coroutine cannot be suspended in an unsafe region}}
  }
}

// Leaving for good is an exit like any other, and a lambda's body is another function.
Task returned() {
  [[stillpoint::unsafe_region]] {
    auto Inner = []() -> Task { co_await Awaiter(); };
    (void)Inner;
    co_return;
  }
}

// A constant expression cannot go through a region, but beside it.
constexpr int constant(int X) {
  if (X)
    [[stillpoint::unsafe_region]] { g(); }
  return 1;
}
static_assert(constant(0) == 1);
