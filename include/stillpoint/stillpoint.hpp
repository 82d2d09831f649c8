// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything: tasks, channels, sleeping, waiting, counters; with the compiler plugin also references to collected memory. docs/environment.md lists the environment variables.
#ifndef STILLPOINT_STILLPOINT_HPP
#define STILLPOINT_STILLPOINT_HPP

#include <stillpoint/chan.hpp>
#include <stillpoint/condition_variable.hpp>
#include <stillpoint/latch.hpp>
#include <stillpoint/metrics.hpp>
#include <stillpoint/mutex.hpp>
#include <stillpoint/once.hpp>
#include <stillpoint/recv_thread.hpp>
#include <stillpoint/select.hpp>
#include <stillpoint/semaphore.hpp>
#include <stillpoint/shared_mutex.hpp>
#include <stillpoint/sleep.hpp>
#include <stillpoint/stop_token.hpp>
#include <stillpoint/syscall.hpp>
#include <stillpoint/task.hpp>
#include <stillpoint/tasks.hpp>
#include <stillpoint/thread.hpp>
#include <stillpoint/timer.hpp>
#include <stillpoint/wait_group.hpp>

#ifdef __STILLPOINT__ // the plugin's
#include <stillpoint/gc.hpp>
#endif

#if __has_include(<stillpoint/preempt.hpp>)
#include <stillpoint/preempt.hpp>
#endif

#endif
