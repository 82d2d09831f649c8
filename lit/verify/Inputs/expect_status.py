# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs a command, hands its output on, and succeeds if it ends with the status that is expected.

usage: expect_status.py STATUS COMMAND ARGUMENT...
"""
import subprocess
import sys

status = subprocess.run(sys.argv[2:], timeout=120).returncode
if status != int(sys.argv[1]):
    sys.exit(f"{sys.argv[2]} ended with {status}, not with {sys.argv[1]}")
