// Without the plugin the header of references says so; the one for everything leaves them out. A layout that no plugin has completed does not link.
// RUN: not %clangxx -std=c++20 -I%include -fsyntax-only -DALL=0 %s 2>&1 | FileCheck %s --check-prefix=ERROR
// ERROR: error: "references to collected memory need the compiler plugin: compile with -fplugin=stillpoint-plugin.so"
// RUN: %clangxx -std=c++20 -I%include -fsyntax-only -DALL=1 %s
// RUN: %clangxx -std=c++20 -I%include -D__STILLPOINT__ -DALL=0 -DUSE -c -o %t.o %s
// RUN: llvm-nm -u %t.o | FileCheck %s --check-prefix=UNDEFINED
// UNDEFINED: stillpoint_layouts_need_the_compiler_plugin
#if ALL
#include <stillpoint/stillpoint.hpp>
#ifdef __STILLPOINT__
#error "there is no plugin"
#endif
#else
#include <stillpoint/gc.hpp>
#endif

#ifdef USE
struct Node { stillpoint::gc::ref<Node> Next; };
stillpoint::gc::ref<Node> make() { return stillpoint::gc::make<Node>(); }
#endif
