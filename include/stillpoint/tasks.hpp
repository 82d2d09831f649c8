// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What every task is doing: for log files, watchdogs and people who look for what a program waits for.
#ifndef STILLPOINT_TASKS_HPP
#define STILLPOINT_TASKS_HPP

#include <stillpoint/export.hpp>

#include <cstddef>
#include <string>

namespace stillpoint {

namespace detail {
STILLPOINT_API void describe_tasks(void (*put)(void *context, const char *text, std::size_t size), void *context);
} // namespace detail

/// Writes every task of the run() in progress to the file descriptor: its number, name and state, for what and how long it waits, its stack with
/// the functions' names, and where it was begun. Go's runtime.Stack(buf, true), and what SIGQUIT prints.
///
/// Tasks go on running meanwhile, but for a moment in which no other task begins to. One that runs is asked where it is by SIGURG; if its
/// thread does not answer within half a second it is listed as such. Any thread, tasks included, which wait as in any other call; not for
/// signal handlers. Says so if no run() is in progress. Errors of the descriptor are ignored. Throws std::bad_alloc.
STILLPOINT_API void print_tasks(int file_descriptor = 2);

/// The same as a string.
inline std::string describe_tasks() {
  std::string text;
  detail::describe_tasks([](void *into, const char *part, std::size_t size) { static_cast<std::string *>(into)->append(part, size); },
                         &text);
  return text;
}

} // namespace stillpoint

#endif
