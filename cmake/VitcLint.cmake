# The test `clang-format`, and the target `tidy`, which runs clang-tidy over all sources and is no part of the check.
if(VITC_BUILD_TESTS)
  find_program(VITC_CLANG_FORMAT NAMES clang-format-22 clang-format HINTS ${LLVM_TOOLS_BINARY_DIR} REQUIRED)
  add_test(NAME clang-format
    COMMAND ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR} -DCLANG_FORMAT=${VITC_CLANG_FORMAT}
            -P ${PROJECT_SOURCE_DIR}/cmake/CheckFormat.cmake)
endif()

find_program(VITC_RUN_CLANG_TIDY NAMES run-clang-tidy-22 run-clang-tidy HINTS ${LLVM_TOOLS_BINARY_DIR})
find_program(VITC_CLANG_TIDY NAMES clang-tidy-22 clang-tidy HINTS ${LLVM_TOOLS_BINARY_DIR})
if(VITC_RUN_CLANG_TIDY AND VITC_CLANG_TIDY)
  add_custom_target(tidy
    COMMAND ${VITC_RUN_CLANG_TIDY} -quiet -p ${PROJECT_BINARY_DIR} -clang-tidy-binary ${VITC_CLANG_TIDY}
            ${PROJECT_SOURCE_DIR}/\(dialect|compiler|runtime|tools|test\)/.*
    COMMENT "clang-tidy over all sources"
    USES_TERMINAL VERBATIM)
endif()
