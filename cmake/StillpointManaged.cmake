# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# stillpoint_managed(TARGET [LIVENESS gc|full]): compiles TARGET's sources with the plugin of this build, so that its code is managed.
# STILLPOINT_PLUGIN: with a plugin that is built already, for builds of the runtime and its tests alone.
set(STILLPOINT_PLUGIN "" CACHE FILEPATH "A plugin that is built already; empty: that of this build")
function(stillpoint_managed target)
  cmake_parse_arguments(arg "" "LIVENESS" "" ${ARGN})
  set(plugin ${CMAKE_LIBRARY_OUTPUT_DIRECTORY}/stillpoint-plugin.so) # the property below takes no generator expression
  if(STILLPOINT_PLUGIN)
    set(plugin ${STILLPOINT_PLUGIN})
  else()
    add_dependencies(${target} stillpoint-plugin)
  endif()
  target_compile_options(${target} PRIVATE -fplugin=${plugin})
  set_property(GLOBAL APPEND PROPERTY STILLPOINT_MANAGED_TARGETS ${target}) # test/verify proves the tables of all
  # AddressSanitizer would put stack objects into one of its own, of variable place: there no references are found, and the plugin refuses it.
  if("${STILLPOINT_SANITIZE}" MATCHES address)
    target_compile_options(${target} PRIVATE "SHELL:-mllvm -asan-stack=0")
  endif()
  if(arg_LIVENESS)
    target_compile_options(${target} PRIVATE "-fplugin-arg-stillpoint-liveness=${arg_LIVENESS}")
  endif()
  get_target_property(sources ${target} SOURCES)
  set_property(SOURCE ${sources} TARGET_DIRECTORY ${target} APPEND PROPERTY OBJECT_DEPENDS ${plugin})
endfunction()
