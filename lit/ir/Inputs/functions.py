# Prints a line for each function that the IR on standard input defines: its name, and which of the attributes given as arguments it has.
import re
import sys

text = sys.stdin.read()
groups = dict(re.findall(r"^attributes (#\d+) = \{(.*)\}$", text, re.M))
for name, rest in re.findall(r"^define [^@]*@\"?([\w$.]+)\"?\((.*)$", text, re.M):
    group = re.findall(r"#\d+", rest)
    attributes = groups.get(group[-1], "") if group else ""
    print(name, *[a for a in sys.argv[1:] if re.search(rf'(?<![\w-]){a}(?![\w-])', attributes)])
