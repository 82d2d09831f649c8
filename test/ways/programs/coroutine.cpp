// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Coroutines: generators that call generators.
#include <coroutine>
#include <cstdio>
#include <cstdlib>
#include <utility>

struct generator {
  struct promise_type {
    unsigned value = 0;
    generator get_return_object() { return generator(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(unsigned v) noexcept {
      value = v;
      return {};
    }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::abort(); }
  };
  explicit generator(std::coroutine_handle<promise_type> h) : handle(h) {}
  generator(generator &&other) noexcept : handle(std::exchange(other.handle, {})) {}
  ~generator() {
    if (handle)
      handle.destroy();
  }
  bool next() {
    handle.resume();
    return !handle.done();
  }
  unsigned value() const { return handle.promise().value; }
  std::coroutine_handle<promise_type> handle;
};

static generator numbers(unsigned n, unsigned seed) {
  for (unsigned i = 0; i != n; ++i) {
    seed = seed * 69069 + i;
    co_yield seed;
  }
}
static generator twice(unsigned n, unsigned seed) {
  generator inner = numbers(n, seed);
  while (inner.next()) {
    unsigned x = inner.value();
    for (int i = 0; i != 20; ++i)
      x ^= x << 5 ^ x >> 3;
    co_yield x;
  }
}

int main() {
  unsigned sum = 0;
  for (unsigned i = 0; i != 1500; ++i)
    for (generator g = twice(300, i); g.next();)
      sum = sum * 3 + g.value();
  std::printf("coroutine %u\n", sum);
}
