# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How long it takes to stop the world with tight loops on two processors, beside a bare signal and, where a Go toolchain is installed, Go."""
from .figures import Figure
from .tools import build_go, median, percentile, run, say

ROUNDS, STOPS = 5, 400
TWO_PROCESSORS = {"STILLPOINT_PROCS": "2", "STILLPOINT_SLICE": "10ms", "STILLPOINT_DEBUG": ""}


def figures_of(name, rounds, note=""):
    yield Figure(f"{name}.p50_us", median([percentile(r, 0.5) for r in rounds]), "us", note)
    yield Figure(f"{name}.p99_us", median([percentile(r, 0.99) for r in rounds]), "us")


def measure(ctx):
    say("stw: the time to stop the world, two processors in tight loops")
    go = build_go(ctx, "stw")
    taken = {"ours": [], "signal": [], "go": []}
    for _ in range(ROUNDS):
        lines = [line.split() for line in run([ctx.program("bench-stw"), str(STOPS)], env=TWO_PROCESSORS).split("\n") if line]
        for way in ("ours", "signal"):
            taken[way].append([int(ns) / 1000 for w, ns in lines if w == way])
        if go:
            taken["go"].append([int(line) / 1000 for line in run([go, str(STOPS)]).split()])
    yield from figures_of("stw.spin", taken["ours"], f"{ROUNDS} runs of {STOPS} stops")
    yield from figures_of("stw.spin.signal", taken["signal"], "a bare signal to one thread, until its handler begins")
    if go:
        yield from figures_of("stw.spin.go", taken["go"], "runtime.ReadMemStats in Go: stops the world, and reads statistics")
    else:
        yield Figure("stw.spin.go.p50_us", "not installed", "us", "a Go toolchain (golang-1.19) gives the same program in Go beside it")
