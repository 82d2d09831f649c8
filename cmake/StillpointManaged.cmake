# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# stillpoint_managed(TARGET [LIVENESS gc|full]): compiles TARGET's sources with the plugin of this build, so that its code is managed.
function(stillpoint_managed target)
  cmake_parse_arguments(arg "" "LIVENESS" "" ${ARGN})
  target_compile_options(${target} PRIVATE "-fplugin=$<TARGET_FILE:stillpoint-plugin>")
  if(arg_LIVENESS)
    target_compile_options(${target} PRIVATE "-fplugin-arg-stillpoint-liveness=${arg_LIVENESS}")
  endif()
  add_dependencies(${target} stillpoint-plugin)
  get_target_property(sources ${target} SOURCES)
  set_property(SOURCE ${sources} TARGET_DIRECTORY ${target} APPEND PROPERTY OBJECT_DEPENDS
    "${CMAKE_LIBRARY_OUTPUT_DIRECTORY}/stillpoint-plugin.so") # the property takes no generator expression
endfunction()
