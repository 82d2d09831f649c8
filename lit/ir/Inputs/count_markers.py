# Replaces the markers of unsafe regions in IR by calls of count_begin and count_end.
import re
import sys

source, target = sys.argv[1:]
text = open(source).read()
for marker in ("begin", "end"):
    call = rf'(tail )?call void asm sideeffect "#stillpoint.unsafe.{marker}", "~{{memory}}"\(\)'
    text, count = re.subn(call, f"call void @count_{marker}()", text)
    if not count:
        sys.exit(f"no marker {marker} in {source}")
open(target, "w").write(text)
