# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the groups share: where things are, running programs with a time limit, and statistics that one bad moment does not move."""
import math
import os
import resource
import select
import statistics
import subprocess
import sys
from pathlib import Path


class BenchError(Exception):
    """A benchmark could not be run; the message says why."""


class Context:
    def __init__(self, build):
        self.build = Path(build).resolve()
        self.source = Path(__file__).resolve().parents[2]
        self.bench = self.source / "bench"
        self.scratch = self.build / "bench" / "scratch"
        self.scratch.mkdir(parents=True, exist_ok=True)
        self.plugin = self.build / "lib" / "stillpoint-plugin.so"
        self.clangxx = find_tool("clang++-22", "clang++")
        self.clang = find_tool("clang-22", "clang")

    def program(self, name):
        path = self.build / "bench" / name
        if not path.exists():
            raise BenchError(f"{path} is not built")
        return str(path)

    def kernels(self):
        """The kernels' names, in the order of kernels/table.c."""
        lines = (self.bench / "kernels" / "table.c").read_text(encoding="utf-8").splitlines()
        return [line.split('"')[1] for line in lines if line.strip().startswith('{"')]

    def compiler(self, source):
        """The compiler and language options for a source file."""
        return [self.clang] if str(source).endswith(".c") else [self.clangxx, "-std=c++20"]


def find_tool(*names):
    for name in names:
        for folder in os.environ.get("PATH", "").split(os.pathsep) + ["/usr/lib/llvm-22/bin", "/usr/lib/go-1.19/bin"]:
            candidate = os.path.join(folder, name)
            if os.access(candidate, os.X_OK):
                return candidate
    return None


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(command, timeout=60, env=None):
    """The program's standard output; a BenchError with the end of its messages if it fails or hangs."""
    shown = " ".join(map(str, command))
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env={**os.environ, **(env or {})}, check=False)
    except subprocess.TimeoutExpired:
        raise BenchError(f"no end after {timeout} s: {shown}") from None
    if done.returncode != 0:
        raise BenchError(f"status {done.returncode}: {shown}\n{done.stderr[-2000:]}")
    return done.stdout


def build_go(ctx, name):
    """bench/go/NAME as a program; None without a Go toolchain."""
    go = find_tool("go", "go-1.19")
    if not go:
        return None
    program = ctx.scratch / f"{name}-go"
    env = {"GOCACHE": str(ctx.scratch / "go-cache"), "GO111MODULE": "off", "GOFLAGS": ""}
    run([go, "build", "-o", str(program), str(ctx.bench / "go" / name / "main.go")], timeout=200, env=env)
    return str(program)


def user_seconds(command, timeout=300):
    """User time of the program and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    run(command, timeout, {"CCACHE_DISABLE": "1"})
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def median(values):
    return statistics.median(values)


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


class Server:
    """A program that runs kernels on request (programs/serve.h)."""

    FIELDS = ("wall", "thread", "process", "preemptions", "checksum")

    def __init__(self, path):
        self.path = path
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, request):
        try:
            self.process.stdin.write(f"{request}\n")
            self.process.stdin.flush()
            ready, _, _ = select.select([self.process.stdout], [], [], 60)
            if not ready:
                self.process.kill()
                raise BenchError(f"{self.path} hangs in: {request}")
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise BenchError(f"{self.path} ended while it ran: {request} (status {self.process.wait(10)})")
        return line

    def measure(self, kernel, rounds):
        return dict(zip(self.FIELDS, map(int, self.ask(f"{kernel} {rounds}").split())))

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise BenchError(f"{self.path} does not end") from None


class SegmentServer(Server):
    """A program that runs a kernel in several ways in turns (programs/segments.h)."""

    FIELDS = ("wall", "thread", "stops", "checksum")

    def measure(self, kernel, rounds, repetitions):
        """All segments in their order; the even ones are of the base."""
        segments = []
        line = self.ask(f"{kernel} {rounds} {repetitions}")
        while line.strip() != "end":
            if not line:
                raise BenchError(f"{self.path} ended while it told of {kernel}")
            way, *numbers = line.split()
            segments.append({"way": way, **dict(zip(self.FIELDS, map(int, numbers)))})
            line = self.process.stdout.readline()
        return segments


def calibrate(measure, milliseconds):
    """How many rounds take about so long: `measure(rounds)` has the time in its "thread"."""
    rounds = 16
    while True:
        taken = min(measure(rounds)["thread"] for _ in range(2))
        if taken > 2_000_000:
            return max(1, round(rounds * milliseconds * 1e6 / taken))
        rounds *= 4
