# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a process with a thousand sleeping tasks costs, and, for information, switches and new tasks."""
from .figures import Figure
from .tools import median, run, say


def numbers(output):
    return [int(word) for word in output.split()]


def measure(ctx):
    say("idle: CPU time while every task sleeps; switch: yields and new tasks")
    shares = []
    for _ in range(2):
        cpu, elapsed = numbers(run([ctx.program("bench-idle"), "1000", "2000"]))
        shares.append(cpu / elapsed)
    yield Figure("idle.core_share", max(shares), "share", "1000 sleeping tasks, 2 s, the larger of two runs")
    rounds = [numbers(run([ctx.program("bench-switch"), "100000"], env={"STILLPOINT_PROCS": "1"})) for _ in range(5)]
    yield Figure("switch.yield.ns", median([r[0] for r in rounds]), "ns", "one switch by yield()")
    yield Figure("switch.spawn.ns", median([r[1] for r in rounds]), "ns", "go(), run, end")
