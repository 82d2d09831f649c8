# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tables' size against .text and .eh_frame, on real code without references, and on code that is full of them.

A large C++ file full of the standard library, sources of this project, and the kernels are each linked into a shared object, which resolves
what an object file leaves open, and read by stillpoint-objdump. So is each of the collector's test programs, whose every structure is made
of references.
"""
import json
import shlex
from pathlib import Path

from .figures import Figure
from .tools import BenchError, run, say

PROJECT_SOURCES = 3  # compiled with LLVM's headers, as real as C++ gets


def project_commands(ctx):
    """How the build compiles the sources of passes/ and tools/: {source: command without its outputs and without ccache}."""
    commands = {}
    for entry in json.loads((ctx.build / "compile_commands.json").read_text(encoding="utf-8")):
        source = Path(entry["file"])
        if source.is_relative_to(ctx.source / "passes") or source.is_relative_to(ctx.source / "tools"):
            words = shlex.split(entry["command"])
            words = words[words.index(next(w for w in words if "clang" in w)):]
            del words[words.index("-o"):]  # "-o OBJECT -c SOURCE" ends the command; the -M options stand before
            commands[source] = [w for w in words if not w.startswith(("-MD", "-MT", "-MF", "-W", "-g")) and not w.endswith((".o", ".o.d"))]
    return commands


def project_sources(ctx):
    """The largest sources of the passes and the tools."""
    return sorted(project_commands(ctx), key=lambda path: path.stat().st_size, reverse=True)


def options_for(ctx, source):
    if source.is_relative_to(ctx.bench) or source.is_relative_to(ctx.source / "test"):
        return [*ctx.compiler(source), f"-I{ctx.source / 'include'}"]
    return project_commands(ctx)[source]


def summary(ctx, name, sources):
    """Bytes of code, tables and .eh_frame of a shared object made of the sources."""
    objects = []
    for source in sources:
        target = ctx.scratch / f"size-{name}-{source.name}.o"
        run([*options_for(ctx, source), "-O2", "-fPIC", f"-fplugin={ctx.plugin}", "-c", str(source), "-o", str(target)], timeout=300)
        objects.append(str(target))
    library = ctx.scratch / f"size-{name}.so"
    run([ctx.clangxx, "-shared", *objects, "-o", str(library)])
    found = json.loads(run([str(ctx.build / "bin" / "stillpoint-objdump"), "--summary", "--json", str(library)]))
    return {"text": found["text"], "tables": sum(found["tables"].values()), "eh_frame": found["eh_frame"]}


def rows_of(ctx, kind, inputs):
    """{"text", "tables", "eh_frame"} of all inputs together, and the rows of each."""
    total = {"text": 0, "tables": 0, "eh_frame": 0}
    rows = []
    for name, sources in inputs.items():
        sizes = summary(ctx, f"{kind}-{name}", sources)
        total = {key: total[key] + sizes[key] for key in total}
        rows.append(Figure(f"tables.{kind}.share_of_text.{name}", sizes["tables"] / sizes["text"], "share", detail=True))
        rows.append(Figure(f"ehframe.share_of_text.{name}", sizes["eh_frame"] / sizes["text"], "share", detail=True))
        say(f"  {name:<12} .text {sizes['text']:>8}  tables {sizes['tables']:>7} ({100 * sizes['tables'] / sizes['text']:.2f} %)  "
            f".eh_frame {sizes['eh_frame']:>7} ({100 * sizes['eh_frame'] / sizes['text']:.2f} %)   sources: {len(sources)}")
    return total, rows


def references(ctx):
    say("size: the same, code whose structures are made of references")
    programs = {source.stem: [source] for source in sorted((ctx.source / "test" / "gc" / "programs").glob("*.cpp"))}
    if not programs:
        raise BenchError("no programs in test/gc/programs")
    total, rows = rows_of(ctx, "refs", programs)
    note = f"of {total['text']} bytes of .text, {len(programs)} programs"
    yield Figure("tables.refs.share_of_text", total["tables"] / total["text"], "share", note)
    yield from rows


def measure(ctx):
    say("size: tables against .text and .eh_frame")
    inputs = {
        "library": [ctx.bench / "inputs" / "library_heavy.cpp"],
        "project": project_sources(ctx)[:PROJECT_SOURCES],
        "kernels": sorted([*ctx.bench.glob("kernels/*.c"), *ctx.bench.glob("kernels/*.cpp")]),
    }
    total, rows = rows_of(ctx, "plain", inputs)
    yield Figure("tables.plain.share_of_text", total["tables"] / total["text"], "share", f"of {total['text']} bytes of .text, -O2 -fPIC")
    yield Figure("ehframe.share_of_text", total["eh_frame"] / total["text"], "share", "what C++ exceptions already cost")
    yield from rows
    yield from references(ctx)
