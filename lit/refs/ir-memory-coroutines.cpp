// A coroutine's frame is not looked at: references across a suspension are an error, others are not.
// RUN: not %sp-clangxx -std=c++20 -O0 -DACROSS -Wno-everything -c %s -o /dev/null 2>&1 | FileCheck %s
// RUN: not %sp-clangxx -std=c++20 -O2 -DACROSS -Wno-everything -c %s -o /dev/null 2>&1 | FileCheck %s
// RUN: not %sp-clangxx -std=c++20 -O2 -DOBJECT -Wno-everything -c %s -o /dev/null 2>&1 | FileCheck %s
// RUN: %sp-clangxx -std=c++20 -O2 -Wno-everything -c %s -o /dev/null
// CHECK: error: {{.*}}lives across a suspension of this coroutine
#include <coroutine>

struct Node;
using Raw = Node __attribute__((address_space(1))) *;
struct Task {
  struct promise_type {
    Task get_return_object() { return {}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
};
Raw make();
void use(Raw);
void take(Raw *);

Task between() {
  use(make());
  co_await std::suspend_always();
  use(make());
}

#ifdef ACROSS
Task across() {
  Raw R = make();
  co_await std::suspend_always();
  use(R);
}
#endif
#ifdef OBJECT
Task object() {
  Raw R = make();
  take(&R);
  co_await std::suspend_always();
  take(&R);
}
#endif
