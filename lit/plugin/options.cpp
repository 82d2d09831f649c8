// The plugin's own options: an error that names the option and the known ones, and nothing else.
// RUN: %sp-clangxx -fplugin-arg-stillpoint-liveness=gc -c %s -o /dev/null
// RUN: %sp-clangxx -fplugin-arg-stillpoint-liveness=full -c %s -o /dev/null
// RUN: not %sp-clangxx -fplugin-arg-stillpoint-livenes=full -c %s -o /dev/null 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not %sp-clangxx -fplugin-arg-stillpoint-remarks=all -c %s -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARKS
// RUN: not %sp-clangxx -fplugin-arg-stillpoint-dump -c %s -o /dev/null 2>&1 | FileCheck %s --check-prefix=DUMP
// RUN: not %sp-clangxx -fplugin-arg-stillpoint-liveness=all -c %s -o /dev/null 2>&1 | FileCheck %s --check-prefix=VALUE
// RUN: not %sp-clangxx -fplugin-arg-stillpoint-liveness -c %s -o /dev/null 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not %sp-clangxx -fplugin-arg-stillpoint-liveness= -c %s -o /dev/null 2>&1 | FileCheck %s --check-prefix=MISSING

// UNKNOWN-NOT: {{error|warning}}
// UNKNOWN: error: unknown option 'livenes' of the plugin 'stillpoint'; known: liveness=gc|full
// UNKNOWN-NOT: {{error:|warning:}}

// REMARKS: error: option 'remarks' of the plugin 'stillpoint' takes no value

// DUMP: error: option 'dump' of the plugin 'stillpoint' needs a value: the mangled name of a function, or * for all

// VALUE: error: 'all' is no value of the option 'liveness' of the plugin 'stillpoint'; known: gc, full

// MISSING: error: option 'liveness' of the plugin 'stillpoint' needs a value: liveness=gc or liveness=full

int f() { return 1; }
