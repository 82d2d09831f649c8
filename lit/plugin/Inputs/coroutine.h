// As much of <coroutine> as a coroutine needs.
namespace std {
template <class R, class...> struct coroutine_traits {
  using promise_type = typename R::promise_type;
};
template <class P = void> struct coroutine_handle {
  static coroutine_handle from_address(void *);
  void *address();
  template <class U> operator coroutine_handle<U>();
};
} // namespace std

struct Awaiter {
  bool await_ready() noexcept;
  void await_suspend(std::coroutine_handle<>) noexcept;
  void await_resume() noexcept;
};

struct Task {
  struct promise_type {
    Task get_return_object();
    Awaiter initial_suspend();
    Awaiter final_suspend() noexcept;
    void return_void();
    void unhandled_exception();
  };
};
