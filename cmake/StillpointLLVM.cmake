# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# The interface target stillpoint_llvm: LLVM 22's headers, and the flags of code that is loaded into its tools. llvm-config instead of
# find_package(LLVM): the package's files look for development files of every library that LLVM itself was built with.
# STILLPOINT_LLVM_LIBDIR is where libLLVM and libclang-cpp are.
include_guard(GLOBAL)
find_program(STILLPOINT_LLVM_CONFIG NAMES llvm-config-22 PATHS /usr/lib/llvm-22/bin)
if(NOT STILLPOINT_LLVM_CONFIG)
  message(FATAL_ERROR "llvm-config-22 is missing: install llvm-22-dev and libclang-22-dev, or use ./dev, which does so.")
endif()
foreach(what includedir libdir bindir version)
  execute_process(COMMAND ${STILLPOINT_LLVM_CONFIG} --${what} OUTPUT_VARIABLE answer OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  string(TOUPPER ${what} what)
  set(STILLPOINT_LLVM_${what} ${answer})
endforeach()
if(NOT STILLPOINT_LLVM_VERSION MATCHES "^22\\.1\\.")
  message(FATAL_ERROR "Stillpoint is written for LLVM 22.1; ${STILLPOINT_LLVM_CONFIG} is ${STILLPOINT_LLVM_VERSION}")
endif()

add_library(stillpoint_llvm INTERFACE)
target_include_directories(stillpoint_llvm SYSTEM INTERFACE ${STILLPOINT_LLVM_INCLUDEDIR})
target_compile_definitions(stillpoint_llvm INTERFACE __STDC_CONSTANT_MACROS __STDC_FORMAT_MACROS __STDC_LIMIT_MACROS)
# LLVM itself is built so: a class with a virtual function that derives from one of its own would otherwise ask for typeinfo it has not.
target_compile_options(stillpoint_llvm INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti -fno-exceptions -fvisibility=hidden -fvisibility-inlines-hidden ${STILLPOINT_PASSES_OPT}>)
