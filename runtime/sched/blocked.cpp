// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the kernel says of a thread: whether it sleeps, and what it has run.
//
// Mechanism: the state letter of /proc/self/task/TID/stat, and the thread's clock. Neither allocates nor takes a lock of the C library, since the one
// who is looked at may hold any. Rejected: a file kept open for each thread (it counts against the process's limit).
#include "sched/processors.h"

#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <time.h>
#include <unistd.h>

namespace stillpoint::rt::sched {
namespace {

// "12 (name) S ...": the name may have any characters.
char state_of(std::string_view line) noexcept {
  const std::size_t end = line.rfind(')');
  return end == std::string_view::npos || end + 2 >= line.size() ? '?' : line[end + 2];
}

} // namespace

bool blocked_in_kernel(int thread_id) noexcept {
  char path[64] = "/proc/self/task/";
  char *const end = std::to_chars(path + std::strlen(path), path + sizeof path - 8, thread_id).ptr;
  std::memcpy(end, "/stat", sizeof "/stat");
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return false;
  char line[48]; // a name has at most 15 characters
  const ssize_t size = ::read(file, line, sizeof line);
  ::close(file);
  if (size <= 0)
    return false;
  const char state = state_of({line, static_cast<std::size_t>(size)});
  return state == 'S' || state == 'D';
}

std::uint64_t cpu_time(int thread_id) noexcept {
  // As pthread_getcpuclockid makes it: the id, that of one thread, the scheduler's clock.
  const auto clock = static_cast<clockid_t>((~static_cast<unsigned>(thread_id) << 3) | 4 | 2);
  timespec t;
  if (clock_gettime(clock, &t) != 0)
    return 0;
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(t.tv_nsec);
}

} // namespace stillpoint::rt::sched
