# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Locks and timers beside the same program in Go, on two processors."""
from .figures import Figure
from .tools import build_go, median, run, say

RUNS, PAIRS, SLEEPERS = 5, 4_000_000, 100_000
TWO_PROCESSORS = {"STILLPOINT_PROCS": "2", "STILLPOINT_SLICE": "10ms", "STILLPOINT_DEBUG": "", "GOMAXPROCS": "2"}
# The program's line: the figure's name without and with its unit, and nanoseconds in one of it.
NAMES = {"mutex.uncontended": ("mutex.uncontended", "ns", 1), "mutex.contended2": ("mutex.contended2", "ns", 1),
         "mutex.contended8": ("mutex.contended8", "ns", 1), "timers.lateness.p50": ("timers.lateness", "p50_us", 1e3),
         "timers.lateness.p99": ("timers.lateness", "p99_us", 1e3), "timers.burst": ("timers.burst", "ms", 1e6)}


def once(command):
    return {name: float(value) for name, value in (line.split() for line in run(command, env=TWO_PROCESSORS).splitlines())}


def measure(ctx):
    say(f"sync: {PAIRS} locks and unlocks by one, two and eight tasks, {SLEEPERS} sleepers, {RUNS} runs in turns")
    go = build_go(ctx, "sync")
    ways = {"": ctx.program("bench-sync"), **({".go": go} if go else {})}
    taken = {way: [] for way in ways}
    for _ in range(RUNS):
        for way, program in ways.items():
            taken[way].append(once([program, str(PAIRS), str(SLEEPERS)]))
    for name, (stem, unit, size) in NAMES.items():
        values = {way: median([r[name] for r in runs]) for way, runs in taken.items()}
        for way, value in values.items():
            yield Figure(f"{stem}{way}.{unit}", value / size, unit.rpartition("_")[2])
        if go:
            yield Figure(f"{name}.over_go", values[""] / values[".go"])
    if not go:
        yield Figure("mutex.uncontended.go.ns", "not installed", "ns", "a Go toolchain (golang-1.19) gives the same program in Go beside it")
