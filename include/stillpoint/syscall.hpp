// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Calls that may block: a task announces them, and its processor serves other tasks meanwhile.
#ifndef STILLPOINT_SYSCALL_HPP
#define STILLPOINT_SYSCALL_HPP

#include <stillpoint/export.hpp>
#include <stillpoint/task.hpp>

#include <cerrno>
#include <cstddef>
#include <ctime>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <type_traits>
#include <unistd.h>
#include <utility>

namespace stillpoint {
namespace detail {
STILLPOINT_API void call_announced(void (*f)(void *), void *context);
} // namespace detail

/// Calls `f()`, which may block in the kernel, and returns its result; exceptions and errno come through as they are. Go: entersyscall.
///
/// Costs some tens of nanoseconds while the call is fast. If it takes longer than 20 microseconds and another task could run, the task's
/// processor goes to another thread; afterwards the task goes on at once if a processor is free, else it queues before those that wait for their
/// slice. It gets no signal of the runtime while inside, so the system call is not interrupted by it.
///
/// `f` runs on the calling thread, without a processor: go(), everything that waits, and allocating collected memory throw std::logic_error in
/// it. The collector may run meanwhile. It finds the references in the frames that called syscall(), as they were at the call; so `f` may read
/// through references, also captured ones, but must not be the only one to hold any, and must not store references into collected memory.
/// Keep it short: it cannot be preempted, and there is no limit to how many threads are inside. In an announced call already, or outside of
/// tasks, it is a plain call.
///
/// A system call that is not announced ("raw") is simply called: it costs nothing more, and if it blocks it keeps its processor from the others
/// until the monitor notices.
template <class F>
std::invoke_result_t<F> syscall(F &&f) {
  detail::main_call<F, std::invoke_result_t<F>> call{f};
  detail::call_announced(&call.entry, &call);
  return call.take();
}

/// Calls `f()`, foreign code that computes for long or blocks: like syscall(). As many of them as there are run at the same time, whatever
/// STILLPOINT_PROCS says. Go: a call by cgo.
template <class F>
std::invoke_result_t<F> foreign(F &&f) {
  return stillpoint::syscall(std::forward<F>(f));
}

/// The system's calls of the same names, announced. Results and errno are the system's; EINTR comes only of the program's own signals.
namespace os {

template <class... Mode>
int open(const char *path, int flags, Mode... mode) {
  return syscall([&] { return ::open(path, flags, mode...); });
}
template <class... Mode>
int openat(int directory, const char *path, int flags, Mode... mode) {
  return syscall([&] { return ::openat(directory, path, flags, mode...); });
}
inline int close(int file) {
  return syscall([&] { return ::close(file); });
}
inline ssize_t read(int file, void *into, std::size_t size) {
  return syscall([&] { return ::read(file, into, size); });
}
inline ssize_t write(int file, const void *from, std::size_t size) {
  return syscall([&] { return ::write(file, from, size); });
}
inline ssize_t pread(int file, void *into, std::size_t size, off_t offset) {
  return syscall([&] { return ::pread(file, into, size, offset); });
}
inline ssize_t pwrite(int file, const void *from, std::size_t size, off_t offset) {
  return syscall([&] { return ::pwrite(file, from, size, offset); });
}
inline ssize_t readv(int file, const iovec *into, int count) {
  return syscall([&] { return ::readv(file, into, count); });
}
inline ssize_t writev(int file, const iovec *from, int count) {
  return syscall([&] { return ::writev(file, from, count); });
}
inline int fsync(int file) {
  return syscall([&] { return ::fsync(file); });
}
inline int fdatasync(int file) {
  return syscall([&] { return ::fdatasync(file); });
}
inline int ftruncate(int file, off_t size) {
  return syscall([&] { return ::ftruncate(file, size); });
}
inline int stat(const char *path, struct ::stat *into) {
  return syscall([&] { return ::stat(path, into); });
}
inline int unlink(const char *path) {
  return syscall([&] { return ::unlink(path); });
}
inline int rename(const char *from, const char *to) {
  return syscall([&] { return ::rename(from, to); });
}
inline pid_t waitpid(pid_t child, int *status, int options) {
  return syscall([&] { return ::waitpid(child, status, options); });
}
/// Keeps the thread. sleep_for() keeps nothing.
inline int nanosleep(const timespec *duration, timespec *remaining) {
  return syscall([&] { return ::nanosleep(duration, remaining); });
}

} // namespace os
} // namespace stillpoint

#endif
