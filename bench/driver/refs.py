# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What gc::ref costs code that uses it: kernels with references against the same source with raw pointers, on the same objects.

Segments take turns inside one process (programs/segments.h), and a segment with references is divided by the mean of its two raw
neighbours; several processes, because each has its own luck with where its pages lie. "again" is a second copy of the raw code against
the first.
"""
from .figures import Figure
from .slice import quotients
from .tools import BenchError, median, run, say

PROCESSES, REPETITIONS = 5, 20
# Nothing but the kernel runs, and nothing is collected: what is left is what is in the code.
ALONE = {"STILLPOINT_PROCS": "1", "STILLPOINT_SLICE": "1s", "STILLPOINT_GC": "off", "STILLPOINT_DEBUG": ""}


def segments_of(output):
    """{kernel: segments}"""
    kernels = {}
    for line in output.splitlines():
        if line.startswith("collections:"):
            if line != "collections: 0":
                raise BenchError(f"the references were measured while they were collected: {line}")
            continue
        kernel, way, thread, checksum = line.split()
        kernels.setdefault(kernel, []).append({"way": way, "thread": int(thread), "checksum": checksum})
    for kernel, segments in kernels.items():
        if len({(s["checksum"]) for s in segments}) != 1:
            raise BenchError(f"{kernel} gives different results with references and with raw pointers")
        if len(segments) != 1 + 4 * REPETITIONS:
            raise BenchError(f"{kernel}: {len(segments)} segments instead of {1 + 4 * REPETITIONS}")
    return kernels


def measure(ctx):
    say("refs: gc::ref against raw pointers, the same source on the same objects")
    ratios = {}
    for _ in range(PROCESSES):
        for kernel, segments in segments_of(run([ctx.program("bench-refs"), str(REPETITIONS)], env=ALONE)).items():
            for way, values in quotients(segments, "thread").items():
                ratios.setdefault(kernel, {}).setdefault(way, []).extend(values)
    for kernel, ways in ratios.items():
        say(f"  {kernel:<24} {median(ways['references']):.3f}   a second copy of the raw code {median(ways['again']):.3f}")
        yield Figure(f"refs.{kernel}.ratio", median(ways["references"]), "", f"raw against raw {median(ways['again']):.3f}")
        yield Figure(f"refs.{kernel}.again", median(ways["again"]), detail=True)
