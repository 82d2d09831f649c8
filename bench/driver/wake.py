# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How late a sleeper wakes behind an endless loop on one processor; the same program in Go beside it, where a Go toolchain is installed."""
from .figures import Figure
from .tools import build_go, median, percentile, run, say

ROUNDS = 3
ONE_PROCESSOR = {"STILLPOINT_PROCS": "1", "STILLPOINT_SLICE": "10ms", "STILLPOINT_DEBUG": ""}


def lateness(command, wakes, env=None):
    return [int(line) / 1000 for line in run([*command, str(wakes)], env=env).split()]


def figures_of(prefix, rounds, note=""):
    yield Figure(f"{prefix}.p50_us", median([percentile(r, 0.5) for r in rounds]), "us", note)
    yield Figure(f"{prefix}.p99_us", median([percentile(r, 0.99) for r in rounds]), "us")


def measure(ctx):
    say("wake: lateness of a sleeper behind an endless loop on one processor")
    go = build_go(ctx, "wake")
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(lateness([ctx.program("bench-wake")], 600, ONE_PROCESSOR))
        if go:
            theirs.append(lateness([go], 60))
    yield from figures_of("wake.spin_1p", ours, f"{ROUNDS} runs of 600 sleeps of 1 ms")
    if go:
        yield from figures_of("wake.spin_1p.go", theirs, "the same program in Go, beside it")
    else:
        yield Figure("wake.spin_1p.go.p50_us", "not installed", "us", "a Go toolchain (golang-1.19) gives the same program in Go beside it")
