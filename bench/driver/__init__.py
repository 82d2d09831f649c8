# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The benchmarks' driver: one module for each group of figures, and what they share."""
