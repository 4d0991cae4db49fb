# cmake -DPROGRAM=<program> -DEXPECTED=<file> -P compare_output.cmake: fails unless the program ends well and prints
# exactly what is in the file.
execute_process(COMMAND ${PROGRAM} OUTPUT_VARIABLE printed RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message("${printed}")
  message(FATAL_ERROR "${PROGRAM} ended with ${status}, having printed the above")
endif()
file(READ ${EXPECTED} expected)
if(NOT printed STREQUAL expected)
  message("printed:\n${printed}\nexpected:\n${expected}")
  message(FATAL_ERROR "another output than expected. If the program is right:\n  ${PROGRAM} >${EXPECTED}")
endif()
