// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// preempt_disable and preempt_enable: a depth in the task, which the handler reads.
//
// Invariant: the caller is not preempted while it is in here (this is foreign code), so worker and task stay what they are, but for the stop at
// the end of preempt_enable.
#include "stillpoint/preempt.hpp"

#include "runtime/fatal.h"
#include "runtime/preempt/deferred.h"
#include "runtime/preempt/internal.h"
#include "runtime/sched/task_name.h"

namespace stillpoint {
namespace {

rt::task *current_task() noexcept {
  const rt::worker *const w = rt::this_worker();
  return w != nullptr ? w->current : nullptr;
}

} // namespace

void preempt_disable() noexcept {
  if (rt::task *const t = current_task(); t != nullptr)
    ++t->preempt_disabled;
}

void preempt_enable() noexcept {
  rt::task *const t = current_task();
  if (t == nullptr)
    return;
  if (t->preempt_disabled == 0)
    rt::fatal(rt::message() << "preempt_enable() without preempt_disable() in task '" << rt::task_name(*t).view() << "' (#" << t->id
                            << ")");
  --t->preempt_disabled;
  if (rt::preempt::wanted_and_allowed(t))
    rt::preempt::stop_at_call(STILLPOINT_CALLER_OF_THIS_FUNCTION());
}

} // namespace stillpoint
