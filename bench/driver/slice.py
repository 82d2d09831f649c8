# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What slices cost compute kernels, and what polls on loop back edges would.

Two tasks on one processor share a fixed amount of work; a server with preemption off does the same work in one piece. In every
repetition all configurations do it once, in a changing order; the median of each is divided by that of the one without slices.
Time is CPU time of the thread that ran the tasks: on a shared machine elapsed time measures the neighbours. A checksum that differs is
a fault of the runtime and stops the benchmark.
"""
from .figures import Figure
from .tools import BenchError, Server, calibrate, median, say

SLICES = ("10ms", "1ms", "100us")
REPETITIONS = 9
MILLISECONDS = 40


def ratios(servers, base, kernel, rounds, repetitions):
    """For every server but `base`: CPU time and elapsed time over base's, preemptions, microseconds for each of them."""
    names = list(servers)
    taken = {name: [] for name in names}
    for repetition in range(repetitions):
        for name in names[repetition % len(names):] + names[:repetition % len(names)]:
            taken[name].append(servers[name].measure(kernel, rounds))
    if len({row["checksum"] for rows in taken.values() for row in rows}) != 1:
        raise BenchError(f"{kernel} gives different results: preemption or a poll changed what a kernel computes")
    column = {name: {key: [row[key] for row in rows] for key in Server.FIELDS} for name, rows in taken.items()}
    middle = {name: {key: median(column[name][key]) for key in ("thread", "wall")} for name in names}
    stops = {name: median(column[name]["preemptions"]) for name in names}
    return {
        name: (middle[name]["thread"] / middle[base]["thread"], middle[name]["wall"] / middle[base]["wall"], stops[name],
               (middle[name]["thread"] - middle[base]["thread"]) / 1000 / max(1, stops[name]))
        for name in names if name != base
    }


def compare(ctx, servers, base, repetitions, milliseconds):
    rows = {}
    for kernel in ctx.kernels():
        rounds = calibrate(servers[base], kernel, milliseconds)
        rows[kernel] = ratios(servers, base, kernel, rounds, repetitions)
        shown = [f"{name} {100 * (row[0] - 1):+6.2f} % ({row[2]:.0f} stops)" for name, row in rows[kernel].items()]
        say(f"  {kernel:<16}" + "  ".join(shown))
    return rows


def overheads(rows, name, figure):
    by_kernel = {kernel: row[name] for kernel, row in rows.items()}
    worst = max(by_kernel, key=lambda k: by_kernel[k][0])
    note = f"median of {len(by_kernel)} kernels; most in {worst}: {100 * (by_kernel[worst][0] - 1):.2f} %"
    yield Figure(figure, median([r[0] - 1 for r in by_kernel.values()]), "share", note)
    for kernel, row in by_kernel.items():
        yield Figure(f"{figure}.{kernel}", row[0] - 1, "share", detail=True)
    yield Figure(f"{figure}_elapsed", median([r[1] - 1 for r in by_kernel.values()]), "share", detail=True)


def slices(ctx):
    program = ctx.program("bench-slice")
    one = {"STILLPOINT_PROCS": "1"}
    servers = {"off": Server(program, {**one, "STILLPOINT_DEBUG": "asyncpreemptoff=1", "STILLPOINT_SLICE": "10ms"})}
    servers.update({s: Server(program, {**one, "STILLPOINT_SLICE": s, "STILLPOINT_DEBUG": ""}) for s in SLICES})
    rows = compare(ctx, servers, "off", REPETITIONS, MILLISECONDS)
    for server in servers.values():
        server.close()
    for s in SLICES:
        yield from overheads(rows, s, f"slice.{s}.overhead")
        stops = sum(row[s][2] for row in rows.values())
        yield Figure(f"slice.{s}.stops_per_second", stops / (len(rows) * MILLISECONDS / 1000), "1/s", "that the ticks really came")
    each = median([row["100us"][3] for row in rows.values()])
    yield Figure("slice.100us.us_per_stop", each, "us", "CPU time that a stop takes from the tasks")


def floor(ctx):
    """The same kernels, interrupted every 100 us by a signal whose handler does nothing: no slices can cost less here."""
    program = ctx.program("bench-signalled")
    servers = {"none": Server(program, {"BENCH_NO_SIGNALS": "1"}), "signals": Server(program)}
    rows = compare(ctx, servers, "none", REPETITIONS, MILLISECONDS)
    for server in servers.values():
        server.close()
    yield from overheads(rows, "signals", "slice.100us.floor")
    each = median([row["signals"][3] for row in rows.values()])
    yield Figure("slice.100us.floor_us_per_signal", each, "us", "CPU time that an empty SIGURG handler takes")


def polls(ctx):
    servers = {"none": Server(ctx.program("bench-plain")), "poll": Server(ctx.program("bench-poll"))}
    rows = compare(ctx, servers, "none", REPETITIONS, MILLISECONDS // 2)
    for server in servers.values():
        server.close()
    yield from overheads(rows, "poll", "poll.overhead")


def measure(ctx):
    say("slices: CPU time against the same work without")
    yield from slices(ctx)
    say("an empty signal handler every 100 us against none")
    yield from floor(ctx)
    say("polls on every loop back edge against none")
    yield from polls(ctx)
