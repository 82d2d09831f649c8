// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tasks: starting them, naming them, giving way.
//
// Misuse has one convention. A call in the wrong place (go() outside run(), run() inside a task) throws std::logic_error, nothing has
// happened.
// A broken promise that nobody can be told of (an exception that leaves a task, a stack overflow) ends the program with a line on stderr.
//
// A task's entry is a template here, so that it is compiled with the caller's flags: it is managed code if the caller is.
//
// Closures may hold references to collected memory (<stillpoint/gc.hpp>). A closure type that is trivially copyable holds none, as gc::ref is
// not; of any other the layout that the compiler plugin makes tells. One that does lives in memory whose references are roots.
#ifndef STILLPOINT_TASK_HPP
#define STILLPOINT_TASK_HPP

#include <stillpoint/export.hpp>

#ifdef __STILLPOINT__ // the plugin's
#include <stillpoint/gc/entry.hpp>
#endif

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

namespace stillpoint {

/// How to start a task.
struct options {
  /// For messages and debuggers; cut off after 31 bytes. Empty: "task N".
  std::string_view name = {};
  /// Bytes of stack, rounded up to a power of two, 16 KiB to 1 GiB; 0: 256 KiB. Memory is committed when it is touched.
  std::size_t stack_size = 0;
};

namespace detail {

STILLPOINT_API void run_main(void (*entry)(void *), void *argument);
STILLPOINT_API void run_main_here(void (*entry)(void *), void *argument);
// `copied`: so many bytes at `argument` are copied to the new task's stack, and entry gets the copy; 0: it gets `argument`. Throws what go() does.
STILLPOINT_API void start_task(std::string_view name, std::size_t stack_size, void (*entry)(void *), void *argument, std::size_t copied);

#ifdef __STILLPOINT__
template <class T>
inline constexpr bool may_hold_references = std::is_object_v<T> && !std::is_trivially_copyable_v<T>;

// The layout of a T, if it holds references, else null.
template <class T>
abi::layout *layout_with_references() {
  abi::layout &layout = gc::detail::layout_of<std::remove_cv_t<T>>::value;
  return layout.reference_count ? &layout : nullptr;
}

// While one lives, the references in `object`, on the stack of a thread that nobody scans, are roots.
template <class T>
class stack_roots {
public:
  explicit stack_roots(T &object) : words_((void *)std::addressof(object)) { // whatever T is, a function too
    if constexpr (may_hold_references<T>)
      if ((layout_ = layout_with_references<T>()))
        add();
  }
  ~stack_roots() { remove(); }
  stack_roots(const stack_roots &) = delete;
  stack_roots &operator=(const stack_roots &) = delete;

private:
  gc::detail::raw_ref *word(std::uint32_t n) const {
    return reinterpret_cast<gc::detail::raw_ref *>(static_cast<char *>(words_) + layout_->reference_offsets[n]);
  }
  void add() {
    try {
      for (; count_ != layout_->reference_count; ++count_)
        gc::detail::add_root(word(count_));
    } catch (...) {
      remove();
      throw;
    }
  }
  void remove() noexcept {
    while (count_)
      gc::detail::remove_root(word(--count_));
  }

  void *words_;
  const abi::layout *layout_ = nullptr;
  std::uint32_t count_ = 0;
};
#endif

template <class F>
struct delete_closure {
  void operator()(F *f) const {
#ifdef __STILLPOINT__
    if constexpr (may_hold_references<F>)
      if (layout_with_references<F>()) {
        std::destroy_at(f);
        return gc::detail::free_rooted(f);
      }
#endif
    delete f;
  }
};
template <class F>
using closure_pointer = std::unique_ptr<F, delete_closure<F>>;

template <class F, class G>
closure_pointer<F> make_closure(G &&f) {
#ifdef __STILLPOINT__
  if constexpr (may_hold_references<F>)
    if (abi::layout *layout = layout_with_references<F>()) {
      void *const memory = gc::detail::allocate_rooted(*layout);
      try {
        return closure_pointer<F>(::new (memory) F(std::forward<G>(f)));
      } catch (...) {
        gc::detail::free_rooted(memory);
        throw;
      }
    }
#endif
  return closure_pointer<F>(new F(std::forward<G>(f)));
}

template <class F>
void task_entry(void *argument) {
  const closure_pointer<F> f(static_cast<F *>(argument));
  std::invoke(std::move(*f));
}

// Closures that travel as bytes: no allocation, no references, nothing to destroy. The stack is for other things, too.
template <class F>
inline constexpr bool travels_with_task = std::is_trivially_copyable_v<F> && sizeof(F) <= 512 && alignof(F) <= 16;

template <class F>
void copied_task_entry(void *argument) {
  std::invoke(std::move(*static_cast<F *>(argument)));
}

// A call of the main task, whose result run() hands on.
template <class F, class R>
struct main_call {
  F &f;
  std::optional<R> result = {};
  static void entry(void *argument) {
    auto &self = *static_cast<main_call *>(argument);
    self.result.emplace(std::invoke(std::forward<F>(self.f)));
  }
  R take() { return std::move(*result); }
};
template <class F, class R>
struct main_call<F, R &> {
  F &f;
  R *result = nullptr;
  static void entry(void *argument) {
    auto &self = *static_cast<main_call *>(argument);
    self.result = std::addressof(std::invoke(std::forward<F>(self.f)));
  }
  R &take() { return *result; }
};
template <class F>
struct main_call<F, void> {
  F &f;
  static void entry(void *argument) { std::invoke(std::forward<F>(static_cast<main_call *>(argument)->f)); }
  void take() {}
};

template <class F>
auto run_by(void (*start)(void (*)(void *), void *), std::remove_reference_t<F> &f) -> std::invoke_result_t<F> {
  main_call<F, std::invoke_result_t<F>> call{f};
#ifdef __STILLPOINT__
  if constexpr (may_hold_references<std::remove_reference_t<F>> || may_hold_references<decltype(call)>) {
    const stack_roots captured(f);
    const stack_roots result(call);
    start(&call.entry, &call);
    return call.take();
  }
#endif
  start(&call.entry, &call);
  return call.take();
}

} // namespace detail

/// Starts the runtime, calls `f()` as the main task, on a stack of 8 MiB, and returns its result when it has returned. The calling thread
/// waits meanwhile; tasks run on threads of the runtime, STILLPOINT_PROCS at a time (default: the CPUs that the process may use).
///
/// When `f` has returned no other task is run any more. Those that run are stopped like at the end of a slice; tasks that have not ended
/// are abandoned where they are, without destructors. A worker that cannot be stopped (a blocking call, a loop in foreign code) is left
/// behind after 100 ms, as a detached thread. run() may then be called again.
///
/// An exception that leaves `f` ends the program, as that of any task does: by then there may be tasks that use what it would unwind.
/// Any thread, one run() at a time: throws std::logic_error inside a task and while another thread is in run(); std::bad_alloc and
/// std::system_error if there is no memory or no thread. A wrong STILLPOINT_ environment variable ends the program with status 2 and a message.
template <class F>
auto run(F &&f) -> std::invoke_result_t<F> {
  return detail::run_by<F>(detail::run_main, f);
}

/// The same with the main task on the calling thread, for good: as if it had called lock_os_thread() first, and unlock_os_thread() does not
/// undo that. For libraries that want the process's first thread, and for thread_local variables that exist before run(). Go:
/// runtime.LockOSThread in an init function. The other tasks run on threads of the runtime, and a switch between main and one of them is a switch of
/// threads. The thread runs nothing but main and what lock_to_recv_os_thread() locks to it.
///
/// It does not return before `f` has, so a call that blocks in `f` is never left behind. In a child of fork() in a task only exec and _exit
/// may follow: the end of `f` there ends the child with a message.
template <class F>
auto run_on_this_thread(F &&f) -> std::invoke_result_t<F> {
  return detail::run_by<F>(detail::run_main_here, f);
}

/// Starts a task that calls `f()`, whose result is dropped. `f` is moved or copied to the heap (to the task's stack if it is trivially copyable and small), and destroyed by the task; references to
/// collected memory that it holds keep their objects alive until then. The new task waits in its processor's queue behind those already
/// there; an idle processor may take it at once.
///
/// Tasks only: throws std::logic_error elsewhere; std::length_error if the stack is to be larger than 1 GiB; std::bad_alloc if there is
/// no memory.
/// Not for signal handlers. An exception that leaves `f` ends the program with the task's name and the exception's what().
template <class F>
void go(const options &o, F &&f) {
  using closure = std::decay_t<F>;
  static_assert(std::is_invocable_v<closure>, "go() wants something to call without arguments");
  if constexpr (detail::travels_with_task<closure>) {
    closure copy(std::forward<F>(f));
    detail::start_task(o.name, o.stack_size, detail::copied_task_entry<closure>, (void *)std::addressof(copy), sizeof copy);
  } else {
    auto held = detail::make_closure<closure>(std::forward<F>(f));
    detail::start_task(o.name, o.stack_size, detail::task_entry<closure>, held.get(), 0);
    static_cast<void>(held.release()); // the task's now
  }
}
template <class F>
  requires std::is_invocable_v<std::decay_t<F>>
void go(F &&f) {
  go(options{}, std::forward<F>(f));
}

/// Lets other tasks run, if any could; the caller goes behind them. Tasks only: throws std::logic_error elsewhere. Not for signal handlers.
STILLPOINT_API void yield();

/// How many tasks can run at the same time: of the run() in progress, else what the next one would take. Any thread.
STILLPOINT_API unsigned processors();

/// The calling task. Any thread, also in signal handlers.
namespace this_task {

/// A number from 1 up, not used twice in one run(); 0 outside tasks.
STILLPOINT_API std::uint64_t id() noexcept;
/// As given to go(), or "task N", or "main"; empty outside tasks. Valid until the task ends.
STILLPOINT_API std::string_view name() noexcept;

} // namespace this_task
} // namespace stillpoint

#endif
