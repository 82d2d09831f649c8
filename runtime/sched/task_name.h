// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A task's name for whoever wants to read it. task::name is what go() was given, and empty if that was nothing: "task N" is written when somebody
// asks, not for each task.
#ifndef STILLPOINT_RUNTIME_SCHED_TASK_NAME_H
#define STILLPOINT_RUNTIME_SCHED_TASK_NAME_H

#include "runtime/sched/core.h"

#include <atomic>
#include <charconv>
#include <cstring>
#include <string_view>

namespace stillpoint::rt {

// A copy. Any thread; signal safe.
class task_name {
public:
  explicit task_name(const task &t) noexcept {
    // Acquire: pairs with write_name(), by the task itself while others look.
    if (__atomic_load_n(t.name, __ATOMIC_ACQUIRE) != '\0') {
      std::memcpy(text_, t.name, sizeof text_ - 1);
      return;
    }
    constexpr std::string_view prefix = "task ";
    std::memcpy(text_, prefix.data(), prefix.size());
    std::to_chars(text_ + prefix.size(), text_ + sizeof text_ - 1, t.id);
  }
  [[nodiscard]] const char *text() const noexcept { return text_; }
  [[nodiscard]] std::string_view view() const noexcept { return text_; }

private:
  char text_[sizeof task::name] = {};
};

// Makes task::name what task_name() says. The task itself.
inline void write_name(task &t) noexcept {
  if (t.name[0] != '\0')
    return;
  const task_name name(t);
  std::memcpy(t.name + 1, name.text() + 1, sizeof t.name - 1);
  __atomic_store_n(t.name, name.text()[0], __ATOMIC_RELEASE);
}

} // namespace stillpoint::rt

#endif
