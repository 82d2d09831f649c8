#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs that csmith makes give the same check sums under storms of preemptions as when nobody disturbs them.

Problem: tables that are wrong in one place of one function show only if a task is stopped there, in code of a shape that nobody of us would write.
Mechanism: each seed is one program and one way to compile it. It is compiled plain at -O1 and run; then with the plugin, at a level that goes by the seed,
and run as a task beside two others on two processors, under STILLPOINT_DEBUG=storm (driver.cpp). Programs that do not end are left out.
Invariants: one seed, one program, for one version of csmith; a program that does not end is known by the processor time it used.
          A program that does at its level without the plugin what it does with it, and something else at -O1, has undefined behaviour (a loop without end or effect, mostly): it is left out.
Rejected: comparing with the program's own output alone (it prints once, long before the first signal); compiling each program plain at its level, too, and
not only those that differ (a third of the time).

A mismatch keeps the program, says how to run it again, and is a failure.
"""
import argparse
import collections
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
LEVELS = ["-O0", "-O1", "-O2", "-O3", "-Os"]
ENOUGH_NS = 25_000_000  # how long a managed program shall run
MOST_ROUNDS = 20_000
PATIENCE = 120  # seconds for a program
Outcome = collections.namedtuple("Outcome", "seed kind text figures")  # kind: same, endless, undefined, different


def generator_options(seed):
    options = ["--concise", "--max-funcs", "4", "--max-block-depth", "3", "--max-block-size", "4", "--max-expr-complexity", "6",
               "--max-array-len-per-dim", "6"]
    if seed % 3 == 0:
        options += ["--inline-function"]
    return options


def level_options(seed):
    options = [LEVELS[seed % len(LEVELS)]]
    if seed % 7 == 0:
        options += ["-fPIC"]
    if seed % 6 == 1:
        options += ["-march=native"]
    if seed % 8 == 3:
        options += ["-fno-omit-frame-pointer"]
    return options


class Runner:
    def __init__(self, arguments):
        self.build = os.path.abspath(arguments.build)
        self.period = arguments.period
        self.debug = f"storm={arguments.period},preemptstats=0"
        self.clang, self.clangxx = arguments.clang, arguments.clang.replace("clang", "clang++")
        self.kept = os.path.abspath(arguments.keep)
        self.folder = tempfile.mkdtemp(prefix="csmith-")
        # Packages put csmith's headers here; another csmith has them beside its program.
        beside = os.path.join(os.path.dirname(os.path.realpath(shutil.which("csmith"))), "..", "include", "csmith")
        self.include = next((d for d in ("/usr/include/csmith", beside) if os.path.exists(os.path.join(d, "csmith.h"))), None)
        if not self.include:
            sys.exit("csmith.h is missing: install libcsmith-dev, or use ./dev, which does")
        common = [self.clangxx, "-std=c++20", "-O1", "-I" + os.path.join(HERE, "..", "..", "include"), "-c", os.path.join(HERE, "driver.cpp")]
        self.call(common + ["-DPLAIN", "-o", self.path("plain-driver.o")])
        self.call(common + [self.plugin(), "-o", self.path("driver.o")])
        # Leaves a platform.info where it runs, which the others only read: two that make it at once read half of it.
        self.call(["csmith", "--seed", "1", "--output", self.path("first.c")], self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def plugin(self):
        return "-fplugin=" + os.path.join(self.build, "lib", "stillpoint-plugin.so")

    @staticmethod
    def call(command, folder=None):
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120, cwd=folder)

    def compile_options(self):
        return ["-std=gnu11", "-w", "-include", os.path.join(HERE, "program.h"), "-I" + self.include]

    def commands(self, seed, folder):
        """How to make and run the managed program, as one would type it."""
        name = os.path.join(folder, f"{seed}")
        runtime = os.path.join(self.build, "lib")
        return [[self.clang, *level_options(seed), self.plugin(), *self.compile_options(), "-c", name + ".c", "-o", name + ".o"],
                [self.clangxx, "-fuse-ld=lld", name + ".o", os.path.join(folder, "driver.o"), "-L" + runtime, "-lstillpoint", "-Wl,-rpath," + runtime, "-o",
                 name]]

    def environment(self):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("STILLPOINT_")}
        return clean | {"STILLPOINT_PROCS": "2", "STILLPOINT_DEBUG": self.debug}

    def figures_of(self, line):
        words = line.split()
        return dict(zip(words[::2], words[1::2]))

    def one(self, seed):
        try:
            return self.attempt(seed)
        except subprocess.CalledProcessError as error:
            return self.failed(seed, f"{' '.join(map(str, error.cmd))}\nended with {error.returncode}\n{error.stdout}{error.stderr}")
        except subprocess.TimeoutExpired as error:
            return self.failed(seed, f"{' '.join(map(str, error.cmd))}\ndid not end within {error.timeout} seconds")
        finally:
            for end in (".c", ".o", "", ".plain", ".plain.o"):
                if os.path.exists(self.path(f"{seed}{end}")):
                    os.unlink(self.path(f"{seed}{end}"))

    def run_plain(self, seed, options):
        """One round of the program without the plugin; None if it does not end, or is killed."""
        name = self.path(f"{seed}")
        self.call([self.clang, *options, *self.compile_options(), "-c", name + ".c", "-o", name + ".plain.o"])
        self.call([self.clangxx, "-fuse-ld=lld", name + ".plain.o", self.path("plain-driver.o"), "-o", name + ".plain"])
        plain = subprocess.run([name + ".plain", "1"], capture_output=True, text=True, timeout=PATIENCE)
        if plain.returncode == 3 or plain.returncode < 0:  # recursion without end
            return None
        plain.check_returncode()
        return plain

    def same_at_level(self, seed, checksum):
        """Whether the program does this at its level without the plugin, too; None: it does not end, or is killed."""
        again = self.run_plain(seed, level_options(seed))
        return (again and self.figures_of(again.stdout)["checksum"]) == checksum

    def attempt(self, seed):
        name = self.path(f"{seed}")
        self.call(["csmith", "--seed", str(seed), *generator_options(seed), "--output", name + ".c"], self.folder)
        plain = self.run_plain(seed, ["-O1"])
        if plain is None:
            return Outcome(seed, "endless", "", {})
        wanted = self.figures_of(plain.stdout)
        rounds = max(1, min(MOST_ROUNDS, ENOUGH_NS // max(1, int(wanted["nanoseconds"]))))
        for command in self.commands(seed, self.folder):
            self.call(command)
        try:
            managed = subprocess.run([name, str(rounds)], capture_output=True, text=True, timeout=PATIENCE, env=self.environment())
        except subprocess.TimeoutExpired:
            if self.same_at_level(seed, None):
                return Outcome(seed, "undefined", "", {})
            raise
        got = self.figures_of(managed.stdout)
        if managed.returncode != 0 or got.get("checksum") != wanted["checksum"]:
            if self.same_at_level(seed, got.get("checksum") if managed.returncode == 0 else None):
                return Outcome(seed, "undefined", "", {})
            return self.failed(seed, f"wanted: {plain.stdout}got: {managed.stdout}{managed.stderr}ended with {managed.returncode}", rounds)
        return Outcome(seed, "same", "", got)

    def failed(self, seed, text, rounds=1000):
        folder = os.path.join(self.kept, str(seed))
        os.makedirs(folder, exist_ok=True)
        for name in (f"{seed}.c", str(seed), "driver.o"):
            if os.path.exists(self.path(name)):
                shutil.copy(self.path(name), folder)
        again = [" ".join(c) for c in self.commands(seed, folder)]
        again += [f"STILLPOINT_PROCS=2 STILLPOINT_DEBUG={self.debug} {os.path.join(folder, str(seed))} {rounds}"]
        return Outcome(seed, "different", f"seed {seed}: {text}\nThe program is kept. To compile and run it again:\n  " + "\n  ".join(again), {})


def seeds_of(arguments):
    if arguments.list:
        with open(arguments.list) as lines:
            return [int(word) for line in lines if not line.startswith("#") for word in line.split()]
    first, _, last = arguments.seeds.partition("-")
    return list(range(int(first), int(last or first) + 1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="the build folder, with lib/ (default: %(default)s)")
    parser.add_argument("--seeds", metavar="A-B", help="these seeds; those whose programs do not end are left out")
    parser.add_argument("--list", metavar="FILE", help="the seeds in this file; each has to end")
    parser.add_argument("--period", default="20us", help="of the storm (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="programs at the same time (default: %(default)s)")
    parser.add_argument("--keep", default="csmith-failures", help="where programs that went wrong are kept (default: %(default)s)")
    parser.add_argument("--clang", default="clang-22")
    parser.add_argument("--print-good", action="store_true", help="print the seeds that were compared")
    arguments = parser.parse_args()
    if bool(arguments.seeds) == bool(arguments.list):
        parser.error("want either --seeds or --list")
    if not shutil.which("csmith"):
        sys.exit("csmith is missing: install it, or use ./dev, which does")
    begin = time.monotonic()
    seeds, runner, by_kind = seeds_of(arguments), Runner(arguments), collections.defaultdict(list)
    try:
        with ThreadPoolExecutor(arguments.jobs) as pool, Interruptible(pool):
            for outcome in pool.map(runner.one, seeds):
                by_kind[outcome.kind].append(outcome)
                if outcome.kind == "different":
                    print(outcome.text, flush=True)
                elif outcome.kind in ("endless", "undefined") and arguments.list:
                    print(f"seed {outcome.seed}: the program is {outcome.kind} when it runs alone; was the list made for another version of csmith?", flush=True)
    finally:
        shutil.rmtree(runner.folder)
    sys.exit(report(by_kind, arguments, time.monotonic() - begin))


class Interruptible:
    """Ctrl-C ends the programs to come; what has been compared is reported."""

    def __init__(self, pool):
        self.pool = pool

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is not KeyboardInterrupt:
            return False
        self.pool.shutdown(cancel_futures=True)
        print("interrupted", flush=True)
        return True


def report(by_kind, arguments, seconds):
    same, different, endless, undefined = (by_kind[kind] for kind in ("same", "different", "endless", "undefined"))
    preemptions = sorted(int(o.figures["preemptions"]) for o in same) or [0]
    pinned, vector = (sum(int(o.figures[what]) for o in same) for what in ("pinned", "vector"))
    if arguments.print_good:
        print(*(o.seed for o in same))
    print(f"{len(same) + len(different)} programs compared, {len(different)} different; {len(endless)} left out because they do not end, "
          f"{len(undefined)} because they do something else at another level, with the plugin and without; {seconds:.0f} s")
    print(f"preemptions: {sum(preemptions)}, of them {pinned} pinned and {vector} with vector state; by program {preemptions[0]} at least, "
          f"{preemptions[len(preemptions) // 2]} at the median")
    if same and sum(preemptions) < len(same):
        print("fewer preemptions than programs: that is no storm")
        return 1
    return 1 if different or not same or (arguments.list and (endless or undefined)) else 0


main()
