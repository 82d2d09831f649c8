# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs stillpoint-verify over files that the build has made; all of them have to be clean.

usage: built.py VERIFY FILE...

Two at a time. Prints what was looked at and what could not be, in sums, and ends with status 1 if anything was found or a file could not be read.
"""
import collections
import concurrent.futures
import json
import subprocess
import sys


def check(verify, path):
    return subprocess.run([verify, "--json", path], capture_output=True, text=True, timeout=110)


def main():
    verify, *paths = sys.argv[1:]
    sums, skipped, problems = collections.Counter(), collections.Counter(), []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for path, result in zip(paths, pool.map(lambda p: check(verify, p), paths)):
            if result.returncode not in (0, 1):
                problems.append(f"{path}: {result.stderr.strip()}")
                continue
            for report in map(json.loads, result.stdout.splitlines()):
                sums.update({"functions": report["functions"], **report["points"], "frames": report["frames"],
                             "listed references": report["listed"], "wanted references": report["wanted"]})
                skipped.update(report["not_checked"])
                problems += [f"{report['file']}: {f.get('address', 0):#x}: {f.get('function', '')}: {f['reason']} [{f['rule']}]"
                             for f in report["findings"]]
    print(*problems[:100], sep="\n")
    print(f"{len(paths)} files, {len(problems)} findings: " + ", ".join(f"{n} {what}" for what, n in sums.items()))
    print("not checked: " + ", ".join(f"{n} {what}" for what, n in skipped.items()))
    sys.exit(1 if problems or not sums["frames"] else 0)


main()
