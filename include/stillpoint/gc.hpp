// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// References to collected memory: everything. docs/gc.md is the guide. Needs the compiler plugin.
#ifndef STILLPOINT_GC_HPP
#define STILLPOINT_GC_HPP

#include <stillpoint/gc/allocator.hpp>
#include <stillpoint/gc/array.hpp>
#include <stillpoint/gc/atomic.hpp>
#include <stillpoint/gc/collector.hpp>
#include <stillpoint/gc/global.hpp>
#include <stillpoint/gc/make.hpp>
#include <stillpoint/gc/ref.hpp>
#include <stillpoint/gc/weak.hpp>

#endif
