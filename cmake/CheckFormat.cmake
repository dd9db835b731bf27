# cmake -DSOURCE=... -DCLANG_FORMAT=... -P CheckFormat.cmake: fails, naming the places, if a C or C++ file of ours is
# not as .clang-format says. `clang-format-22 -i FILE` mends it.
set(patterns)
foreach(folder dialect compiler runtime tools test bench examples cmake)
  foreach(suffix c h cpp)
    list(APPEND patterns ${SOURCE}/${folder}/*.${suffix})
  endforeach()
endforeach()
file(GLOB_RECURSE files ${patterns})
execute_process(COMMAND ${CLANG_FORMAT} --dry-run --Werror ${files} RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "some files are not formatted; run ${CLANG_FORMAT} -i on those named above")
endif()
