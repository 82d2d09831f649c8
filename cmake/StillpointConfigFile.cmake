# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Writes build/bin/stillpoint.cfg, so that `clang++-22 --config=build/bin/stillpoint.cfg loop.cpp` is all that a user types. <CFGDIR> is
# Clang's own: the folder the file is in.
file(RELATIVE_PATH stillpoint_include ${PROJECT_BINARY_DIR}/bin ${PROJECT_SOURCE_DIR}/include)
configure_file(${CMAKE_CURRENT_LIST_DIR}/stillpoint.cfg.in ${PROJECT_BINARY_DIR}/bin/stillpoint.cfg @ONLY)
