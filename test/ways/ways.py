# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small programs, compiled in all the ways that there are, preempted while they run.

usage: ways.py BUILD SOURCE [--all] [--jobs N] [--list] [WORD...]

Each case is a program of test/ways/programs and a way to compile it. It is compiled plain and by the wrapper with main=task; the second is run in
a storm (a request to stop every 20 us), has to be stopped at least once, and has to print what the first prints, with the same status. Besides, the
code of the two is compared (lit/identity): with the plugin it is the same, byte for byte.

Without --all each way takes a few programs, all of them at -O0 and -O2; with WORDs only cases whose names have one of them. A program that was
not stopped may have been too short on a busy machine: it is run again, at most 20 times.
"""
import argparse
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import tempfile

C = ["loops.c", "computed_goto.c", "assembly.c", "jumps.c", "thread_local.c", "vectors.c", "varargs.c"]
CXX = ["exceptions.cpp", "coroutine.cpp", "classes.cpp"]
SHARED = ["shared.c"]
EVERY = C + CXX + SHARED
UNLINKED = C + CXX  # one executable without shared objects


class Way:
    """Flags of a way, the programs it makes sense for, and those that are taken without --all."""

    def __init__(self, flags, programs=EVERY, few=None, link="", same_code=True):
        self.flags, self.programs, self.link = flags.split(), programs, link.split()
        self.few = few if few is not None else programs
        self.same_code = same_code
        self.name = f"{flags} {link}".strip()


WAYS = [
    Way("-O0"),
    Way("-O1", few=["computed_goto.c", "coroutine.cpp", "vectors.c"]),
    Way("-O2"),
    Way("-O3", few=["loops.c", "classes.cpp", "vectors.c"]),
    Way("-Os", few=["jumps.c", "exceptions.cpp"]),
    Way("-Oz", few=["varargs.c", "loops.c"]),
    Way("-O2 -g", few=["exceptions.cpp", "loops.c"]),
    Way("-O2 -gsplit-dwarf", few=["classes.cpp"]),
    Way("-O2 -fPIC", few=["thread_local.c", "shared.c"]),
    Way("-O2 -fPIE -pie", UNLINKED, few=["thread_local.c"]),
    Way("-O2 -fno-pie -no-pie", UNLINKED, few=["thread_local.c", "computed_goto.c"]),
    Way("-O2 -static", UNLINKED, few=["varargs.c", "classes.cpp"]),
    Way("-O2 -static-pie", UNLINKED, few=["thread_local.c"]),
    Way("-O2 -ffunction-sections -fdata-sections", few=["classes.cpp"], link="-Wl,--gc-sections -Wl,-z,start-stop-gc"),
    Way("-O2 -ffunction-sections -fdata-sections -fuse-ld=lld", few=["loops.c"], link="-Wl,--gc-sections"),
    Way("-O2 -flto", few=["loops.c", "exceptions.cpp"]),
    Way("-O2 -flto=thin", few=["classes.cpp", "shared.c"]),
    Way("-O0 -flto", few=["varargs.c"]),
    Way("-O2 -flto=thin -static", UNLINKED, few=["jumps.c"]),
    Way("-O2 -fuse-ld=lld", few=["thread_local.c", "assembly.c"]),
    Way("-O2 -fuse-ld=bfd", few=["assembly.c"]),
    Way("-O3 -march=native", few=["vectors.c", "loops.c"]),
    Way("-O2 -fno-exceptions -fno-asynchronous-unwind-tables", C + ["coroutine.cpp", "classes.cpp"], few=["coroutine.cpp"]),
    Way("-O2 -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer", few=["varargs.c"]),
    Way("-O2 -mno-red-zone -fstack-protector-strong -fstack-clash-protection", few=["loops.c"]),
    Way("-O2 -fcf-protection=full -fno-plt", few=["computed_goto.c"]),
    Way("-O1 -fsanitize=address", few=["loops.c", "exceptions.cpp"]),
    Way("-O1 -fsanitize=undefined -fno-sanitize-recover=signed-integer-overflow", few=["varargs.c", "classes.cpp"]),
]


class Failure(Exception):
    pass


def run(command, environment=None, limit=120):
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, timeout=limit)
    except subprocess.TimeoutExpired:
        raise Failure(f"not ready after {limit} s: {' '.join(command)}")


def checked(command):
    result = run(command)
    if result.returncode:
        raise Failure(f"{' '.join(command)}\n{result.stderr.decode()}")


class Compiler:
    """Clang as it is, or the wrapper; each with what it wants for link-time optimisation."""

    def __init__(self, build, wrapped, environment_main):
        self.build, self.wrapped, self.main = build, wrapped, environment_main

    def command(self, source, way):
        plus = "++" if source.endswith(".cpp") else ""
        program = os.path.join(self.build, "bin", f"stillpoint-clang{plus}") if self.wrapped else f"clang{plus}-22"
        lto = ["-fuse-ld=lld"] if any(f.startswith("-flto") for f in way.flags) and not self.wrapped else []
        main = ["-fplugin-arg-stillpoint-main=task"] if self.main else []
        return [program, "-w", *(["-std=c++20"] if plus else []), *main, *lto, *way.flags]

    def runtime(self, way):
        """The runtime, for code that does not use it: which of several definitions a linker takes goes by all that it is given."""
        static = any(f.startswith("-static") for f in way.flags)
        names = ["-Wl,--undefined=__stillpoint_static_names", "-lstillpoint", "-lstdc++"] if static else ["-lstillpoint"]
        return [] if self.wrapped else [f"-L{self.build}/lib", f"-Wl,-rpath,{self.build}/lib", *names]

    def executable(self, folder, source, way, more=()):
        """Compiles and links; returns the command that runs it."""
        target = os.path.join(folder, "program")
        command = self.command(source, way)
        if os.path.basename(source) == "shared.c":
            return self.with_shared_objects(folder, source, way, command, target)
        checked([*command, source, "-o", target, *way.link, *more, "-lm"])
        return [target]

    def with_shared_objects(self, folder, source, way, command, target):
        part = source.replace("shared.c", "shared_part.c")
        for name in ("libpart.so", "loaded.so"):
            checked([*command, "-fPIC", "-shared", part, "-o", os.path.join(folder, name), *way.link])
        checked([*command, source, "-o", target, *way.link, f"-L{folder}", "-lpart", f"-Wl,-rpath,{folder}", "-ldl"])
        return [target, os.path.join(folder, "loaded.so")]


STORM = {"STILLPOINT_PROCS": "1", "STILLPOINT_SLICE": "20us", "STILLPOINT_DEBUG": "storm=20us,preemptstats=1"}


def preempted(command, expected):
    """Runs it in a storm. Returns how often it was stopped."""
    environment = {**os.environ, **STORM}
    for _ in range(200):  # a fast machine may end it before the first request
        result = run(command, environment)
        if (result.returncode, result.stdout) != expected:
            raise Failure(f"status {result.returncode}, output {result.stdout!r} instead of {expected}\n{result.stderr.decode()}")
        found = re.search(rb"(\d+) preemptions", result.stderr)
        if found and int(found[1]):
            return int(found[1])
    raise Failure(f"never preempted\n{result.stderr.decode()}")


def objects(compiler, folder, source, way):
    """The native objects of a program that is no task."""
    os.makedirs(folder)
    if any(f.startswith("-flto") for f in way.flags):
        compiler.executable(folder, source, way, [f"-Wl,--lto-obj-path={folder}/lto.o", *compiler.runtime(way)])
        return sorted(glob.glob(f"{folder}/lto.o*"))
    target = os.path.join(folder, "one.o")
    checked([*compiler.command(source, way), "-c", source, "-o", target])
    return [target]


def compare_code(build, folder, source, way):
    if not way.same_code or (os.path.basename(source) == "shared.c" and any(f.startswith("-flto") for f in way.flags)):
        return 0
    plain = objects(Compiler(build, False, False), f"{folder}/plain-objects", source, way)
    managed = objects(Compiler(build, True, False), f"{folder}/managed-objects", source, way)
    if len(plain) != len(managed) or not plain:
        raise Failure(f"{len(plain)} objects without the plugin, {len(managed)} with it")
    size = 0
    for old, new in zip(plain, managed):
        code = identity.Object(old).code()
        size += sum(len(section[1]) for section in code)
        if found := identity.difference(code, identity.Object(new).code()):
            raise Failure(f"the plugin changed the code: {found}")
    return size


def try_case(build, programs, scratch, number, program, way):
    folder = os.path.join(scratch, str(number))
    source = os.path.join(programs, program)
    for kind in ("plain", "managed"):
        os.makedirs(os.path.join(folder, kind))
    try:
        result = run(Compiler(build, False, False).executable(f"{folder}/plain", source, way))
        expected = (result.returncode, result.stdout)
        if result.returncode:
            raise Failure(f"the plain program fails: status {result.returncode}\n{result.stderr.decode()}")
        stops = preempted(Compiler(build, True, True).executable(f"{folder}/managed", source, way), expected)
        return stops, compare_code(build, folder, source, way), None
    except Failure as failure:
        return 0, 0, f"{program} {way.name}: {failure}"


def main():
    arguments = argparse.ArgumentParser(usage=__doc__)
    arguments.add_argument("build")
    arguments.add_argument("source")
    arguments.add_argument("--all", action="store_true")
    arguments.add_argument("--list", action="store_true")
    arguments.add_argument("--jobs", type=int, default=2)
    arguments.add_argument("words", nargs="*")
    chosen = arguments.parse_intermixed_args()
    cases = [(program, way) for way in WAYS for program in (way.programs if chosen.all else way.few)]
    cases = [c for c in cases if not chosen.words or any(word in f"{c[0]} {c[1].name}" for word in chosen.words)]
    if chosen.list:
        print(*(f"{program} {way.name}" for program, way in cases), sep="\n")
        return
    for name in [n for n in os.environ if n.startswith("STILLPOINT_")]:
        del os.environ[name]
    global identity
    sys.path.insert(0, os.path.join(chosen.source, "lit", "identity"))
    import identity
    with tempfile.TemporaryDirectory() as scratch, concurrent.futures.ThreadPoolExecutor(chosen.jobs) as pool:
        programs = os.path.join(chosen.source, "test", "ways", "programs")
        jobs = [pool.submit(try_case, chosen.build, programs, scratch, number, *case) for number, case in enumerate(cases)]
        results = [job.result() for job in jobs]
    failures = [failure for _, _, failure in results if failure]
    print(*failures, sep="\n")
    stops, size = sum(r[0] for r in results), sum(r[1] for r in results)
    print(f"{len(cases)} cases, {len(WAYS)} ways: {stops} preemptions, {size} bytes of code the same, {len(failures)} failures")
    sys.exit(1 if failures or not cases else 0)


main()
