# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Echo requests a second with 64 clients in the process, beside a bare epoll loop and, where a Go toolchain is installed, Go; and idle connections."""
import os
import resource

from .figures import Figure
from .tools import BenchError, find_tool, median, run, say

ROUNDS, CLIENTS, MILLISECONDS, WARM_UP, IDLE = 5, 64, 1000, 200, 10_000
PROCESSORS = min(2, len(os.sched_getaffinity(0)))
SETTINGS = {"STILLPOINT_PROCS": str(PROCESSORS), "STILLPOINT_SLICE": "10ms", "STILLPOINT_DEBUG": "", "GOMAXPROCS": str(PROCESSORS)}


def build_go(ctx):
    go = find_tool("go", "go-1.19")
    if not go:
        return None
    program = ctx.scratch / "echo-go"
    env = {"GOCACHE": str(ctx.scratch / "go-cache"), "GO111MODULE": "off", "GOFLAGS": ""}
    run([go, "build", "-o", str(program), str(ctx.bench / "go" / "echo" / "main.go")], timeout=200, env=env)
    return str(program)


def fields(text):
    words = text.split()
    return {name: float(value) for name, value in zip(words[::2], words[1::2])}


def one_round(program):
    """What the program says, and the CPU time of its process for each request: less than the rate is that moved by what else runs here."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = fields(run([program, str(CLIENTS), str(MILLISECONDS)], env=SETTINGS))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return {**told, "cpu": cpu * 1e6 / (told["requests"] * (MILLISECONDS + WARM_UP) / 1000)}


def measure(ctx):
    say(f"net: echo requests of {CLIENTS} clients on {PROCESSORS} processors, and {IDLE} idle connections")
    programs = {"ours": ctx.program("bench-echo"), "epoll": ctx.program("bench-echo-epoll")}
    if go := build_go(ctx):
        programs["go"] = go
    rounds = [{way: one_round(p) for way, p in programs.items()} for _ in range(ROUNDS)]

    def of(way, what):
        return median([r[way][what] for r in rounds])

    yield Figure("echo.requests_per_second", of("ours", "requests"), "1/s", f"{ROUNDS} rounds of {MILLISECONDS} ms")
    yield Figure("echo.epoll.requests_per_second", of("epoll", "requests"), "1/s", "two threads with bare epoll loops")
    yield Figure("echo.over_epoll", median([r["ours"]["requests"] / r["epoll"]["requests"] for r in rounds]), "x")
    yield Figure("echo.rtt_p50_us", of("ours", "p50") / 1000, "us")
    yield Figure("echo.rtt_p99_us", of("ours", "p99") / 1000, "us")
    yield Figure("echo.epoll.rtt_p99_us", of("epoll", "p99") / 1000, "us")
    yield Figure("echo.cpu_us", of("ours", "cpu"), "us", "CPU time for a request, of server, client and kernel together")
    yield Figure("echo.epoll.cpu_us", of("epoll", "cpu"), "us")
    if go:
        yield Figure("echo.go.requests_per_second", of("go", "requests"), "1/s")
        yield Figure("echo.over_go", median([r["ours"]["requests"] / r["go"]["requests"] for r in rounds]), "x")
        yield Figure("echo.go.rtt_p99_us", of("go", "p99") / 1000, "us")
        yield Figure("echo.go.cpu_us", of("go", "cpu"), "us")
        yield Figure("echo.rtt_p99_over_go", median([r["ours"]["p99"] / r["go"]["p99"] for r in rounds]), "x")
    else:
        yield Figure("echo.over_go", "not installed", "x", "a Go toolchain (golang-1.19) gives the same program in Go beside it")
    try:
        idle = fields(run([ctx.program("bench-echo-idle"), str(IDLE)], env=SETTINGS))
    except BenchError as error:
        if "limit on open files" not in str(error):
            raise
        yield Figure("echo.idle.extra_threads", "not allowed", "", "the limit on open files")
        return
    if idle["answered"] != IDLE:
        raise BenchError(f"{int(idle['answered'])} of {IDLE} idle connections answered")
    yield Figure("echo.idle.extra_threads", idle["threads"] - PROCESSORS, "", f"threads beside the processors, {IDLE} connections")
    yield Figure("echo.idle.bytes", idle["bytes"], "bytes", "resident, a connection with a task; the kernel's memory is not counted")
