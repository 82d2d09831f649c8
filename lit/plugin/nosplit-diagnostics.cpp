// Where nosplit can stand, and what it cannot stand with.
// RUN: %sp-clangxx -std=c++20 -fsyntax-only -Xclang -verify %s

[[stillpoint::nosplit]] void function();
[[stillpoint::nosplit]] inline void inline_function() {}
template <class T> [[stillpoint::nosplit]] T function_template(T Value) { return Value; }
template int function_template(int);
auto GnuLambda = []() __attribute__((stillpoint_nosplit)) { return 1; };

struct Class {
  [[stillpoint::nosplit]] Class();
  [[stillpoint::nosplit]] virtual ~Class();
  [[stillpoint::nosplit]] static void method();
  [[stillpoint::nosplit]] Class &operator=(const Class &);
  [[stillpoint::nosplit]] int Member; // expected-error {{'stillpoint::nosplit' attribute only applies to functions}}
};

[[stillpoint::nosplit]] int Variable;         // expected-error {{'stillpoint::nosplit' attribute only applies to functions}}
[[stillpoint::nosplit]] void (*Pointer)();    // expected-error {{'stillpoint::nosplit' attribute only applies to functions}}
[[stillpoint::nosplit]] typedef int Typedef;  // expected-error {{'stillpoint::nosplit' attribute only applies to functions}}
using Alias [[stillpoint::nosplit]] = int;    // expected-error {{'stillpoint::nosplit' attribute only applies to functions}}
struct [[stillpoint::nosplit]] Tag {};        // expected-error {{'stillpoint::nosplit' attribute only applies to functions}}
enum E { Value [[stillpoint::nosplit]] };     // expected-error {{'stillpoint::nosplit' attribute only applies to functions}}
namespace [[stillpoint::nosplit]] N {}        // expected-error {{'stillpoint::nosplit' attribute only applies to functions}}
void parameter([[stillpoint::nosplit]] int P); // expected-error {{'stillpoint::nosplit' attribute only applies to functions}}
int Gnu __attribute__((stillpoint_nosplit));  // expected-error {{'stillpoint_nosplit' attribute only applies to functions}}

void type() [[stillpoint::nosplit]];          // expected-error {{'stillpoint::nosplit' attribute cannot be applied to types}}
auto Lambda = []() [[stillpoint::nosplit]] {}; // expected-error {{'stillpoint::nosplit' attribute cannot be applied to types}}

void statement() {
  [[stillpoint::nosplit]] function(); // expected-error {{'stillpoint::nosplit' attribute cannot be applied to a statement}}
  [[stillpoint::nosplit]] {           // expected-error {{'stillpoint::nosplit' attribute cannot be applied to a statement}}
    function();
  }
}

[[stillpoint::nosplit(1)]] void argument();                      // expected-error {{'stillpoint::nosplit' attribute takes no arguments}}
[[stillpoint::nosplit()]] void empty_list();                     // expected-error {{'stillpoint::nosplit' attribute takes no arguments}}
__attribute__((stillpoint_nosplit("x"))) void gnu_argument();    // expected-error {{'stillpoint_nosplit' attribute takes no arguments}}

// Inlined, the function would have no points of its own; whichever is written first.
[[stillpoint::nosplit, gnu::always_inline]] inline int first() { return 1; } // expected-error {{'always_inline' and 'stillpoint::nosplit' are not compatible}}
[[gnu::always_inline, stillpoint::nosplit]] inline int second() { return 1; } // expected-error {{'always_inline' and 'stillpoint::nosplit' are not compatible}}

void defined() {} // expected-note 2 {{previous definition is here}}
[[stillpoint::nosplit]] void defined(); // expected-warning 2 {{attribute declaration must precede definition}}
