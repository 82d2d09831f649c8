# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Calls of the kernel, announced and not, and tasks locked to threads: beside the same in Go, on one processor and on two."""
from .figures import Figure
from .tools import build_go, median, run, say

RUNS, MILLISECONDS, CALLS, LOCKED = 3, 1000, 500_000, 20_000


def measure(ctx):
    say(f"calls: {MILLISECONDS} ms beside a task in read(), {CALLS} calls of getpid, {LOCKED} of a locked server, {RUNS} runs in turns")
    go = build_go(ctx, "calls")
    ways = {"": ctx.program("bench-calls"), **({"go": go} if go else {})}

    def once(way, processors, *arguments):
        env = {"STILLPOINT_PROCS": str(processors), "STILLPOINT_SLICE": "10ms", "STILLPOINT_DEBUG": "", "GOMAXPROCS": str(processors)}
        return {name: float(value) for name, value in (line.split() for line in run([ways[way], *map(str, arguments)], env=env).splitlines())}

    def medians(processors, *arguments):
        taken = {way: [] for way in ways}
        for _ in range(RUNS):
            for way, runs in taken.items():
                runs.append(once(way, processors, *arguments))
        return {way: {name: median([r[name] for r in runs]) for name in runs[0]} for way, runs in taken.items()}

    shares, fast = medians(1, "share", MILLISECONDS), medians(1, "fast", CALLS)
    locked = [medians(processors, "locked", LOCKED) for processors in (1, 2)]
    for way in ways:
        infix = f".{way}" if way else ""
        yield Figure(f"syscallblock{infix}.share", min(shares[way].values()), "share", "what a task keeps beside one in read()")
        if not way:
            yield Figure("syscallblock.announced.share", shares[way]["announced"], "share")
            yield Figure("syscallblock.silent.share", shares[way]["silent"], "share", "not announced")
        yield Figure(f"syscall.raw{infix}.ns", fast[way]["raw"], "ns")
        yield Figure(f"syscall.fast{infix}.ns", fast[way]["fast"], "ns", "announced")
        for name in ("unlocked", "server", "shared"):
            if name in locked[0][way]:
                one, two = (figures[way][name] for figures in locked)
                yield Figure(f"lockos.{name}{infix}.ns", max(one, two), "ns", f"1 processor: {one:.0f}, 2: {two:.0f}")
    if not go:
        yield Figure("syscallblock.go.share", "not installed", "share", "a Go toolchain (golang-1.19) gives the same program in Go beside it")
