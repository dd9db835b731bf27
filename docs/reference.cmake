# Writes docs/generated/*.md from the .td files, or fails when the committed ones are stale.
#   cmake -D MODE=write|check -D TBLGEN=mlir-tblgen -D MLIR_INCLUDE=dir -P docs/reference.cmake
# `ninja docs` writes; the ctest test `generated-docs` checks.

cmake_minimum_required(VERSION 3.25)
get_filename_component(root ${CMAKE_CURRENT_LIST_DIR}/.. ABSOLUTE)
set(documented "")

# document(<file> <title> [<heading> <generator> <td file>]...)
function(document file title)
  set(text "<!-- Generated from the .td files by `ninja docs`; do not edit. -->\n\n# ${title}\n")
  set(sections ${ARGN})
  while(sections)
    list(POP_FRONT sections heading generator td)
    execute_process(COMMAND ${TBLGEN} ${generator} ${root}/${td} -I ${root} -I ${MLIR_INCLUDE}
      OUTPUT_VARIABLE section COMMAND_ERROR_IS_FATAL ANY)
    string(REGEX REPLACE "^<!--[^>]*-->\n" "" section "${section}")
    # Interfaces come with headings of their own level; ours are above them.
    string(REGEX REPLACE "(^|\n)# [^\n]*\n" "\\1" section "${section}")
    string(REGEX REPLACE "\n### Methods:\n" "\n" section "${section}")
    string(REGEX REPLACE "(^|\n)## " "\\1### " section "${section}")
    string(REGEX REPLACE "\n\n\n+" "\n\n" section "${section}")
    string(STRIP "${section}" section)
    string(APPEND text "\n## ${heading}\n\n${section}\n")
    set(documented ${documented} ${td} PARENT_SCOPE)
    set(documented ${documented} ${td})
  endwhile()
  set(path ${root}/docs/generated/${file})
  set(committed "")
  if(EXISTS ${path})
    file(READ ${path} committed)
  endif()
  if(text STREQUAL committed)
    return()
  endif()
  if(MODE STREQUAL "write")
    file(WRITE ${path} "${text}")
    message("docs/generated/${file} is new")
  else()
    message(SEND_ERROR "docs/generated/${file} is stale: build the target 'docs' and commit the result")
  endif()
endfunction()

document(VitOps.md "Ops of the vit dialect"
  "Model-level ops: what the model is" -gen-op-doc dialect/IR/VitModelOps.td
  "Fused ops: what is computed in one go" -gen-op-doc dialect/IR/VitFusedOps.td
  "Planned ops: parallel regions on buffers" -gen-op-doc dialect/IR/VitPlannedOps.td
  "Weights" -gen-op-doc dialect/IR/VitWeightOps.td)
document(VitAttrs.md "Attributes and interfaces of the vit dialect"
  "Attributes" -gen-attrdef-doc dialect/IR/VitAttrs.td
  "Enumerations" -gen-enum-doc dialect/IR/VitAttrs.td
  "Op interfaces" -gen-op-interface-docs dialect/IR/VitInterfaces.td
  "Attribute interfaces" -gen-attr-interface-docs dialect/IR/VitInterfaces.td)
document(Passes.md "Passes"
  "From vit to vit" -gen-pass-doc dialect/Transforms/Passes.td
  "Planning" -gen-pass-doc compiler/Plan/Passes.td
  "CPU code" -gen-pass-doc compiler/Codegen/CPU/Passes.td)

# A new folder of passes must not stay undocumented.
file(GLOB_RECURSE pass_files RELATIVE ${root} ${root}/dialect/*Passes.td ${root}/compiler/*Passes.td)
foreach(td ${pass_files})
  if(NOT td IN_LIST documented)
    message(SEND_ERROR "${td} has no section in docs/reference.cmake")
  endif()
endforeach()
