# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# cmake --install, and the Debian package (`cpack -G DEB` in the build folder). Everything installed finds the rest relative to itself, so an
# installation may be moved as a whole.
#
#   bin/                  stillpoint-clang, stillpoint-clang++, the tools
#   include/stillpoint/   the headers
#   lib/                  the runtime; pkgconfig/stillpoint.pc; cmake/Stillpoint/, for find_package(Stillpoint)
#   lib/stillpoint/       the plugin and Clang's configuration files
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(CMAKE_INSTALL_DOCDIR ${CMAKE_INSTALL_DATAROOTDIR}/doc/stillpoint)
set(stillpoint_private ${CMAKE_INSTALL_LIBDIR}/stillpoint)
set(stillpoint_package ${CMAKE_INSTALL_LIBDIR}/cmake/Stillpoint)
set(stillpoint_staged ${PROJECT_BINARY_DIR}/installed)

# Relative paths between folders of the installation, whatever the prefix.
function(stillpoint_relative variable from to)
  file(RELATIVE_PATH path /prefix/${from} /prefix/${to})
  set(${variable} ${path} PARENT_SCOPE)
endfunction()
stillpoint_relative(private_to_lib ${stillpoint_private} ${CMAKE_INSTALL_LIBDIR})
stillpoint_relative(private_to_include ${stillpoint_private} ${CMAKE_INSTALL_INCLUDEDIR})
stillpoint_relative(bin_to_private ${CMAKE_INSTALL_BINDIR} ${stillpoint_private})
stillpoint_relative(pkgconfig_to_prefix ${CMAKE_INSTALL_LIBDIR}/pkgconfig "")
stillpoint_config_files(${stillpoint_staged} ${private_to_lib} . ${private_to_include})
stillpoint_wrappers(${stillpoint_staged} ${bin_to_private})
configure_file(cmake/stillpoint.pc.in ${stillpoint_staged}/stillpoint.pc @ONLY)

# The package's file, in two copies: for the installation, and for the build folder (find_package with Stillpoint_DIR=build).
set(stillpoint_config_lib ${CMAKE_INSTALL_LIBDIR})
set(stillpoint_config_plugin ${stillpoint_private})
set(stillpoint_config_include ${CMAKE_INSTALL_INCLUDEDIR})
configure_package_config_file(cmake/StillpointConfig.cmake.in ${stillpoint_staged}/StillpointConfig.cmake INSTALL_DESTINATION ${stillpoint_package}
  PATH_VARS stillpoint_config_lib stillpoint_config_plugin stillpoint_config_include)
set(stillpoint_config_lib ${PROJECT_BINARY_DIR}/lib)
set(stillpoint_config_plugin ${PROJECT_BINARY_DIR}/lib)
set(stillpoint_config_include ${PROJECT_SOURCE_DIR}/include)
configure_package_config_file(cmake/StillpointConfig.cmake.in ${PROJECT_BINARY_DIR}/StillpointConfig.cmake INSTALL_DESTINATION ${PROJECT_BINARY_DIR}
  INSTALL_PREFIX ${PROJECT_BINARY_DIR} PATH_VARS stillpoint_config_lib stillpoint_config_plugin stillpoint_config_include)
foreach(folder ${stillpoint_staged} ${PROJECT_BINARY_DIR})
  write_basic_package_version_file(${folder}/StillpointConfigVersion.cmake COMPATIBILITY SameMinorVersion)
endforeach()

set_target_properties(stillpoint-plugin stillpoint-passes stillpoint-objdump PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
install(TARGETS stillpoint stillpoint-static)
install(TARGETS stillpoint-plugin stillpoint-passes LIBRARY DESTINATION ${stillpoint_private})
install(TARGETS stillpoint-objdump)
if(TARGET stillpoint-verify)
  set_target_properties(stillpoint-verify PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
  install(TARGETS stillpoint-verify)
endif()
install(DIRECTORY include/stillpoint TYPE INCLUDE)
install(PROGRAMS ${stillpoint_staged}/stillpoint-clang ${stillpoint_staged}/stillpoint-clang++ TYPE BIN)
install(DIRECTORY ${stillpoint_staged}/ DESTINATION ${stillpoint_private} FILES_MATCHING PATTERN "*.cfg")
install(FILES ${stillpoint_staged}/stillpoint.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${stillpoint_staged}/StillpointConfig.cmake ${stillpoint_staged}/StillpointConfigVersion.cmake DESTINATION ${stillpoint_package})
install(FILES LICENSE README.md TYPE DOC)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME stillpoint)
set(CPACK_PACKAGE_CONTACT "The Stillpoint project")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Safe-points everywhere for C and C++: preemptible tasks and a precise collector")
set(CPACK_PACKAGE_DESCRIPTION "A plugin for Clang 22 that says of every instruction whether a task may be stopped there, and a runtime with
tasks, channels, network and collected memory that uses it. stillpoint-clang and stillpoint-clang++ compile programs with both.")
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
# libunwind is loaded when it is needed.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "clang-22 (>= 1:22.1), clang-22 (<< 1:22.2~), libclang-cpp22, libllvm22, libc6 (>= 2.34), libstdc++6 (>= 12), libunwind8")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "lld-22")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
