// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything: tasks, sleeping, waiting, counters. docs/environment.md lists the environment variables.
#ifndef STILLPOINT_STILLPOINT_HPP
#define STILLPOINT_STILLPOINT_HPP

#include <stillpoint/metrics.hpp>
#include <stillpoint/sleep.hpp>
#include <stillpoint/task.hpp>
#include <stillpoint/wait_group.hpp>

#if __has_include(<stillpoint/preempt.hpp>)
#include <stillpoint/preempt.hpp>
#endif

#endif
