#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""compare.py PLAIN MANAGED: both programs have to print the same and end with 0."""
import subprocess
import sys

want, got = (subprocess.run([program], capture_output=True, text=True, timeout=100) for program in sys.argv[1:3])
if want.returncode or got.returncode or want.stdout != got.stdout:
    sys.exit(f"{sys.argv[2]} ended with {got.returncode}\n{got.stderr}\nwanted:\n{want.stdout}\ngot:\n{got.stdout}")
