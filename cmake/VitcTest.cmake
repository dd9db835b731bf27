# Helpers for registering tests. Unit tests use vitc_add_unittest (Vitc.cmake); the rest of the tree is lit's.

find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)
set(VITC_LLVM_BIN ${LLVM_TOOLS_BINARY_DIR})
# A missing tool is an error at configuration: a test that cannot run must never look like one that passed.
foreach(tool lit FileCheck not split-file)
  if(NOT EXISTS ${VITC_LLVM_BIN}/${tool})
    message(FATAL_ERROR "${VITC_LLVM_BIN}/${tool} is missing; it comes with Debian's package llvm-22-tools")
  endif()
endforeach()
set(VITC_TEST_RESULTS ${PROJECT_BINARY_DIR}/test-results)
file(MAKE_DIRECTORY ${VITC_TEST_RESULTS})
configure_file(${PROJECT_SOURCE_DIR}/test/lit.site.cfg.py.in ${PROJECT_BINARY_DIR}/test/lit.site.cfg.py @ONLY)

# vitc_add_lit_suite(<name> <folder under test/>): one ctest test that runs every lit test below the folder.
# The results of the single tests go to test-results/, where tools/check.sh counts them.
function(vitc_add_lit_suite name folder)
  # lit looks for the path it is given in the build tree, where lit.site.cfg.py lies.
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/test/${folder})
  add_test(NAME ${name}
    COMMAND Python3::Interpreter ${VITC_LLVM_BIN}/lit -sv
            --xunit-xml-output=${VITC_TEST_RESULTS}/${name}.xml ${PROJECT_BINARY_DIR}/test/${folder})
endfunction()
