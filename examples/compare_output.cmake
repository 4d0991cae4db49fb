# cmake -DPROGRAM=<program> -DEXPECTED=<file> -P compare_output.cmake: fails unless the program ends well and prints
# exactly what is in the file.
execute_process(COMMAND ${PROGRAM} OUTPUT_VARIABLE printed RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} ended with ${status}, having printed:\n${printed}")
endif()
file(READ ${EXPECTED} expected)
if(NOT printed STREQUAL expected)
  message(FATAL_ERROR "${PROGRAM} printed:\n${printed}\nbut ${EXPECTED} has:\n${expected}\n"
                      "If the program is right: ${PROGRAM} >${EXPECTED}")
endif()
