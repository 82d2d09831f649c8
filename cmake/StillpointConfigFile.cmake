# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Clang's configuration files and the wrappers stillpoint-clang and stillpoint-clang++: build/bin for use in place, and the same for an
# installation. All paths in them are relative to the folder they are in (<CFGDIR> is Clang's own), so both can be moved.
set(stillpoint_cfg_files stillpoint.cfg stillpoint-compile.cfg stillpoint-static.cfg stillpoint-lld.cfg)
set(stillpoint_at "@")

# stillpoint_compiler_files(FOLDER LIB INCLUDE): LIB and INCLUDE relative to FOLDER.
function(stillpoint_compiler_files folder stillpoint_lib stillpoint_include)
  foreach(file IN LISTS stillpoint_cfg_files)
    configure_file(${PROJECT_SOURCE_DIR}/cmake/${file}.in ${folder}/${file} @ONLY)
  endforeach()
  foreach(plus "" "++")
    set(wrapper_name stillpoint-clang${plus})
    set(wrapper_driver clang${plus}-22)
    set(wrapper_fallback clang${plus})
    set(wrapper_variable CC)
    if(plus)
      set(wrapper_variable CXX)
    endif()
    configure_file(${PROJECT_SOURCE_DIR}/cmake/stillpoint-clang.in ${folder}/${wrapper_name} @ONLY
      FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  endforeach()
endfunction()

file(RELATIVE_PATH stillpoint_headers ${PROJECT_BINARY_DIR}/bin ${PROJECT_SOURCE_DIR}/include)
stillpoint_compiler_files(${PROJECT_BINARY_DIR}/bin ../lib ${stillpoint_headers})
