#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The benchmarks: builds what they need, runs the groups asked for (all, if none is named), prints a table with each bar beside its figure.

Exit status: 0 if every benchmark ran, whether or not its bars are met; 1 if one could not be run or crashed; 2 for a wrong command line.
docs/benchmarks.md says what each figure is and how to read it.
"""
import argparse
import importlib
import os
import subprocess
import sys
import time
from pathlib import Path

from driver.figures import print_table, write_json
from driver.tools import BenchError, Context, say

GROUPS = ("latency", "wake", "slice", "coverage", "size", "compile", "identity", "lookup", "scan", "stw", "idle", "refs", "gc", "tasks", "net", "sync", "calls", "foreign")


def parse_arguments():
    parser = argparse.ArgumentParser(prog="bench", description="Stillpoint's benchmarks. Groups: " + ", ".join(GROUPS))
    parser.add_argument("groups", nargs="*", metavar="GROUP", help="what to measure; all of them by default")
    parser.add_argument("--build", default="build", help="the build folder (default: build)")
    parser.add_argument("--json", metavar="FILE", help="write the figures to FILE as well")
    parser.add_argument("--no-build", action="store_true", help="take the programs as they are")
    arguments = parser.parse_args()
    unknown = [g for g in arguments.groups if g not in GROUPS]
    if unknown:
        parser.error(f"unknown group {', '.join(map(repr, unknown))}; the groups are: {', '.join(GROUPS)}")
    return arguments


def build(folder):
    if not (Path(folder) / "CMakeCache.txt").exists():
        raise BenchError(f"{folder} is not a configured build folder: cmake --preset dev")
    done = subprocess.run(["cmake", "--build", folder, "--target", "stillpoint-bench"], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise BenchError("the build failed:\n" + (done.stdout + done.stderr)[-4000:])


def warn_of_load():
    load, processors = os.getloadavg()[0], len(os.sched_getaffinity(0))
    if load > 0.5 * processors:
        say(f"note: the machine is busy (load {load:.1f} on {processors} processors); trust ratios more than absolute times")


def main():
    arguments = parse_arguments()
    figures, failed = [], []
    try:
        if not arguments.no_build:
            say("building the benchmarks")
            build(arguments.build)
        context = Context(arguments.build)
    except BenchError as error:
        sys.exit(f"bench: {error}")
    warn_of_load()
    for group in arguments.groups or GROUPS:
        started = time.monotonic()
        try:
            figures += importlib.import_module(f"driver.{group}").measure(context)
        except BenchError as error:
            failed.append(group)
            say(f"bench: {group}: {error}")
        say(f"  [{group}: {time.monotonic() - started:.0f} s]")
    print()
    print_table([f for f in figures if not f.detail])
    if arguments.json:
        write_json(arguments.json, figures)
    if failed:
        sys.exit(f"bench: could not be run: {', '.join(failed)}")


if __name__ == "__main__":
    main()
