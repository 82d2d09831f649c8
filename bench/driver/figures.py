# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Figures: a name, a value, a unit and, for some, a bar; the table and the JSON file made of them.

Invariant: a figure's name and its bar stand in BARS alone; groups only measure. Missing a bar is a result, not a failure.
"""
import json
import os
import platform
import time
from dataclasses import dataclass

# name: (relation, bar)
BARS = {
    "latency.p50_over_floor": ("<=", 1.3),
    "latency.p99_over_floor": ("<=", 2.0),
    "foreign.copy.p99_us": ("<", 1000.0),
    "wake.spin_1p.p50_us": ("<", 300.0),
    "slice.10ms.overhead": ("<=", 0.005),
    "slice.1ms.overhead": ("<=", 0.005),
    "slice.100us.overhead": ("<=", 0.03),
    "coverage.safe_or_pinned": (">=", 0.97),
    "tables.plain.share_of_text": ("<=", 0.04),
    "tables.refs.share_of_text": ("<=", 0.12),
    "compile.ratio": ("<=", 1.10),
    "text.identical": (">=", 1.0),
    "scan.ns_per_frame": ("<", 40.0),
    "stw.spin.p50_us": ("<", 10.0),
    "stw.spin.p99_us": ("<", 40.0),
    "idle.core_share": ("<", 0.001),
    **{f"refs.{kernel}.ratio": ("<=", 1.03)
       for kernel in ("list_walk", "tree_insert", "tree_insert_recursive", "array_sum", "array_sum_references", "hash_probe", "sort")},
    "gc.trees.over_go": ("<=", 0.8),
    "gc.trees.over_boehm": ("<=", 0.8),
    "gc.trees.pause_p99_us": ("<", 1000.0),
    "gc.trees.spin.pause_p99_us": ("<", 1000.0),
    "yield.ns": ("<", 30.0),
    "spawn.join.ns": ("<", 200.0),
    "chan.pingpong.ns": ("<", 70.0),
    "chan.buffered.ns": ("<", 25.0),
    "select2.ready.ns": ("<", 60.0),
    "select8.ready.ns": ("<", 200.0),
    "task.parked.bytes": ("<", 4500.0),
    "syscallblock.share": (">=", 0.95),
    "lockos.server.ns": ("<", 5000.0),
    "lockos.shared.ns": ("<", 300.0),
    "echo.over_go": (">=", 1.0),
    "echo.over_epoll": (">=", 0.95),
    "echo.rtt_p99_over_go": ("<=", 1.0),
    "echo.idle.extra_threads": ("<=", 3.0),
    **{f"{name}.over_go": ("<=", 1.0) for name in ("mutex.uncontended", "mutex.contended2", "mutex.contended8", "timers.lateness.p50",
                                                  "timers.lateness.p99", "timers.burst")},
}

HOLDS = {"<": lambda v, b: v < b, "<=": lambda v, b: v <= b, ">=": lambda v, b: v >= b}


@dataclass
class Figure:
    name: str
    value: object  # a number, or a text where there is none ("not installed")
    unit: str = ""
    note: str = ""
    detail: bool = False  # a row of a breakdown: printed only in its group's own table, and written to the JSON file

    @property
    def bar(self):
        return BARS.get(self.name)

    @property
    def met(self):
        if not self.bar or not isinstance(self.value, (int, float)):
            return None
        relation, bar = self.bar
        return HOLDS[relation](self.value, bar)

    def about(self):
        bar = {"bar": " ".join(map(str, self.bar)), "met": self.met} if self.bar else {}
        return {"unit": self.unit, **bar, **({"note": self.note} if self.note else {})}

    def shown_value(self):
        if isinstance(self.value, str):
            return self.value
        if self.unit == "share":
            return f"{self.value * 100:.3f} %"
        return f"{self.value:,.4g}" if abs(self.value) < 1000 else f"{self.value:,.0f}"

    def shown_bar(self):
        if not self.bar:
            return ""
        relation, bar = self.bar
        return f"{relation} {bar * 100:g} %" if self.unit == "share" else f"{relation} {bar:g}"


def print_table(figures):
    rows = [("figure", "value", "unit", "bar", "", "")]
    for f in figures:
        met = {None: "", True: "met", False: "NOT MET"}[f.met]
        rows.append((f.name, f.shown_value(), "" if f.unit == "share" else f.unit, f.shown_bar(), met, f.note))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    for number, row in enumerate(rows):
        cells = [cell.rjust(width) if column == 1 else cell.ljust(width) for column, (cell, width) in enumerate(zip(row, widths))]
        print("  ".join([*cells, row[5]]).rstrip())
        if number == 0:
            print("-" * (sum(widths) + 8))


def write_json(path, figures):
    """Names and values at the top level, so that `json.load(f)["compile.ratio"]` is the number; the rest under "about"."""
    values = {f.name: f.value for f in figures}
    values["about"] = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": f"{platform.machine()}, {os.cpu_count()} processors, {platform.system()} {platform.release()}",
        "load": os.getloadavg()[0],
        "figures": {f.name: f.about() for f in figures},
    }
    with open(path, "w", encoding="utf-8") as out:
        json.dump(values, out, indent=2)
        out.write("\n")
