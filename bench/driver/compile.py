# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compile time with and without the plugin: user time of -O2 -c on large C++ files, in turns, medians."""
from .figures import Figure
from .size import options_for, project_sources
from .tools import median, say, user_seconds

PAIRS = 5


def ratio(ctx, source):
    command = [*options_for(ctx, source), "-O2", "-c", str(source), "-o", str(ctx.scratch / "compile.o")]
    pairs = []
    for number in range(PAIRS):
        first, second = (command, [*command, f"-fplugin={ctx.plugin}"])
        if number % 2:
            first, second = second, first
        times = [user_seconds(first), user_seconds(second)]
        pairs.append(tuple(reversed(times)) if number % 2 else tuple(times))
    plain, plugged = median([p[0] for p in pairs]), median([p[1] for p in pairs])
    by_pair = median([p[1] / p[0] for p in pairs])
    say(f"  {source.name:<24} {plain:6.2f} s without, {plugged:6.2f} s with: {by_pair:.3f}")
    return by_pair


def measure(ctx):
    say(f"compile time: user time at -O2, {PAIRS} pairs in turns")
    sources = {"library": ctx.bench / "inputs" / "library_heavy.cpp", "project": project_sources(ctx)[0]}
    ratios = {name: ratio(ctx, source) for name, source in sources.items()}
    note = ", ".join(f"{sources[name].name} {value:.3f}" for name, value in ratios.items())
    yield Figure("compile.ratio", max(ratios.values()), "", f"the larger of {note}")
    for name, value in ratios.items():
        yield Figure(f"compile.ratio.{name}", value, detail=True)
