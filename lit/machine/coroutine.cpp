// A coroutine's ramp, resume and destroy functions are functions like others.
// REQUIRES: objdump
// RUN: %sp-clangxx -std=c++20 -O2 -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump %t.o | FileCheck %s
// identity: flags -std=c++20
#include <coroutine>

struct generator {
  struct promise_type {
    int value = 0;
    generator get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(int v) noexcept {
      value = v;
      return {};
    }
    void return_void() {}
    void unhandled_exception();
  };
  std::coroutine_handle<promise_type> handle;
};
int step(int);

// CHECK-NOT: unsafe
// CHECK: <count(int){{.*}}resume
// CHECK-NOT: unsafe
// CHECK: safe {{.*}}callq {{.*}}step
// CHECK-NOT: unsafe
generator count(int n) {
  for (int i = 0; i < n; ++i)
    co_yield step(i);
}
