# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs that do little but allocate, on Stillpoint's collector, with malloc, on Boehm's collector and in Go; and their pauses.

All ways run in turns; a ratio is the median of the rounds' ratios, each of two runs that followed each other closely. One processor means
one: the process is bound to it. The ways must agree on the result. A pause is counted from the wish to stop the world to its going on
again.
"""
import os
import re

from .figures import Figure
from .tools import BenchError, build_go, median, percentile, run, say

DEPTH = "18"
ROUNDS = {"trees": 5, "gcbench": 3}
SPIN_ROUNDS = 2
MISSING = {"boehm": "Boehm's collector (libgc-dev)", "go": "a Go toolchain (golang-1.19)"}
TRACE = re.compile(r"gctrace: \d+: to stop (\d+)\+(\d+) us, stopped (\d+)\+(\d+) us")


def programs(ctx):
    boehm = ctx.build / "bench" / "bench-gc-boehm"
    found = {"ours": ctx.program("bench-gc-stillpoint"), "malloc": ctx.program("bench-gc-malloc"),
             "boehm": str(boehm) if boehm.exists() else None, "go": build_go(ctx, "gc")}
    return {way: path for way, path in found.items() if path}


def bound_to(processors):
    """What begins the command of a program that is to have only so many processors."""
    return [] if processors > 1 else ["taskset", "-c", str(max(os.sched_getaffinity(0)))]


def once(path, work, processors, *more):
    """One run: its numbers by name, and all its pauses in microseconds."""
    env = {"STILLPOINT_PROCS": str(processors), "STILLPOINT_SLICE": "10ms", "STILLPOINT_GC": "100", "STILLPOINT_DEBUG": "gctrace=1",
           "GC_MARKERS": str(processors), "GOGC": "100"}
    command = [*bound_to(processors), path, work, DEPTH, str(processors), *more]
    # The trace is on stderr, which run() shows only if a program fails.
    output = run(["sh", "-c", 'exec "$@" 2>&1', "sh", *command], timeout=120, env=env)
    numbers = [line.split() for line in output.split("\n") if line and not line.startswith("stillpoint:")]
    found = {name: int(value) for name, value in numbers if name != "pause"}
    pauses = [int(value) / 1000 for name, value in numbers if name == "pause"]
    for first_to_stop, last_to_stop, first, last in TRACE.findall(output):
        pauses += [int(first_to_stop) + int(first), int(last_to_stop) + int(last)]
    if found.get("longest_pause", 0) / 1000 > max(pauses, default=0) + 1:
        pauses.append(found["longest_pause"] / 1000)  # a stop that had to be repeated: the trace has but the first and the last
    if found.get("cycles", 0) > 0 and len(pauses) < min(found["cycles"], 256):
        raise BenchError(f"{path} tells of {len(pauses)} pauses in {found['cycles']} collections")
    return {**found, "pauses": pauses}


def rounds_of(found, work, processors, rounds, *more):
    """{way: runs}, in turns; the order changes with every round."""
    taken = {way: [] for way in found}
    for number in range(rounds):
        order = list(found)
        for way in order[number % len(order):] + order[:number % len(order)]:
            taken[way].append(once(found[way], work, processors, *more))
    results = {way: {one["result"] for one in runs} for way, runs in taken.items()}
    if len(set.union(*results.values())) != 1:
        raise BenchError(f"{work} gives different results: {results}")
    shown = [f"{way} {median([r['wall'] for r in runs]) / 1e9:.2f} s (CPU {median([r['cpu'] for r in runs]) / 1e9:.2f} s, "
             f"{max(r['peak'] for r in runs) // 1024} MiB)" for way, runs in taken.items()]
    say(f"  {work:<8} {processors} processor{'s' * (processors > 1)}  " + ", ".join(shown))
    return taken


def over(taken, way, key):
    return median([ours[key] / theirs[key] for ours, theirs in zip(taken["ours"], taken[way])])


def times(name, taken, where):
    """What the ratios are made of, for one number of processors."""
    for way, runs in taken.items():
        yield Figure(f"{name}.{way}.{where}_s", median([one["wall"] for one in runs]) / 1e9, "s", detail=True)
        yield Figure(f"{name}.{way}.{where}_peak_mib", max(one["peak"] for one in runs) / 1024, "MiB", detail=True)
        if way != "ours":
            yield Figure(f"{name}.over_{way}.{where}", over(taken, way, "wall"), detail=True)
            yield Figure(f"{name}.cpu_over_{way}.{where}", over(taken, way, "cpu"), detail=True)


def worst(name, by_count):
    """The figure with the bar: the larger of the ratios at one processor and at two."""
    for way in ("go", "boehm", "malloc"):
        if all(way in taken for taken in by_count.values()):
            ratios = {where: over(taken, way, "wall") for where, taken in by_count.items()}
            note = ", ".join(f"{where} {ratio:.3f} (CPU time {over(by_count[where], way, 'cpu'):.3f})" for where, ratio in ratios.items())
            yield Figure(f"{name}.over_{way}", max(ratios.values()), "", f"wall time, the larger of {note}")
        else:
            yield Figure(f"{name}.over_{way}", "not installed", "", f"{MISSING[way]} gives the same program beside it")


def pauses(name, runs_by_way, about):
    for way, runs in runs_by_way.items():
        taken = [pause for one in runs for pause in one["pauses"]]
        if way == "malloc":
            continue
        if not taken:
            raise BenchError(f"{name}: no collection of {way} took place")
        prefix = name if way == "ours" else f"{name}.{way}"
        yield Figure(f"{prefix}.pause_p50_us", percentile(taken, 0.5), "us")
        yield Figure(f"{prefix}.pause_p99_us", percentile(taken, 0.99), "us", f"{len(taken)} pauses {about}" if way == "ours" else "")
        yield Figure(f"{prefix}.pause_max_us", max(taken), "us")


def measure(ctx):
    say(f"gc: binary trees and GCBench, depth {DEPTH}, on one processor and on two")
    found = programs(ctx)
    for work, rounds in ROUNDS.items():
        name = f"gc.{work}"
        by_count = {f"{count}p": rounds_of(found, work, count, rounds) for count in (1, 2)}
        yield from worst(name, by_count)
        for where, taken in by_count.items():
            yield from times(name, taken, where)
        everyone = {way: [one for taken in by_count.values() for one in taken[way]] for way in found}
        yield from pauses(name, everyone, "on one processor and two")
    beside = {way: path for way, path in found.items() if way != "malloc"}
    yield from pauses("gc.trees.spin", rounds_of(beside, "trees", 2, SPIN_ROUNDS, "spin"), "on two processors, a tight loop beside")
