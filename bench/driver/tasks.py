# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Switching, starting and waiting tasks, channels and select: beside the same in Go and with Boost.Fiber, on one processor and on two."""
from .figures import Figure
from .tools import build_go, median, run, say

RUNS, ROUNDS, PARKED = 5, 300_000, 100_000
# Ours, and what it is called in the table.
NAMES = {"yield": "yield.ns", "spawn": "spawn.join.ns", "pingpong": "chan.pingpong.ns", "buffered": "chan.buffered.ns",
         "select2": "select2.ready.ns", "select8": "select8.ready.ns", "parked": "task.parked.bytes"}
ON_TWO = {"pingpong": "chan.pingpong2.ns", "buffered": "chan.buffered2.ns", "spawn": "spawn.join2.ns"}


def once(command, processors):
    env = {"STILLPOINT_PROCS": str(processors), "STILLPOINT_SLICE": "10ms", "STILLPOINT_DEBUG": "", "GOMAXPROCS": str(processors)}
    return {name: float(value) for name, value in (line.split() for line in run(command, env=env).splitlines())}


def measure(ctx):
    say(f"tasks: {ROUNDS} rounds of each, {PARKED} tasks that wait, {RUNS} runs in turns")
    go, boost = build_go(ctx, "tasks"), ctx.build / "bench" / "bench-tasks-boost"
    ways = {"": [ctx.program("bench-tasks"), str(ROUNDS), str(PARKED)]}
    if go:
        ways["go"] = [go, str(ROUNDS), str(PARKED)]
    if boost.exists():
        ways["boost"] = [str(boost), str(ROUNDS)]
    for names, processors in ((NAMES, 1), (ON_TWO, 2)):
        taken = {way: [] for way in ways if processors == 1 or way != "boost"}
        for _ in range(RUNS):
            for way, runs in taken.items():
                runs.append(once(ways[way], processors))
        for name, figure in names.items():
            for way, runs in taken.items():
                if name in runs[0]:
                    at = figure.rfind(".")
                    yield Figure(figure if not way else f"{figure[:at]}.{way}{figure[at:]}", median([r[name] for r in runs]), figure[at + 1:])
        if "boost" in taken:
            yield Figure("boost.switch.ns", median([r["switch"] for r in taken["boost"]]), "ns", "the bare switch of Boost.Context")
    if not go:
        yield Figure("yield.go.ns", "not installed", "ns", "a Go toolchain (golang-1.19) gives the same program in Go beside it")
    if not boost.exists():
        yield Figure("yield.boost.ns", "not installed", "ns", "Boost.Fiber (libboost-fiber-dev) gives the same with it beside")
