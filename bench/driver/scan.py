# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the scan of a stack costs per frame, and what others take to walk the same frames without looking for references."""
from .figures import Figure
from .tools import run, say

BAR_DEPTH = "50"


def measure(ctx):
    say("scan: the roots of a stack, per frame")
    for line in run([ctx.program("bench-scan")], env={"STILLPOINT_PROCS": "1", "STILLPOINT_DEBUG": ""}).split("\n"):
        if not line:
            continue
        way, depth, taken, frames, roots = line.split()
        name = "scan" if way == "ours" else f"scan.{way}"
        note = f"{frames} frames, {roots} references" if way == "ours" else f"{frames} frames walked, no references found"
        yield Figure(f"{name}.ns_per_frame" + ("" if depth == BAR_DEPTH else f".depth{depth}"), float(taken), "ns", note,
                     detail=depth != BAR_DEPTH and way != "ours")
