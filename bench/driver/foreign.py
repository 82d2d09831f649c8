# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Time to stop a task that spends its time in foreign functions, with traps at their returns and, for comparison, by sampling alone, in turns."""
from .figures import Figure
from .tools import median, run, say

RUNS, REQUESTS = 3, 2000


def one_run(ctx, debug):
    env = {"STILLPOINT_PROCS": "1", "STILLPOINT_SLICE": "10ms", "STILLPOINT_DEBUG": debug}
    lines = run([ctx.program("bench-foreign"), str(REQUESTS)], timeout=60, env=env).split("\n")
    return {words[0]: tuple(map(int, words[1:])) for words in map(str.split, lines) if words}


def measure(ctx):
    say("foreign: request to scheduler running, task in foreign code")
    trapped, sampled = [], []
    for _ in range(RUNS):
        trapped.append(one_run(ctx, ""))
        sampled.append(one_run(ctx, "returntraps=0"))
    for loop in ("copy", "allocate", "sort"):
        for kind, runs in (("", trapped), ("sampled.", sampled)):
            p50, p99, requests = zip(*(r[loop] for r in runs))
            note = f"{RUNS} runs, {sum(requests)} requests" + ("; who has not stopped in 50 ms counts as 50 ms" if kind else "")
            yield Figure(f"foreign.{loop}.{kind}p50_us", median(p50) / 1000, "us", note)
            yield Figure(f"foreign.{loop}.{kind}p99_us", median(p99) / 1000, "us")
