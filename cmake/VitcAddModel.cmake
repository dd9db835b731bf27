# vitc_add_model(<target> MODEL <path or preset:NAME> [NAME <prefix>] [TARGET <target>...] [PRECISION <precision>]
#                [OPTIONS <option>...])
#
# Compiles a Vision Transformer while the project builds, and defines <target>, a static library to link:
#
#   find_package(vitc REQUIRED)
#   vitc_add_model(outfit MODEL models/vit-fashion-mnist)
#   target_link_libraries(app PRIVATE outfit)            # app includes "outfit.h" and calls outfit_create()
#
# MODEL      what `vitc compile` takes: a directory, relative to the current source directory, or preset:NAME. A
#            change of its files compiles it again.
# NAME       prefix of the C functions and name of the header; by default <target>.
# TARGET     instruction sets, as `vitc compile --target` takes them; by default the portable set.
# PRECISION  as `vitc compile --precision` takes it; by default f32.
# OPTIONS    further options of `vitc compile`, as in OPTIONS --weights embed --labels ${CMAKE_SOURCE_DIR}/labels.txt
#
# The files stand in ${CMAKE_CURRENT_BINARY_DIR}/<target>/, the target's property VITC_DIRECTORY. The weights of a
# large model stand there too, as NAME.vitw; the program names that file in vitc_options.weights_path, or has it beside
# itself. Those of a small model are in the library.
function(vitc_add_model target)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "MODEL;NAME;PRECISION" "TARGET;OPTIONS")
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "vitc_add_model(${target}): unknown arguments: ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT ARG_MODEL)
    message(FATAL_ERROR "vitc_add_model(${target}): expected MODEL <path or preset:NAME>")
  endif()
  if(NOT ARG_NAME)
    set(ARG_NAME ${target})
  endif()

  set(model ${ARG_MODEL})
  set(files)
  if(NOT model MATCHES "^preset:")
    get_filename_component(model ${model} ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
    if(NOT EXISTS ${model})
      message(FATAL_ERROR "vitc_add_model(${target}): MODEL ${model} does not exist")
    endif()
    if(IS_DIRECTORY ${model})
      file(GLOB files CONFIGURE_DEPENDS ${model}/*.json ${model}/*.safetensors)
    else()
      set(files ${model})
    endif()
  endif()

  set(options ${ARG_OPTIONS})
  if(ARG_TARGET)
    list(JOIN ARG_TARGET "," targets)
    list(APPEND options --target ${targets})
  endif()
  if(ARG_PRECISION)
    list(APPEND options --precision ${ARG_PRECISION})
  endif()

  set(directory ${CMAKE_CURRENT_BINARY_DIR}/${target})
  file(MAKE_DIRECTORY ${directory})
  add_custom_command(
    OUTPUT ${directory}/${ARG_NAME}.a ${directory}/${ARG_NAME}.h
    COMMAND vitc::vitc compile ${model} -o ${directory}/${ARG_NAME}.a --name ${ARG_NAME} ${options}
    DEPENDS vitc::vitc ${files}
    COMMENT "Compiling model ${ARG_NAME}"
    VERBATIM)
  add_custom_target(${target}-compile DEPENDS ${directory}/${ARG_NAME}.a ${directory}/${ARG_NAME}.h)

  add_library(${target} STATIC IMPORTED GLOBAL)
  add_dependencies(${target} ${target}-compile)
  set_target_properties(${target} PROPERTIES
    IMPORTED_LOCATION ${directory}/${ARG_NAME}.a
    INTERFACE_INCLUDE_DIRECTORIES ${directory}
    INTERFACE_LINK_LIBRARIES Threads::Threads
    VITC_DIRECTORY ${directory})
endfunction()
