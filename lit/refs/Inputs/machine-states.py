# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Puts the state of each point in front of its instruction: `states.py listing.s` prints "state | instruction" lines.

An assembly listing has a label where a state begins, and says in a comment of the map which state that is.
"""
import re
import sys

RUN = re.compile(r"\s*\.uleb128\s.*?(\.L\w+)-(\.Lstillpoint\w+).*#\s*(.*)")
LABEL = re.compile(r"([\w.$]+):")
NO_CODE = re.compile(r"\s*(\.|#|$)")


def main():
    with open(sys.argv[1], encoding="utf-8") as listing:
        lines = listing.read().splitlines()
    states = {m.group(2): m.group(3) for m in map(RUN.match, lines) if m}
    state = None
    for line in lines:
        label = LABEL.match(line)
        if label:
            name = label.group(1)
            state = states.get(name, None if name.startswith(".Lfunc_end") else state)
            if not name.startswith(".L"):
                state = None
                print(f"<{name}>")
        elif state is not None and not NO_CODE.match(line):
            print(state, "|", " ".join(line.split("#")[0].split()))


main()
