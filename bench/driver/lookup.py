# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the signal handler's decision costs: the table lookup alone, and is_async_safe_point at several depths of calls."""
from .figures import Figure
from .tools import run, say


def measure(ctx):
    say("lookup: the handler's decision")
    for line in run([ctx.program("bench-lookup")], env={"STILLPOINT_PROCS": "1"}).split("\n"):
        words = line.split()
        if words[:1] == ["lookup"]:
            yield Figure("lookup.ns", float(words[1]), "ns", f"one address in tables of {words[2]} records, no order")
        elif words[:1] == ["decision"]:
            yield Figure(f"lookup.decision.depth{words[1]}.ns", float(words[2]), "ns", f"is_async_safe_point, {words[1]} calls deep")
