# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles sources plain and with the plugin, and compares the code.

usage: identity.py CLANG PLUGIN INCLUDE LEVELS ROOT PATH...

Every C and C++ file below the PATHs (relative to ROOT) is compiled at the LEVELS (of O0,O2,O3,g); the bytes, the order and the
relocations of all executable sections, but the one that only the plugin makes, have to be the same. A test that splits itself (split-file)
is taken part by part. Files that use the plugin's attributes or references are left out: these are there to change code. Prints what was compared and ends with
status 1 if anything differs, does not compile, or nothing was compared.

A file may say `identity: skip (reason)`, or `identity: flags -mavx2 ...` for what it needs.
"""
import concurrent.futures
import os
import re
import struct
import subprocess
import sys
import tempfile

CONFIGURATIONS = {"O0": ["-O0"], "O2": ["-O2"], "O3": ["-O3"], "g": ["-O2", "-g", "-fPIC", "-ffunction-sections"]}
OWN_SECTION = "stillpoint_init"
ATTRIBUTES = re.compile(r"\[\[\s*stillpoint::|stillpoint_nosplit|stillpoint_unsafe_region|gc::|stillpoint/gc|address_space\(1\)")
SHF_EXECINSTR, SHF_STRINGS, SHT_RELA, R_X86_64_NONE = 4, 0x20, 4, 0


def c_string(data, offset):
    return data[offset : data.index(b"\0", offset)].decode()


class Object:
    """As much of a relocatable ELF64 file as the comparison reads."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        table, = struct.unpack_from("<Q", self.data, 0x28)
        count, names = struct.unpack_from("<HH", self.data, 0x3C)
        header = struct.Struct("<IIQQQQIIQQ")
        self.sections = [header.unpack_from(self.data, table + i * header.size) for i in range(count)]
        self.names = [c_string(self.data, self.sections[names][4] + s[0]) for s in self.sections]

    def bytes_of(self, index):
        return self.data[self.sections[index][4] :][: self.sections[index][5]]

    def symbol(self, table, index):
        name, info, _, section, value, _ = struct.unpack_from("<IBBHQQ", self.data, self.sections[table][4] + 24 * index)
        if info & 15 == 3:  # a section's symbol has the section's name
            return self.names[section]
        text = c_string(self.data, self.sections[self.sections[table][6]][4] + name)
        if text.startswith(".L") and self.sections[section][2] & SHF_STRINGS:  # where a string stands depends on the others
            return repr(c_string(self.data, self.sections[section][4] + value))
        # A local label that the assembler kept is known by its place, not by its number.
        return f"{self.names[section]}+{value}" if text.startswith(".L") else text

    def relocations(self, target):
        found = []
        for index, section in enumerate(self.sections):
            if section[1] == SHT_RELA and section[7] == target:
                for offset, info, addend in struct.iter_unpack("<QQq", self.bytes_of(index)):
                    if info & 0xFFFFFFFF == R_X86_64_NONE:  # changes no byte: it keeps linkers from folding code with different tables
                        continue
                    found.append((offset, info & 0xFFFFFFFF, self.symbol(section[6], info >> 32), addend))
        return found

    def code(self):
        return [
            (self.names[i], self.bytes_of(i), self.relocations(i))
            for i, s in enumerate(self.sections)
            if s[2] & SHF_EXECINSTR and self.names[i] != OWN_SECTION
        ]


def sources_below(root, paths):
    for path in paths:
        for folder, folders, files in os.walk(os.path.join(root, path)):
            folders.sort()
            yield from (os.path.join(folder, f) for f in sorted(files) if f.endswith((".c", ".cpp", ".cc")))


def wanted(text):
    return not ATTRIBUTES.search(text) and "identity: skip (" not in text


def parts_of(path, scratch):
    """The file itself, or the C and C++ files that split-file makes of it."""
    with open(path) as file:
        text = file.read()
    flags = [flag for line in re.findall(r"identity: flags (.*)", text) for flag in line.split()]
    if not re.search(r"^//--- ", text, re.M):
        if wanted(text):
            yield path, path, flags + ["-I", os.path.dirname(path)]
        return
    folder = tempfile.mkdtemp(dir=scratch)
    pieces = re.split(r"^//--- (.*)\n", text, flags=re.M)
    for name, piece in zip(pieces[1::2], pieces[2::2]):
        target = os.path.join(folder, name.strip())
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w") as file:
            file.write(piece)
        if name.strip().endswith((".c", ".cpp")) and wanted(piece):
            yield f"{path}:{name.strip()}", target, flags + ["-I", folder]


def compile_one(clang, options, source, target):
    standard = ["-std=gnu17"] if source.endswith(".c") else ["-std=gnu++20"]
    # The plugin's macro, for both: the headers show code with channels and closures what only the plugin can complete.
    command = [clang, *standard, "-w", "-D__STILLPOINT__", *options, "-c", source, "-o", target]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=110)


def difference(plain, managed):
    if [c[0] for c in plain] != [c[0] for c in managed]:
        return f"executable sections {[c[0] for c in plain]} and {[c[0] for c in managed]}"
    for (name, old, old_relocations), (_, new, new_relocations) in zip(plain, managed):
        if old != new:
            at = next((i for i, (a, b) in enumerate(zip(old, new)) if a != b), min(len(old), len(new)))
            return f"{name}: {len(old)} and {len(new)} bytes, first difference at {at:#x}"
        if old_relocations != new_relocations:
            return f"{name}: relocations differ: {sorted(set(old_relocations) ^ set(new_relocations))[:4]}"
    return None


def compare(job):
    clang, plugin, include, scratch, number, (label, source, flags), configuration = job
    plain, managed = (os.path.join(scratch, f"{number}.{kind}.o") for kind in ("plain", "managed"))
    options = [*configuration, "-I", include, *flags]
    what = f"{label} {' '.join(configuration)}"
    for target, more in ((plain, []), (managed, [f"-fplugin={plugin}"])):
        result = compile_one(clang, options + more, source, target)
        if result.returncode:
            return 0, f"{what}: does not compile {'with' if more else 'without'} the plugin\n{result.stdout}"
    old, new = Object(plain).code(), Object(managed).code()
    size = sum(len(c[1]) for c in old)
    os.unlink(plain), os.unlink(managed)
    found = difference(old, new)
    return size, found and f"{what}: {found}"


def main():
    clang, plugin, include, levels, root, *paths = sys.argv[1:]
    configurations = [CONFIGURATIONS[level] for level in levels.split(",")]
    with tempfile.TemporaryDirectory() as scratch:
        parts = [part for path in sources_below(root, paths) for part in parts_of(path, scratch)]
        cases = [(part, configuration) for part in parts for configuration in configurations]
        jobs = [(clang, plugin, include, scratch, number, *case) for number, case in enumerate(cases)]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            results = list(pool.map(compare, jobs))
    problems = [problem for _, problem in results if problem]
    print(*problems, sep="\n")
    print(f"{len(parts)} files compared at {levels}, {sum(size for size, _ in results)} bytes of code: "
          f"{len(problems)} differences")
    sys.exit(1 if problems or not sum(size for size, _ in results) else 0)


if __name__ == "__main__":
    main()
