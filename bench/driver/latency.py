# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Preemption latency, from the request to the scheduler running, against the floor of a bare handler in the same process, in turns.

Each pair of blocks gives a ratio of its medians and one of its 99th percentiles; the figures are the medians of those, so that a block that
somebody else's work disturbed counts once and not more.
"""
from .figures import Figure
from .tools import median, run, say

BLOCKS, REQUESTS = 31, 1500


def measure(ctx):
    say("latency: request to scheduler running, against the floor")
    env = {"STILLPOINT_PROCS": "1", "STILLPOINT_SLICE": "10ms", "STILLPOINT_DEBUG": ""}
    lines = run([ctx.program("bench-latency"), str(BLOCKS), str(REQUESTS)], timeout=120, env=env).split("\n")
    blocks = [list(map(int, line.split())) for line in lines if line]
    floor50, floor99, ours50, ours99, refused, requests = zip(*blocks)
    note = f"{BLOCKS} pairs of blocks, {sum(requests)} requests, {sum(refused)} refused at first"
    yield Figure("latency.p50_over_floor", median([o / f for o, f in zip(ours50, floor50)]), "", note)
    yield Figure("latency.p99_over_floor", median([o / f for o, f in zip(ours99, floor99)]))
    for name, values in (("p50_us", ours50), ("p99_us", ours99), ("floor.p50_us", floor50), ("floor.p99_us", floor99)):
        yield Figure(f"latency.{name}", median(values) / 1000, "us")
