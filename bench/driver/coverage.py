# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The share of executed instructions at which a task may be stopped: each kernel's managed code, one instruction at a time."""
from concurrent.futures import ThreadPoolExecutor

from .figures import Figure
from .tools import find_tool, run, say

PLACES = 12


def step(ctx, kernel):
    lines = run([ctx.program("bench-step"), kernel, "1"], timeout=240).split("\n")
    counts = list(map(int, lines[0].split()[1:]))
    places = [(int(line.split()[1], 16), int(line.split()[2])) for line in lines[1:] if line.startswith("unsafe")]
    return counts, places


def describe(ctx, address):
    """'function+line: instruction' for an address of bench-step, or the address alone without the tools."""
    program, shown = ctx.program("bench-step"), hex(address)
    symbolizer, disassembler = find_tool("llvm-symbolizer-22", "llvm-symbolizer"), find_tool("llvm-objdump-22", "llvm-objdump")
    if symbolizer:
        where = run([symbolizer, "--obj=" + program, "--no-inlines", "-s", shown]).split("\n")
        shown += f" {where[0][:60]} ({where[1]})"
    if disassembler:
        where = [f"--start-address={address}", f"--stop-address={address + 1}"]
        listing = run([disassembler, "-d", "--no-show-raw-insn", "--no-leading-addr", *where, program])
        code = [line.strip() for line in listing.split("\n") if line.startswith((" ", "\t"))]
        shown += ": " + " ".join(code[0].split()) if code else ""
    return shown


def measure(ctx):
    say("coverage: every instruction of the kernels' managed code, by the kind of the point it stands at")
    kernels = ctx.kernels()
    with ThreadPoolExecutor(2) as pool:
        results = dict(zip(kernels, pool.map(lambda k: step(ctx, k), kernels)))
    total, figures, places = [0, 0, 0, 0], [], []
    for kernel, (counts, unsafe) in results.items():
        safe, pinned, bad, foreign = counts
        managed = safe + pinned + bad
        total = [a + b for a, b in zip(total, counts)]
        places += [(count / managed, kernel, address) for address, count in unsafe]
        figures.append(Figure(f"coverage.safe_or_pinned.{kernel}", (safe + pinned) / managed, "share", detail=True))
        say(f"  {kernel:<16}{managed:>9} instructions: safe {100 * safe / managed:7.3f} %  pinned {100 * pinned / managed:6.3f} %  "
            f"unsafe {100 * bad / managed:6.3f} %   ({foreign} of foreign code not counted)")
    safe, pinned, bad, foreign = total
    managed = safe + pinned + bad
    say("  most executed unsafe places, by share of their kernel:")
    for share, kernel, address in sorted(places, reverse=True)[:PLACES]:
        say(f"    {100 * share:6.3f} % of {kernel}: {describe(ctx, address)}")
    lowest = min(figures, key=lambda f: f.value)
    note = f"{managed} instructions, {foreign} foreign ones not counted; lowest {lowest.name.split('.')[-1]}: {100 * lowest.value:.2f} %"
    yield Figure("coverage.safe_or_pinned", (safe + pinned) / managed, "share", note)
    yield Figure("coverage.safe", safe / managed, "share")
    yield from figures
