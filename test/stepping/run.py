#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Steps whole programs (stepping.cpp): stops, collections and overwritten dead registers at every kind of point must not change what they do.

Each program is compiled with liveness=full, run undisturbed and then stepped; what it prints and its exit status have to be the same (for programs that print
times: as samples/CMakeLists.txt expects), no state may differ over a stop, and no stop may be refused where isAsyncSafePoint allowed it. At least 97 % of all
instructions have to be safe or pinned. For each program --keep gets a list of the points of its tables that were never reached.
"""
import argparse
import os
import re
import struct
import subprocess
import sys
import time
from collections import Counter, namedtuple
from concurrent.futures import ThreadPoolExecutor

SOURCE = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
# As report.h has them, and stillpoint::refusal.
FIGURES = ("steps safe pinned preempted with_vectors collected overwritten registers without_live_set differences refused_late not_compared unsafe_frame "
           "unsafe_place unsafe_caller other_threads").split()
REFUSALS = "none off not_wanted no_task stack runtime_lock disabled mutex_held foreign_code unsafe_point foreign_frame unknown_frame corrupt_table".split()
MAGIC = 0x53504554530001
LEAST_SHARE = 0.97
LIT = "ir/icf.cpp ir/registration.cpp ir/unsafe-region.cpp main-task/preempted.cpp".split()
TELLS_THREADS = ("threads_lifecycle",)  # counts the process's threads: the storm's is one too many
# Their reads give up after a while, which stepping takes on a busy machine.
FEW_STEPS = {"sample-download": 50_000, "sample-echo_server": 50_000}
# At -O0 one's addition is more than one instruction, and the other's loop calls functions that may be stopped.
OPTIMISED_ONLY = ("sample-tls_loop", "sample-nosplit_loop")
NOSPLIT = ("sample-nosplit_loop", "lit-ir-unsafe-region")  # say themselves that they are not to be stopped: no part of the share

# arguments: of the program. expect: lines that its output has to have; None: the same output as undisturbed. as_task: its main is run as a task.
Program = namedtuple("Program", "name sources arguments procs expect as_task")
Result = namedtuple("Result", "name level error figures refusals points reached unreached seconds")


def collected_programs():
    for name in ("binary_trees gcbench red_black linked_list graph lru_cache strings lisp raw_pointers frames values forwarded paths shapes").split():
        # Not "precision": whatever lives to the end of its scope is wrong there, at -O0. The scale keeps them busy until --most is reached; the second argument: no task that only spins.
        yield Program("gc-" + name, [f"test/gc/programs/{name}.cpp"], ["5", "alone"], 1, None, False)
    yield Program("gc-reorder", ["test/gc/reorder/reorder.cpp"], ["1", "alone"], 1, None, False)


def samples():
    with open(os.path.join(SOURCE, "samples", "CMakeLists.txt"), encoding="utf-8") as file:
        text = file.read()
    for name, procs, sources, expect in re.findall(r"^stillpoint_sample\((\w+) PROCS (\d+) SOURCES ([^\n]*)\n\s*EXPECT (.*)\)$", text, re.M):
        if name in TELLS_THREADS:
            continue
        lines = [e.replace("\\\\", "\\") for e in re.findall(r'"((?:[^"\\]|\\.)*)"', expect.replace('\\"', "'"))]
        files = sources.split() + (["tls_counter.cpp"] if name == "tls_loop" else [])
        yield Program("sample-" + name, ["samples/" + f for f in files], [], int(procs), [e.replace("'", '"') for e in lines], False)


def kernels():
    folder = os.path.join(SOURCE, "bench", "kernels")
    for file in sorted(os.listdir(folder)):
        name = file.partition(".")[0]
        if name not in ("kernels", "table"):  # one a file
            yield Program("kernel-" + name, [f"bench/kernels/{file}", "test/stepping/kernels.cpp"], [], 1, None, False)


def compiler_tests():
    for file in LIT:
        yield Program("lit-" + file.partition(".")[0].replace("/", "-"), ["lit/" + file], [], 1, None, True)


def own_programs():
    yield Program("long-double", ["test/stepping/long_double.cpp"], [], 1, None, True)


class Failure(Exception):
    pass


class Stepper:
    def __init__(self, arguments):
        self.build, self.arguments = os.path.abspath(arguments.build), arguments
        self.folder = os.path.abspath(arguments.keep)
        os.makedirs(self.folder, exist_ok=True)

    def call(self, command, environment=None, timeout=300):
        try:
            return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout, env=environment)
        except subprocess.TimeoutExpired as error:
            raise Failure(f"{' '.join(command)}: did not end within {timeout} s") from error

    def need(self, command):
        done = self.call(command)
        if done.returncode:
            raise Failure(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        return done.stdout

    def compile(self, source, level, program, name):
        compiler = ["clang-22"] if source.endswith(".c") else ["clang++-22", "-std=c++20"]
        target = f"{name}-{os.path.basename(source)}.o"
        options = ["-fplugin=" + os.path.join(self.build, "lib", "stillpoint-plugin.so"), "-fplugin-arg-stillpoint-liveness=full", "-w"]
        if program.name.startswith("kernel-"):
            options += ["-DKERNEL=kernel_" + program.name.partition("-")[2]]
        self.need([*compiler, level, *options, "-I" + os.path.join(SOURCE, "include"), "-I" + SOURCE, "-c", os.path.join(SOURCE, source), "-o", target])
        if program.as_task:
            self.need(["objcopy", "--redefine-sym", "main=program_main", target])
        return target

    def make(self, program, level):
        name = os.path.join(self.folder, f"{program.name}{level}")
        sources = program.sources + (["test/stepping/as_task.cpp"] if program.as_task else [])
        objects = [self.compile(s, level, program if s in program.sources else program._replace(as_task=False), name) for s in sources]
        libraries = os.path.join(self.build, "lib")
        self.need(["clang++-22", "-no-pie", "-fuse-ld=lld", *objects, "-Wl,--whole-archive", os.path.join(libraries, "libstepping.a"), "-Wl,--no-whole-archive",
                   os.path.join(libraries, "libstillpoint.a"), "-ldl", "-lpthread", "-o", name])
        for file in objects:
            os.unlink(file)
        return name

    def most(self, program):
        return min(self.arguments.most, FEW_STEPS.get(program.name, self.arguments.most))

    def run_one(self, name, program, stepped):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("STILLPOINT_")} | {"STILLPOINT_PROCS": str(program.procs)}
        if stepped:
            environment |= {"STILLPOINT_STEP_FILE": name + ".report", "STILLPOINT_STEP_MOST": str(self.most(program)),
                            "STILLPOINT_STEP_COLLECT": str(self.arguments.collect), "STILLPOINT_STEP_SEED": str(self.arguments.seed),
                            "STILLPOINT_DEBUG": "storm=1s,gcpoison=1"}
        return self.call([name, *program.arguments], environment, self.arguments.timeout)

    def one(self, job):
        program, level = job
        begin = time.monotonic()
        try:
            name = self.make(program, level)
            plain, stepped = self.run_one(name, program, False), self.run_one(name, program, True)
            result = self.examine(name, program, level, time.monotonic() - begin)
            error = compare(program, plain, stepped) or result.error
            if not error:
                os.unlink(name)
                os.unlink(name + ".report")
            elif os.path.exists(name):
                again = f"STILLPOINT_STEP_FILE=report STILLPOINT_STEP_SEED={self.arguments.seed} STILLPOINT_STEP_MOST={self.most(program)} " \
                        f"STILLPOINT_STEP_COLLECT={self.arguments.collect} STILLPOINT_PROCS={program.procs} STILLPOINT_DEBUG=storm=1s,gcpoison=1 " \
                        f"{name} {' '.join(program.arguments)}"
                error += f"\n  to run it again: {again}"
            return result._replace(error=error)
        except Failure as failure:
            return Result(program.name, level, str(failure), Counter(), Counter(), 0, 0, 0, time.monotonic() - begin)

    def examine(self, name, program, level, seconds):
        with open(name + ".report", "rb") as file:
            data = file.read()
        magic, begin, size, place = struct.unpack_from("<4Q", data)
        if magic != MAGIC:
            raise Failure(f"{name}: the stepped program wrote no report")
        figures = Counter(dict(zip(FIGURES, struct.unpack_from("<32Q", data, 96))))
        refusals = Counter(dict(zip(REFUSALS, struct.unpack_from("<32Q", data, 96 + 256))))
        executed = struct.unpack_from(f"<{size}I", data, 96 + 512)
        refused_with = data[96 + 512 + 4 * size:]
        error = ""
        if figures["differences"]:
            what = data[32:96].split(b"\0")[0].decode()
            error = f"{figures['differences']} times a state was another after a stop; first: {what} at {place:#x}"
        elif figures["refused_late"]:
            error = f"{figures['refused_late']} stops were refused where isAsyncSafePoint had allowed them"
        elif not figures["steps"]:
            error = "nothing was stepped"
        points, reached = self.list_unreached(name, begin, executed, refused_with)
        return Result(program.name, level, error, figures, refusals, points, reached, points - reached, seconds)

    def list_unreached(self, name, begin, executed, refused_with):
        """Writes the points that were never reached, and the most executed ones that were refused; returns how many points there are, and were reached."""
        points = reached = 0
        function, refused = "", []
        with open(name + ".unreached", "w", encoding="utf-8") as out:
            for line in self.need([os.path.join(self.build, "bin", "stillpoint-objdump"), name]).splitlines():
                at = re.match(r"[> ] ([0-9a-f]{10,16})  (safe|pinned|unsafe) ", line)
                if not at:
                    named = re.match(r"[0-9a-f]{8,16} (<.*>):", line)
                    function = named.group(1) if named else function
                    continue
                points += 1
                offset = int(at.group(1), 16) - begin
                if not 0 <= offset < len(executed) or not executed[offset]:
                    print(function, line, file=out)
                    continue
                reached += 1
                if refused_with[offset]:
                    refused.append((executed[offset], REFUSALS[refused_with[offset] - 1], function, line))
        with open(name + ".refused", "w", encoding="utf-8") as out:
            for count, why, function, line in sorted(refused, reverse=True)[:200]:
                print(count, why, function, line, file=out)
        return points, reached


def compare(program, plain, stepped):
    if plain.returncode:
        return f"ends with {plain.returncode} when it is not stepped:\n{plain.stdout}{plain.stderr}"
    if stepped.returncode:
        return f"ends with {stepped.returncode}:\n{stepped.stdout}{stepped.stderr}"
    if program.expect is None:
        return "" if plain.stdout == stepped.stdout else f"prints\n{stepped.stdout}{stepped.stderr}instead of\n{plain.stdout}"
    lines = (stepped.stdout + stepped.stderr).splitlines()
    missing = [e for e in program.expect if not any(re.search(e, line) for line in lines)]
    return f"prints no line like {missing}:\n{stepped.stdout}{stepped.stderr}" if missing else ""


def share(part, whole):
    return f"{100 * part / whole:7.3f} %" if whole else "      - "


def line_of(r):
    f = r.figures
    unsafe = {k: f[k] for k in ("unsafe_frame", "unsafe_place", "unsafe_caller")} | {k: v for k, v in r.refusals.items() if k != "unsafe_point"}
    why = ", ".join(f"{k} {share(v, f['steps']).strip()}" for k, v in sorted(unsafe.items(), key=lambda i: -i[1]) if v)
    return (f"{r.name + r.level:<28}{f['steps']:>9} steps: safe {share(f['safe'], f['steps'])} pinned {share(f['pinned'], f['steps'])}  stops {f['preempted']:>7}  "
            f"collections {f['collected']:>5}  overwritten {f['overwritten']:>8}  points reached {share(r.reached, r.points)} of {r.points:>6}  {r.seconds:4.0f} s"
            + (f"  [{why}]" if why else ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="the build folder, with lib/ and bin/ (default: %(default)s)")
    parser.add_argument("--most", type=int, default=400_000, help="instructions stepped in each program (default: %(default)s)")
    parser.add_argument("--collect", type=int, default=2000, help="safe points from one collection to the next, on average (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of what is done at which instruction (default: %(default)s)")
    parser.add_argument("--levels", default="-O0,-O2")
    parser.add_argument("--alternate", action="store_true", help="each program at one of the levels only, in turn")
    parser.add_argument("--only", default="", metavar="REGEX", help="programs with such names")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="programs at the same time (default: %(default)s)")
    parser.add_argument("--timeout", type=int, default=300, help="seconds for one program (default: %(default)s)")
    parser.add_argument("--keep", default="stepping-reports", help="where lists of points go, and programs that failed (default: %(default)s)")
    arguments = parser.parse_args()
    stepper, levels = Stepper(arguments), arguments.levels.split(",")
    programs = [p for group in (samples, collected_programs, kernels, compiler_tests, own_programs) for p in group() if re.search(arguments.only, p.name)]
    jobs = [(p, level) for i, p in enumerate(programs) for j, level in enumerate(levels) if not arguments.alternate or i % len(levels) == j]
    jobs = [(p, level) for p, level in jobs if p.name not in OPTIMISED_ONLY or level != "-O0"]
    results = []
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for result in pool.map(stepper.one, jobs):  # in their order
            results.append(result)
            print(line_of(result) if result.figures else f"{result.name}{result.level}", flush=True)
            if result.error:
                print(f"{result.name}{result.level}: {result.error}", flush=True)
    sys.exit(report(results))


def report(results):
    total, failed = Counter(), [r for r in results if r.error]
    for r in results:
        total.update(r.figures)
    if not total["steps"]:
        print("nothing was stepped")
        return 1
    counted = Counter()
    for r in results:
        counted.update(r.figures if r.name not in NOSPLIT else {})
    allowed = (counted["safe"] + counted["pinned"]) / (counted["steps"] or 1)
    print(f"{len(results)} programs, {len(failed)} failed; {total['steps']} instructions stepped: {100 * allowed:.3f} % safe or pinned (but for those that are nosplit); {total['preempted']} stops, "
          f"{total['collected']} of them with a collection, {total['overwritten']} times everything dead was overwritten ({total['registers']} registers)")
    if allowed < LEAST_SHARE:
        print(f"less than {100 * LEAST_SHARE:.0f} % are safe or pinned")
    return 1 if failed or allowed < LEAST_SHARE else 0


main()
