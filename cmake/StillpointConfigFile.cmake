# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Clang's configuration files and the wrappers stillpoint-clang and stillpoint-clang++: build/bin for use in place, and the same for an
# installation. All paths in them are relative to the folder they are in (<CFGDIR> is Clang's own), so both can be moved.
set(stillpoint_at "@")

# stillpoint_config_files(FOLDER LIB PLUGIN INCLUDE): the folders of the runtime, the plugin and the headers relative to FOLDER.
function(stillpoint_config_files folder stillpoint_lib stillpoint_plugin stillpoint_include)
  foreach(file stillpoint stillpoint-compile stillpoint-static stillpoint-lld)
    configure_file(${PROJECT_SOURCE_DIR}/cmake/${file}.cfg.in ${folder}/${file}.cfg @ONLY)
  endforeach()
endfunction()

# stillpoint_wrappers(FOLDER CFG): the folder of those files relative to FOLDER.
function(stillpoint_wrappers folder stillpoint_cfg)
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
stillpoint_config_files(${PROJECT_BINARY_DIR}/bin ../lib ../lib ${stillpoint_headers})
stillpoint_wrappers(${PROJECT_BINARY_DIR}/bin .)
