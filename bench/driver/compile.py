# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compile time with and without the plugin: user time of -O2 -c on large C++ files, in turns, medians."""
from .figures import Figure
from .size import options_for, project_sources
from .tools import median, say, user_seconds

PAIRS = 5


def ratio(ctx, source):
    command = [*options_for(ctx, source), "-O2", "-c", str(source), "-o", str(ctx.scratch / "compile.o")]
    variants = {"without": command, "with": [*command, f"-fplugin={ctx.plugin}"]}
    taken = {name: [] for name in variants}
    for pair in range(PAIRS):
        for name in sorted(variants, reverse=pair % 2 == 1):
            taken[name].append(user_seconds(variants[name]))
    plain, plugged = median(taken["without"]), median(taken["with"])
    say(f"  {source.name:<24} {plain:6.2f} s without, {plugged:6.2f} s with: {plugged / plain:.3f}")
    return plugged / plain


def measure(ctx):
    say(f"compile time: user time at -O2, {PAIRS} pairs in turns")
    sources = {"library": ctx.bench / "inputs" / "library_heavy.cpp", "project": project_sources(ctx)[0]}
    ratios = {name: ratio(ctx, source) for name, source in sources.items()}
    note = ", ".join(f"{sources[name].name} {value:.3f}" for name, value in ratios.items())
    yield Figure("compile.ratio", max(ratios.values()), "", f"the larger of {note}")
    for name, value in ratios.items():
        yield Figure(f"compile.ratio.{name}", value, detail=True)
