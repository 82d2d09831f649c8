// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An exception that nobody in a task catches.
//
// Problem: without help it would be looked for in frames that do not exist, or std::terminate would end the program without saying which task.
// Mechanism: the first frame of every task (arch: __stillpoint_task_start) names this personality routine. The unwinder's search phase gets to
// it only if no frame of the task catches the exception; the program ends there, while the frames that threw are still on the stack.
// To learn the message the exception is caught and thrown once more, as the C++ library's own terminate handler does.
// Rejected: a catch (...) in the task's first function (it unwinds first, and the core file shows nothing).
#include "runtime/fatal.h"
#include "runtime/preempt/internal.h"
#include "runtime/sched/task_name.h"

#include <cstdlib>
#include <cxxabi.h>
#include <exception>
#include <string_view>
#include <typeinfo>
#include <unwind.h>

namespace stillpoint::rt::preempt {
namespace {

message about_this_task() noexcept {
  message m;
  const worker *const w = this_worker();
  if (w != nullptr && w->current != nullptr)
    m << "task '" << task_name(*w->current).view() << "' (#" << w->current->id << ")";
  else
    m << "a task";
  return m;
}

// Appends ": what()" of the exception that is being handled, if it has one.
void append_what(message &m) noexcept {
  try {
    throw;
  } catch (const std::exception &e) {
    m << ": " << e.what();
  } catch (...) {
    // Not a std::exception: its type is all there is to say.
  }
}

// A program's own terminate handler has its say, and is to end the program. The C++ library's would only say the same once more.
[[noreturn]] void end(const message &m) noexcept {
  if (const std::terminate_handler handler = std::get_terminate(); handler != __gnu_cxx::__verbose_terminate_handler) {
    say_last_words(m);
    std::terminate();
  }
  fatal(m);
}

[[noreturn]] void end_by_exception(_Unwind_Exception *exception) noexcept {
  message m = about_this_task();
  __cxxabiv1::__cxa_begin_catch(exception);
  const std::type_info *const type = __cxxabiv1::__cxa_current_exception_type();
  if (type == nullptr)
    end(m << " ended by an uncaught exception that is not C++'s");
  int status = 0;
  const char *const readable = __cxxabiv1::__cxa_demangle(type->name(), nullptr, nullptr, &status);
  m << " ended by an uncaught exception of type " << std::string_view(status == 0 ? readable : type->name());
  append_what(m);
  end(m);
}

} // namespace

extern "C" _Unwind_Reason_Code __stillpoint_task_personality(int, _Unwind_Action actions, _Unwind_Exception_Class,
                                                             _Unwind_Exception *exception, _Unwind_Context *) {
  if ((actions & _UA_FORCE_UNWIND) != 0)
    fatal(about_this_task() << " was ended by pthread_exit or pthread_cancel, which end a thread: return from the task instead");
  end_by_exception(exception);
}

} // namespace stillpoint::rt::preempt
