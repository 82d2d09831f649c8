# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs stillpoint-verify over files that the build has made; all of them have to be clean.

usage: built.py VERIFY LIST PART PARTS: of the files that LIST names, one a line, every one of number PART modulo PARTS, the largest first.
       built.py VERIFY --under FOLDER...: all ELF files below the folders that have tables and can be read.
       built.py VERIFY --newer FILE FOLDER...: the same of those that are newer than FILE; status 77 if there are none.

Prints what was looked at and what could not be, in sums, and ends with status 1 if anything was found or a file could not be read.
"""
import collections
import json
import os
import subprocess
import sys


def check(verify, path):
    return subprocess.run([verify, "--json", path], capture_output=True, text=True, timeout=110)


def listed_in(path, part, parts):
    with open(path, encoding="utf-8") as file:
        return sorted(set(file.read().split("\n")) - {""}, key=lambda path: (-os.path.getsize(path), path))[int(part)::int(parts)]


def is_elf(path):
    if os.path.islink(path) or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def found_under(folders):
    paths = [os.path.join(at, name) for folder in folders for at, _, names in os.walk(folder) for name in names]
    return sorted(path for path in paths if is_elf(path))


def main():
    verify, first, *rest = sys.argv[1:]
    by_hand = first in ("--under", "--newer")
    paths, unreadable = found_under(rest) if by_hand else listed_in(first, *rest), 0
    if first == "--newer":
        paths = [path for path in paths if os.path.getmtime(path) >= os.path.getmtime(rest[0])]
    sums, skipped, problems = collections.Counter(), collections.Counter(), []
    for path in paths:
        result = check(verify, path)
        if by_hand and result.returncode == 2:
            unreadable += 1  # no tables, or damaged ones on purpose
            continue
        if result.returncode not in (0, 1):
            problems.append(f"{path}: {result.stderr.strip()}")
            continue
        for report in map(json.loads, result.stdout.splitlines()):
            sums.update({"functions": report["functions"], **report["points"], "frames": report["frames"],
                         "listed references": report["listed"], "wanted references": report["wanted"]})
            skipped.update(report["not_checked"])
            problems += [f"{report['file']}: {f.get('address', 0):#x}: {f.get('function', '')}: {f['reason']} [{f['rule']}]"
                         for f in report["findings"]]
    if first == "--newer" and len(paths) == unreadable:
        print("no files")
        sys.exit(77)
    print(*problems[:100], sep="\n")
    print(f"{len(paths) - unreadable} files, {len(problems)} findings: " + ", ".join(f"{n} {what}" for what, n in sums.items()))
    print("not checked: " + ", ".join(f"{n} {what}" for what, n in skipped.items()))
    sys.exit(1 if problems or not sums["frames"] else 0)


main()
