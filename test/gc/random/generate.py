#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes a random program whose cells are references: generate.py SEED [COUNT]

Problem: the passes meet references in combinations that nobody thinks of. Mechanism: functions of random signatures call those behind them, in loops of few
turns, with references, structures and raw pointers of every kind that docs/gc.md allows, and mix what they read into a check sum. COUNT programs of seeds SEED,
SEED + 1, ... go into one file, for the compiler's time. Invariants: one seed, one program, on every machine; the check sum depends on no address; no raw pointer
is used where docs/gc.md says that nothing holds its object. Rejected: generators of plain C (no references, no objects that die).
"""
import random
import sys

TYPES = {  # how a function takes it, how a local variable of the type is made, from a reference expression
    "ref": ("ref<node> {0}", "ref<node> {0} = {1};"),
    "cref": ("const ref<node> &{0}", None),
    "mref": ("ref<node> &{0}", None),
    "raw": ("node *{0}", "node *{0} = raw({1});"),
    "word": ("long *{0}", "long *{0} = raw({1})->at({2});"),
    "two": ("two {0}", "two {0} = {{{1}, {3}}};"),
    "four": ("four {0}", "four {0} = {{{1}, {3}, {2}, {1}, {3}}};"),
    "fourp": ("four &{0}", None),
    "array": ("array<ref<node>> {0}", "array<ref<node>> {0} = make_array<ref<node>>(5); for (auto &r : {0}) r = {1};"),
    "locals": ("std::array<ref<node>, 4> {0}", "std::array<ref<node>, 4> {0} = {{{1}, {3}, {1}, {3}}};"),
    "maybe": ("std::optional<ref<node>> {0}", "std::optional<ref<node>> {0} = {1};"),
    "choice": ("choice {0}", "choice {0} = {1};"),
    "rawsp": ("node **{0}", None),  # whose elements only the caller may replace: nothing holds what is stored through a pointer
    "viewsp": ("view *{0}", None),
    "raws": (None, "node *{0}[4] = {{raw({1}), raw({3}), raw({1}), raw({3})}};"),
    "views": (None, "view {0}[4] = {{{{raw({1}), {2}}}, {{raw({3}), 1}}, {{raw({1}), 2}}, {{raw({3}), {2}}}}};"),
    "num": ("long {0}", "long {0} = {2};"),
}
LOCAL = [t for t in TYPES if TYPES[t][1]]
RESULTS = ["ref<node>", "long", "two", "four", "void", "std::optional<ref<node>>", "node *"]


class Function:
    def __init__(self, program, number):
        self.r, self.program, self.number = program.r, program, number
        self.name = f"f{number}"
        self.params = [(self.r.choice([t for t in TYPES if TYPES[t][0]]), f"p{i}") for i in range(self.r.choice([1, 2, 3, 3, 4, 5, 8]))]
        self.result = self.r.choice(RESULTS)
        if self.result == "node *" and not any(t == "raw" for t, _ in self.params):
            self.params.append(("raw", "pr"))
        self.throws = self.r.random() < 0.3
        self.count = 0
        self.lines = []
        self.depth = 1

    # Expressions. The scope is a list of (type, name).
    def num(self):
        names = [n for t, n in self.scope if t == "num"]
        return self.r.choice(names + [str(self.r.randrange(20))])

    def index(self, size):
        return f"static_cast<std::size_t>(({self.num()}) & {size - 1})" if self.r.random() < 0.7 else str(self.r.randrange(size))

    def ref(self, deep=0):
        options = [f"mk({self.num()})"]
        if deep < 2:
            options.append(f"mk({self.num()}, {self.ref(deep + 1)}, {self.ref(deep + 1)})")
            options.append(f"left({self.ref(deep + 1)})")
            options.append(f"({self.num()} % 3 == 1 ? {self.ref(deep + 1)} : {self.ref(deep + 1)})")
        for t, n in self.scope:
            options += {
                "ref": [n, n, f"right({n})"], "cref": [n], "mref": [n, f"left({n})"], "two": [f"{n}.x", f"{n}.y"],
                "four": [f"{n}.p", f"{n}.s"], "fourp": [f"{n}.q", f"{n}.r"], "array": [f"{n}[{self.index(4)}]"],
                "locals": [f"{n}[{self.index(4)}]"], "maybe": [f"(*{n})"], "raw": [f"ref_of({n})"], "raws": [f"ref_of({n}[{self.index(4)}])"], "rawsp": [f"ref_of({n}[{self.index(4)}])"],
                "choice": [f"(std::holds_alternative<ref<node>>({n}) ? std::get<ref<node>>({n}) : mk(3))"], "views": [f"ref_of({n}[{self.index(4)}].p)"],
                "viewsp": [f"ref_of({n}[{self.index(4)}].p)"],
            }.get(t, [])
        return self.r.choice(options)

    def place(self, never_null=False):
        """Something of type ref<node> that can be assigned."""
        options = []
        for t, n in self.scope:
            options += {"ref": [n, f"{n}->a"], "mref": [n], "two": [f"{n}.x", f"{n}.y"], "four": [f"{n}.p", f"{n}.r"], "fourp": [f"{n}.q", f"{n}.s"],
                        "array": [f"{n}[{self.index(4)}]"], "locals": [f"{n}[{self.index(4)}]"], "maybe": [f"(*{n})"], "cref": [f"{n}->b"], "raw": [f"{n}->b"]}.get(t, [])
        options = [o for o in options if not (never_null and "->" in o)]
        return self.r.choice(options) if options else None

    def read(self):
        options = [f"({self.ref()})->v"]
        for t, n in self.scope:
            options += {"ref": [f"{n}->v", f"{n}->w[1]"], "raw": [f"{n}->v", f"{n}->w[2]", f"{n}->self()->v"], "word": [f"*{n}"], "num": [n],
                        "raws": [f"{n}[{self.index(4)}]->v"], "rawsp": [f"{n}[{self.index(4)}]->v"], "viewsp": [f"{n}[{self.index(4)}].p->v"], "views": [f"{n}[{self.index(4)}].p->v", f"{n}[1].n"], "two": [f"{n}.x->v"],
                        "four": [f"({n}.q->v + {n}.n)"], "fourp": [f"{n}.s->v"], "array": [f"{n}[{self.index(4)}]->v"]}.get(t, [])
        return self.r.choice(options)

    def argument(self, t):
        """An expression of the parameter's type; may put a line that makes a variable for it."""
        have = [n for u, n in self.scope if u == t]
        if t == "num":
            return self.num()
        if t in ("ref", "cref"):
            return self.ref()
        if t == "mref":
            return self.r.choice([n for u, n in self.scope if u in ("ref", "mref")] or [self.local("ref")])
        if t == "fourp":
            return self.r.choice([n for u, n in self.scope if u in ("four", "fourp")] or [self.local("four")])
        if t in ("rawsp", "viewsp"):
            return self.r.choice([n for u, n in self.scope if u in (t, t[:-1])] or [self.local(t[:-1])])
        if t == "raw" and self.r.random() < 0.6:
            return f"raw({self.ref()})"
        if t == "word" and self.r.random() < 0.5:
            return f"raw({self.ref()})->at({self.num()})"
        if t in ("two", "four") and self.r.random() < 0.4:
            return f"two{{{self.ref()}, {self.ref()}}}" if t == "two" else f"four{{{self.ref()}, {self.ref()}, {self.num()}, {self.ref()}, {self.ref()}}}"
        return self.r.choice(have) if have and self.r.random() < 0.8 else self.local(t)

    # Statements.
    def put(self, text):
        self.lines.append("  " * self.depth + text)

    def fresh(self):
        self.count += 1
        return f"v{self.count}"

    def local(self, t):
        name = self.fresh()
        self.put(TYPES[t][1].format(name, self.ref(), self.num(), self.ref()))
        self.scope.append((t, name))
        return name

    def block(self, size):
        saved, self.depth = list(self.scope), self.depth + 1
        self.statements(size)
        self.scope, self.depth = saved, self.depth - 1

    def loop(self, size):
        name = self.fresh()
        self.put(f"for (long {name} = 0; {name} < {self.r.randrange(1, 5)}; ++{name}) {{")
        self.scope.append(("num", name))
        self.looped += 1
        self.block(size)
        if self.r.random() < 0.3:
            self.put(f"  if (({self.read()}) % 5 == 2) {self.r.choice(['break', 'continue'])};")
        self.looped -= 1
        self.scope.remove(("num", name))
        self.put("}")

    def call(self):
        # Calls multiply: only some in loops.
        later = [f for f in self.program.functions if f.number > self.number]
        if not later or (self.looped and self.r.random() < 0.5) or self.calls >= 4:
            return self.put(f"mix({self.read()});")
        self.calls += 1
        f = self.r.choice(later)
        call = f"{f.name}({', '.join(self.argument(t) for t, _ in f.params)})"
        if f.result in ("ref<node>", "two", "four", "std::optional<ref<node>>", "node *"):
            t = {"ref<node>": "ref", "std::optional<ref<node>>": "maybe", "node *": "raw"}.get(f.result, f.result)
            if f.result == "node *" or self.r.random() < 0.3:
                # What comes back hangs on the argument, which may be a temporary: used at once.
                return self.put({"ref": f"mix(({call})->v);", "two": f"mix({call}.y->v);", "four": f"mix({call}.s->v);", "maybe": f"mix((*{call})->v);",
                                 "raw": f"mix(({call})->v);"}[t])
            name = self.fresh()
            self.put(f"auto {name} = {call};")
            self.scope.append((t, name))
        else:
            self.put(f"mix({call});" if f.result == "long" else f"{call};")

    def lambda_(self):
        by_value = [n for t, n in self.scope if t in ("ref", "two", "locals", "array")]
        by_reference = [n for t, n in self.scope if t in ("ref", "four", "num", "raws")]
        captured = sorted(set(self.r.sample(by_value, min(2, len(by_value)))))
        captured += ["&" + n for n in sorted(set(self.r.sample(by_reference, min(2, len(by_reference)))) - set(captured))]
        visible, saved = [c.lstrip("&") for c in captured], self.scope
        self.scope = [(t, n) for t, n in self.scope if n in visible] + [("num", "i")]
        place = self.place()
        read = self.read()
        change = f"if (i == 1) {place} = {self.ref()};" if place else ""
        self.scope = saved
        self.put(f"mix(apply([{', '.join(captured)}]([[maybe_unused]] long i) mutable {{ {change} mk(i); return {read}; }}, 3));")

    def attempt(self, size):
        self.put("try {")
        if self.r.random() < 0.4:
            self.put(f"  leaving here{{raw({self.ref()})->at(1)}};")
        self.block(size)
        if self.r.random() < 0.6:
            self.put(f"  if (({self.read()}) % 3 == 1) throw thrown{{{self.num()}}};")
        self.put("} catch (const thrown &t) {")
        self.put("  mix(t.v);")
        self.block(1)
        self.put("}")

    def raw_arrays(self):
        names = [n for t, n in self.scope if t == "raws"]
        kind = self.r.randrange(5)
        if kind == 0 and len(names) > 1:
            a, b = self.r.sample(names, 2)
            return self.put(f"if ({a} != {b}) swap_raw({a}, {b}, 4);")
        if kind == 1:
            v = [n for t, n in self.scope if t == "views"]
            n = self.r.choice(v) if v else self.local("views")
            self.put(f"sort_views({n}, {n} + 4);")
            return self.put(f"{n}[{self.index(4)}] = view{{raw({self.ref()}), {self.num()}}};")
        given = [n for t, n in self.scope if t == "rawsp"]
        if given and self.r.random() < 0.5:
            return self.put(f"rotate_raw({self.r.choice(given)}, 4);")
        n = self.r.choice(names) if names else self.local("raws")
        if kind < 4:
            self.put(f"{n}[{self.index(4)}] = raw({self.ref()});")
        if kind > 1:
            self.put(f"rotate_raw({n}, 4);")

    def statement(self, size):
        kind = self.r.randrange(17)
        if kind < 3:
            self.local(self.r.choice(LOCAL))
        elif kind < 5:
            place = self.place()
            self.put(f"{place} = {self.ref()};" if place else f"mix({self.read()});")
        elif kind < 7:
            self.put(f"mix({self.read()});")
        elif kind < 10:
            self.call()
        elif kind == 10 and size > 1:
            self.loop(size // 2)
        elif kind == 11 and size > 1:
            self.put(f"if (({self.read()}) % 2 == 0) {{")
            self.block(size // 2)
            self.put("} else {")
            self.block(size // 2)
            self.put("}")
        elif kind == 12:
            a, b = self.place(True), self.place(True)
            self.put(f"std::swap({a}, {b});" if a else "mk(1);")
        elif kind == 13:
            self.lambda_()
        elif kind == 14 and size > 1:
            self.attempt(size // 2)
        elif kind == 15:
            self.raw_arrays()
        elif kind == 16:
            self.sort()
        else:
            self.put(f"mk({self.num()});")

    def sort(self):
        names = [n for t, n in self.scope if t in ("array", "locals")]
        n = self.r.choice(names) if names else self.local("array")
        how = self.r.choice(["std::sort({0}.begin(), {0}.end(), [](const ref<node> &x, const ref<node> &y) {{ mk(2); return x->v < y->v; }});",
                             "std::reverse({0}.begin(), {0}.end());", "std::rotate({0}.begin(), {0}.begin() + 1, {0}.end());"])
        self.put(how.format(n))

    def statements(self, size):
        for _ in range(size):
            self.statement(size)

    def generate(self):
        self.scope = list(self.params)
        self.looped = self.calls = 0
        self.statements(self.r.randrange(4, 14))
        if self.throws:
            self.put(f"if (({self.read()}) % 4 == 3) throw thrown{{{self.num()}}};")
        raws = [n for t, n in self.params if t == "raw"]
        result = {"ref<node>": self.ref, "long": self.read, "two": lambda: f"{{{self.ref()}, {self.ref()}}}", "void": lambda: "",
                  "four": lambda: f"{{{self.ref()}, {self.ref()}, {self.num()}, {self.ref()}, {self.ref()}}}",
                  "std::optional<ref<node>>": self.ref, "node *": lambda: self.r.choice([raws[0], f"{raws[0]}->self()"])}[self.result]()
        self.put(f"return {result};")
        attribute = self.r.choice(["[[gnu::noinline]] ", "[[gnu::noinline]] ", "[[gnu::always_inline]] inline ", "inline ", "static "])
        head = f"{attribute}{self.result} {self.name}({', '.join('[[maybe_unused]] ' + TYPES[t][0].format(n) for t, n in self.params)}) {{"
        return "\n".join([head] + self.lines + ["}"])


class Program:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.functions = []
        self.functions = [Function(self, i) for i in range(self.r.randrange(5, 10))]

    def generate(self):
        texts = [f.generate() for f in reversed(self.functions)]
        main = Function(self, -1)
        main.params, main.result, main.throws, main.name = [], "void", False, "start"
        main.scope = [("ref", "root")]
        main.looped = main.calls = 0
        main.put("ref<node> root = mk(1, mk(2), mk(3));")
        main.statements(12)
        while main.calls < 4:
            main.call()
        return "\n\n".join(texts + ["\n".join(["[[gnu::noinline]] void start() {"] + main.lines + ["}"])])


def main():
    seed, count = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    print('#include "random_program.h"')
    for s in range(seed, seed + count):
        print(f"\nnamespace seed{s} {{\n{Program(s).generate()}\n}}")
    print("\nint main() {\n  return run_random([] {")
    for s in range(seed, seed + count):
        print(f'    try {{ seed{s}::start(); }} catch (const thrown &t) {{ mix(t.v); }}\n    std::printf("{s}: %016llx\\n", static_cast<unsigned long long>(checksum));')
    print("  });\n}")


main()
