// The diagnostics' names and severities: each can be silenced, and a warning made an error.
// RUN: not %sp-clangxx -std=c++20 -I %include -fsyntax-only %s 2>&1 | FileCheck %s --check-prefixes=WARNING,ERROR
// RUN: not %sp-clangxx -std=c++20 -I %include -fsyntax-only -fplugin-arg-stillpoint-no-warn=raw-escape %s 2>&1 | FileCheck %s --check-prefixes=NO-WARNING,ERROR
// RUN: %sp-clangxx -std=c++20 -I %include -fsyntax-only -fplugin-arg-stillpoint-no-warn=new %s 2>&1 | FileCheck %s --check-prefixes=WARNING,NO-ERROR
// RUN: %sp-clangxx -std=c++20 -I %include -fsyntax-only -fplugin-arg-stillpoint-no-warn=stillpoint-new -fplugin-arg-stillpoint-no-warn=raw-escape %s 2>&1 | count 0
// RUN: not %sp-clangxx -std=c++20 -I %include -fsyntax-only -fplugin-arg-stillpoint-no-warn=new -fplugin-arg-stillpoint-error=raw-escape %s 2>&1 | FileCheck %s --check-prefix=RAISED
// RUN: not %sp-clangxx -std=c++20 -I %include -fsyntax-only -fplugin-arg-stillpoint-no-warn=new -Werror %s 2>&1 | FileCheck %s --check-prefix=RAISED
// RUN: %sp-clangxx -std=c++20 -I %include -fsyntax-only -fplugin-arg-stillpoint-no-warn=new -w %s 2>&1 | count 0
// RUN: not %sp-clangxx -std=c++20 -I %include -fsyntax-only -fplugin-arg-stillpoint-no-warn=raw %s 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not %sp-clangxx -std=c++20 -I %include -fsyntax-only -fplugin-arg-stillpoint-error %s 2>&1 | FileCheck %s --check-prefix=EMPTY
// An error keeps the object file from being made.
// RUN: rm -f %t.o
// RUN: not %sp-clangxx -std=c++20 -I %include -c %s -o %t.o
// RUN: not ls %t.o

// WARNING: warning: a raw pointer into a collected object is stored in a variable with static storage{{.*}} [-Wstillpoint-raw-escape]
// NO-WARNING-NOT: raw-escape
// RAISED: error: a raw pointer into a collected object is stored in a variable with static storage{{.*}} [-Wstillpoint-raw-escape
// ERROR: error: the collector does not scan memory from new{{.*}} [-Wstillpoint-new]
// NO-ERROR-NOT: stillpoint-new
// UNKNOWN: error: 'raw' is no value of the option 'no-warn' of the plugin 'stillpoint'; known: container, new, malloc, exception, union, thread-local, memory-copy, raw-escape, musttail, coroutine, alloca
// EMPTY: error: '' is no value of the option 'error' of the plugin 'stillpoint'; known: container,
#include <stillpoint/gc.hpp>

struct Node {
  stillpoint::gc::ref<Node> next;
};
Node *Global;

void store(stillpoint::gc::ref<Node> N) { Global = N.get(); }
auto *make() { return new Node; }
