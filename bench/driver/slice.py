# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What slices cost compute kernels, and what polls on loop back edges would.

One process runs a kernel in short segments with and without slices in turns (programs/segments.h). A segment's CPU time is divided by the
mean of its two neighbours', which are without: what the machine's speed drifts by cancels out. A kernel's figure is the median of these
quotients, and the whole figure the median of the kernels. The same is done to segments that differ from their neighbours in nothing: how
far that is from nothing is what the method cannot see.
Time is CPU time of the thread that ran the tasks: on a shared machine elapsed time measures the neighbours. A checksum that differs is
a fault of the runtime and stops the benchmark.
"""
from .figures import Figure
from .tools import BenchError, SegmentServer, Server, calibrate, median, say

SLICES = ("10ms", "1ms", "100us")
FLOORS = ("1ms", "100us")
MILLISECONDS = 25  # of a segment: each of its two tasks runs for more than the longest slice
REPETITIONS = 30
FLOOR_REPETITIONS = 20
POLL_REPETITIONS = 20


def quotients(segments, key):
    """For every way but the base: each segment over the mean of its two neighbours, which are of the base."""
    ways = {}
    for before, this, after in zip(segments[0::2], segments[1::2], segments[2::2]):
        ways.setdefault(this["way"], []).append(2 * this[key] / (before[key] + after[key]))
    return ways


def summary(kernel, segments):
    """For every way but the base: CPU time and elapsed time over the base's, stops per second, microseconds for each of them."""
    if len({segment["checksum"] for segment in segments}) != 1:
        raise BenchError(f"{kernel} gives different results: preemption or a poll changed what a kernel computes")
    base = median([segment["thread"] for segment in segments[0::2]])
    thread, wall = quotients(segments, "thread"), quotients(segments, "wall")
    rows = {}
    for way, values in thread.items():
        stops = median([segment["stops"] for segment in segments if segment["way"] == way])
        ratio = median(values)
        rows[way] = {"thread": ratio, "wall": median(wall[way]), "stops": stops / base * 1e9, "each": (ratio - 1) * base / 1000 / max(1, stops)}
    shown = [f"{way} {100 * (row['thread'] - 1):+6.2f} % ({row['stops']:.0f}/s)" for way, row in rows.items()]
    say(f"  {kernel:<16}" + "  ".join(shown))
    return rows


def compare(ctx, program, repetitions):
    server = SegmentServer(ctx.program(program))
    rows = {}
    for kernel in ctx.kernels():
        rounds = calibrate(lambda rounds, kernel=kernel: server.measure(kernel, rounds, 0)[0], MILLISECONDS)
        rows[kernel] = summary(kernel, server.measure(kernel, rounds, repetitions))
    server.close()
    return rows


def overheads(rows, way, figure):
    by_kernel = {kernel: row[way]["thread"] - 1 for kernel, row in rows.items()}
    worst = max(by_kernel, key=by_kernel.get)
    note = f"median of {len(by_kernel)} kernels; most in {worst}: {100 * by_kernel[worst]:.2f} %"
    yield Figure(figure, median(by_kernel.values()), "share", note)
    for kernel, value in by_kernel.items():
        yield Figure(f"{figure}.{kernel}", value, "share", detail=True)
    yield Figure(f"{figure}_elapsed", median([row[way]["wall"] - 1 for row in rows.values()]), "share", detail=True)


def slices(ctx):
    rows = compare(ctx, "bench-slice", REPETITIONS)
    yield from overheads(rows, "again", "slice.off.again")
    for s in SLICES:
        yield from overheads(rows, s, f"slice.{s}.overhead")
        yield Figure(f"slice.{s}.stops_per_second", median([row[s]["stops"] for row in rows.values()]), "1/s", "that the ticks really came")
    yield Figure("slice.100us.us_per_stop", median([row["100us"]["each"] for row in rows.values()]), "us", "CPU time that a stop takes from the tasks")


def floor(ctx):
    """The same kernels, interrupted by a signal whose handler does nothing: no slices of that length can cost less here."""
    rows = compare(ctx, "bench-signalled", FLOOR_REPETITIONS)
    yield from overheads(rows, "again", "slice.floor.off.again")
    for s in FLOORS:
        yield from overheads(rows, s, f"slice.{s}.floor")
    each = median([row["100us"]["each"] for row in rows.values()])
    yield Figure("slice.100us.floor_us_per_signal", each, "us", "CPU time that an empty SIGURG handler takes")


def polls(ctx):
    """Other code, so another process: here the two take turns."""
    none, poll = Server(ctx.program("bench-plain")), Server(ctx.program("bench-poll"))
    rows = {}
    for kernel in ctx.kernels():
        rounds = calibrate(lambda rounds, kernel=kernel: none.measure(kernel, rounds), MILLISECONDS)
        segments = [{"way": "none", "stops": 0, **none.measure(kernel, rounds)}]
        for _ in range(POLL_REPETITIONS):
            for way, server in (("poll", poll), ("none", none)):
                segments.append({"way": way, "stops": 0, **server.measure(kernel, rounds)})
        rows[kernel] = summary(kernel, segments)
    none.close()
    poll.close()
    yield from overheads(rows, "poll", "poll.overhead")


def measure(ctx):
    say("slices: CPU time against the same work without")
    yield from slices(ctx)
    say("an empty signal handler every so often against none")
    yield from floor(ctx)
    say("polls on every loop back edge against none")
    yield from polls(ctx)
