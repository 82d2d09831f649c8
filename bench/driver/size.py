# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tables' size against .text and .eh_frame, on real code without references: a large C++ file full of the standard library, sources of this
project, and the kernels, each linked into a shared object of its own (which resolves what an object file leaves open) and read by stillpoint-objdump."""
import json
import shlex

from .figures import Figure
from .tools import BenchError, find_tool, run, say

# Sources of the project: compiled with LLVM's headers, as real as C++ gets. Missing ones are skipped.
PROJECT_SOURCES = 3


def project_sources(ctx):
    """The largest sources of the passes and the tools."""
    found = [*ctx.source.glob("passes/**/*.cpp"), *ctx.source.glob("tools/**/*.cpp")]
    return sorted(found, key=lambda path: path.stat().st_size, reverse=True)


def llvm_options():
    config = find_tool("llvm-config-22", "llvm-config")
    if not config:
        raise BenchError("llvm-config-22 is not installed")
    flags = shlex.split(run([config, "--cxxflags"]))
    return [f for f in flags if not f.startswith("-std=")] + ["-std=c++20", "-fno-rtti"]


def options_for(ctx, source):
    command = ctx.compiler(source)
    if source.is_relative_to(ctx.bench):
        return command
    return command + llvm_options() + [f"-I{ctx.source}", f"-I{ctx.source / 'include'}", f"-I{source.parent}", f"-I{ctx.source / 'passes'}", "-w"]


def summary(ctx, name, sources):
    objects = []
    for source in sources:
        target = ctx.scratch / f"size-{name}-{source.name}.o"
        run([*options_for(ctx, source), "-O2", "-fPIC", f"-fplugin={ctx.plugin}", "-c", str(source), "-o", str(target)], timeout=300)
        objects.append(str(target))
    library = ctx.scratch / f"size-{name}.so"
    run([ctx.clangxx, "-shared", *objects, "-o", str(library)])
    return json.loads(run([str(ctx.build / "bin" / "stillpoint-objdump"), "--summary", "--json", str(library)]))


def measure(ctx):
    say("size: tables against .text and .eh_frame")
    inputs = {
        "library": [ctx.bench / "inputs" / "library_heavy.cpp"],
        "project": project_sources(ctx)[:PROJECT_SOURCES],
        "kernels": sorted([*ctx.bench.glob("kernels/*.c"), *ctx.bench.glob("kernels/*.cpp")]),
    }
    total = {"text": 0, "tables": 0, "eh_frame": 0}
    rows = []
    for name, sources in inputs.items():
        sizes = read_sizes(summary(ctx, name, sources))
        total = {key: total[key] + sizes[key] for key in total}
        rows.append(Figure(f"tables.plain.share_of_text.{name}", sizes["tables"] / sizes["text"], "share", detail=True))
        rows.append(Figure(f"ehframe.share_of_text.{name}", sizes["eh_frame"] / sizes["text"], "share", detail=True))
        say(f"  {name:<10} .text {sizes['text']:>8}  tables {sizes['tables']:>7} ({100 * sizes['tables'] / sizes['text']:.2f} %)  "
            f".eh_frame {sizes['eh_frame']:>7} ({100 * sizes['eh_frame'] / sizes['text']:.2f} %)   {len(sources)} sources")
    yield Figure("tables.plain.share_of_text", total["tables"] / total["text"], "share", f"of {total['text']} bytes of .text, -O2 -fPIC")
    yield Figure("ehframe.share_of_text", total["eh_frame"] / total["text"], "share", "what C++ exceptions already cost")
    yield from rows


def read_sizes(summary_json):
    return {key: summary_json[key] for key in ("text", "tables", "eh_frame")}
