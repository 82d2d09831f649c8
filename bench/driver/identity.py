# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whether code is byte for byte what it is without the plugin: samples, lit's inputs and the kernels, by the script of lit's own tests."""
import re
import subprocess
import sys

from .figures import Figure
from .tools import BenchError, say

LEVELS = "O0,O2,O3"
SUMMARY = re.compile(r"^(\d+) files compared at \S+ (\d+) bytes of code: (\d+) differences$", re.M)


def compare(ctx, folder):
    script, include = ctx.source / "lit" / "identity" / "identity.py", ctx.source / "include"
    command = [sys.executable, str(script), ctx.clang, str(ctx.plugin), str(include), LEVELS, str(ctx.source), folder]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        raise BenchError(f"comparing {folder} takes more than 300 s") from None
    found = SUMMARY.search(done.stdout)
    if not found:
        raise BenchError(f"comparing {folder} failed:\n{(done.stdout + done.stderr)[-2000:]}")
    files, size, differences = map(int, found.groups())
    say(f"  {folder:<16}{files:>4} files at {LEVELS}, {size:>8} bytes of code: {differences} differences")
    if differences:
        say(done.stdout[-2000:])
    return files * len(LEVELS.split(",")), size, differences


def measure(ctx):
    say("identity: code with and without the plugin")
    lit = sorted(p.name for p in (ctx.source / "lit").iterdir() if p.is_dir() and p.name != "identity")
    rows = [compare(ctx, folder) for folder in ["samples", "bench/kernels", *(f"lit/{name}" for name in lit)]]
    compared, size, differences = map(sum, zip(*rows))
    note = f"{compared} pairs of object files, {size} bytes of code, {differences} differ"
    yield Figure("text.identical", 1 - differences / compared, "share", note)
    yield Figure("text.identical.compared", compared, detail=True)
