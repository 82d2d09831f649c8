// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The floor of preemption latency: a thread in a tight loop, a bare signal handler that injects a call which saves everything, and nothing
// else: no tables, no conditions, no scheduler. Stillpoint's own way is measured against it in the same process, in turns.
//
// It uses SIGUSR2, as SIGURG is the runtime's; the kernel delivers both alike.
#ifndef STILLPOINT_BENCH_FLOOR_H
#define STILLPOINT_BENCH_FLOOR_H

#include <cstdint>

namespace bench::floor {

// Starts the thread, asleep. Once; ends the program if the processor cannot do what the floor does.
void start();

// Lets the thread spin, or puts it to sleep so that it takes no processor from what else is measured.
void set_spinning(bool spin);

// Interrupts the spinning thread once; nanoseconds from the request to the injected call running.
std::uint64_t interrupt();

} // namespace bench::floor

#endif
