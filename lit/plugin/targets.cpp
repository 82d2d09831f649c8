// Targets without tables: one error that names the target, in every mode that looks at code.
// RUN: not %sp-clangxx -m32 -c %s -o /dev/null 2>&1 | FileCheck %s --check-prefixes=ONE,M32
// RUN: not %sp-clangxx -mx32 -c %s -o /dev/null 2>&1 | FileCheck %s --check-prefixes=ONE,X32
// RUN: not %sp-clangxx --target=aarch64-linux-gnu -fsyntax-only %s 2>&1 | FileCheck %s --check-prefixes=ONE,ARM
// RUN: not %sp-clangxx --target=x86_64-apple-darwin -S %s -o /dev/null 2>&1 | FileCheck %s --check-prefixes=ONE,MACHO
// RUN: not %sp-clangxx --target=x86_64-pc-windows-msvc -c %s -o /dev/null 2>&1 | FileCheck %s --check-prefixes=ONE,COFF
// RUN: %sp-clangxx --target=x86_64-unknown-freebsd -c %s -o /dev/null 2>&1 | count 0
//
// The code generator of other tools says the same.
// RUN: %clangxx -S -emit-llvm %s -o %t.ll
// RUN: not llc -load=%plugin -mtriple=aarch64-linux-gnu -mcpu=generic %t.ll -o /dev/null 2>&1 | FileCheck %s --check-prefix=LLC

// ONE-NOT: {{error|warning}}:
// M32: error: the plugin 'stillpoint' makes tables for x86-64 ELF only, not for 'i386-pc-linux-gnu'
// X32: error: the plugin 'stillpoint' makes tables for x86-64 ELF only, not for 'x86_64-pc-linux-gnux32'
// ARM: error: the plugin 'stillpoint' makes tables for x86-64 ELF only, not for 'aarch64-unknown-linux-gnu'
// MACHO: error: the plugin 'stillpoint' makes tables for x86-64 ELF only, not for 'x86_64-apple-macosx{{.*}}'
// COFF: error: the plugin 'stillpoint' makes tables for x86-64 ELF only, not for 'x86_64-pc-windows-msvc{{.*}}'
// ONE-NOT: {{error|warning}}:
// LLC: error: the plugin 'stillpoint' makes tables for x86-64 ELF only, not for 'aarch64-unknown-linux-gnu'

int f() { return 1; }
