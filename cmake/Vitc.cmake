# Helpers for adding a library or a tool of vitc.

# Options that every translation unit of the compiler shares.
add_library(vitc_options INTERFACE)
target_include_directories(vitc_options INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
target_include_directories(vitc_options SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
# LLVM writes its definitions as one string.
separate_arguments(llvm_definitions NATIVE_COMMAND "${LLVM_DEFINITIONS}")
target_compile_definitions(vitc_options INTERFACE ${llvm_definitions})
# LLVM's packages are built without exceptions; ours follow, so that no exception can cross them.
target_compile_options(vitc_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -Wall -Wextra -Wno-unused-parameter>)
if(VITC_SANITIZE)
  # Generated code carries no signatures before its functions, for which `function` would look there.
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined
                      -fno-sanitize=vptr,function -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
  set(VITC_SANITIZER_DEFAULTS ${PROJECT_SOURCE_DIR}/cmake/SanitizerDefaults.cpp)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  add_link_options(-fuse-ld=lld-22)
endif()

# vitc_pch(<target>): precompiles the MLIR headers that nearly every file of the compiler includes.
function(vitc_pch target)
  target_precompile_headers(${target} PRIVATE ${PROJECT_SOURCE_DIR}/cmake/VitcPch.h)
endfunction()

# vitc_add_library(<name> SOURCES <file>... [LINK <target>...] [DEPENDS <target>...] [NO_PCH])
# A static library of the compiler, linked against the shared LLVM and MLIR.
function(vitc_add_library name)
  cmake_parse_arguments(ARG "NO_PCH" "" "SOURCES;LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC vitc_options ${ARG_LINK} MLIR LLVM)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  if(NOT ARG_NO_PCH)
    vitc_pch(${name})
  endif()
endfunction()

# vitc_add_tool(<name> SOURCES <file>... LINK <target>...)
function(vitc_add_tool name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES} ${VITC_SANITIZER_DEFAULTS})
  target_link_libraries(${name} PRIVATE vitc_options ${ARG_LINK} MLIR LLVM)
endfunction()

# vitc_add_unittest(<name> SOURCES <file>... LINK <target>...): a GoogleTest binary run by ctest.
function(vitc_add_unittest name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES} ${VITC_SANITIZER_DEFAULTS})
  target_link_libraries(${name} PRIVATE vitc_options ${ARG_LINK} GTest::gtest GTest::gtest_main MLIR LLVM)
  target_compile_definitions(${name} PRIVATE VITC_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}")
  add_test(NAME ${name} COMMAND ${name})
endfunction()
