# How the project's libraries, programs and tests are declared: one function each, so that warnings,
# sanitizers and the layering rule are said once.
#
# The layering rule: each module has one include root, and a target sees only the roots of what it
# links. VERIFY_INTERFACE_HEADER_SETS compiles every public header alone with just those, so a header
# that includes upward, or does not stand alone, fails the build.

include(CheckCXXCompilerFlag)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  check_cxx_compiler_flag(-fcf-protection FUSEBOX_HAS_CF_PROTECTION)
endif()

# Whoever finds a way to overwrite memory is to find little use for it. What the compiler adds goes into every build that
# is optimised, which is what ships, what the linker does into all. app/tests/hardening_test.py reads the result.
function(fusebox_harden target)
  if(NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
    return()
  endif()
  target_compile_options(${target} PRIVATE
    $<$<NOT:$<CONFIG:Debug>>:-fstack-protector-strong>
    $<$<AND:$<NOT:$<CONFIG:Debug>>,$<BOOL:${FUSEBOX_HAS_CF_PROTECTION}>>:-fcf-protection>)
  if(NOT FUSEBOX_SANITIZE)
    target_compile_options(${target} PRIVATE $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE$<SEMICOLON>-D_FORTIFY_SOURCE=2>)
  endif()
  target_link_options(${target} PRIVATE LINKER:-z,relro,-z,now)
endfunction()

function(fusebox_compile_settings target)
  fusebox_harden(${target})
  target_compile_features(${target} PUBLIC cxx_std_23)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Woverloaded-virtual
    # g++ 12 takes what an optional or an expected holds for uninitialised, when it optimises.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
    # It also inlines the operator new of a coroutine's frame down to aligned_alloc, which is Boost.Asio's, but not the
    # operator delete that belongs to it, and takes the two for a mismatch.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>
    # And a coroutine's frame may hold what an anonymous namespace declares, in a source that is one of several compiled
    # as one, too.
    $<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:$<TARGET_PROPERTY:UNITY_BUILD>>>:-Wno-subobject-linkage>
    $<$<BOOL:${FUSEBOX_WERROR}>:-Werror>)
  if(FUSEBOX_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${FUSEBOX_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${FUSEBOX_SANITIZE})
  endif()
  if(FUSEBOX_COVERAGE)
    target_compile_options(${target} PRIVATE --coverage -fprofile-update=atomic)
    target_link_options(${target} PUBLIC --coverage)
  endif()
endfunction()

# fusebox_library(<name> HEADER_ROOT <dir> HEADERS … [SOURCES …] [LINKS …] [PACKAGES …] [PC_PACKAGES …])
# Makes the library fusebox_<name>, known as fusebox::<name>, and installs it (fusebox_package.cmake).
# Without sources it is header-only. PACKAGES says where links that are not of this project come from,
# each as one argument to find_dependency: PACKAGES "Boost 1.81 CONFIG"; PC_PACKAGES names them all as
# pkg-config does, where it knows them.
function(fusebox_library name)
  cmake_parse_arguments(ARG "" "HEADER_ROOT" "SOURCES;HEADERS;LINKS;PACKAGES;PC_PACKAGES" ${ARGN})
  set(target fusebox_${name})
  if(ARG_SOURCES)
    add_library(${target} ${ARG_SOURCES})
    set(scope PUBLIC)
    fusebox_compile_settings(${target})
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON
      VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
    target_compile_features(${target} INTERFACE cxx_std_23)
  endif()
  add_library(fusebox::${name} ALIAS ${target})
  target_sources(${target} ${scope} FILE_SET HEADERS BASE_DIRS ${ARG_HEADER_ROOT} FILES ${ARG_HEADERS})
  target_link_libraries(${target} ${scope} ${ARG_LINKS})
  set_target_properties(${target} PROPERTIES
    VERIFY_INTERFACE_HEADER_SETS ${PROJECT_IS_TOP_LEVEL} EXPORT_NAME ${name})
  if(FUSEBOX_INSTALL)
    fusebox_install_library(${name} "${ARG_LINKS}" "${ARG_PACKAGES}" "${ARG_PC_PACKAGES}")
  endif()
endfunction()

# fusebox_program(<name> SOURCES … [LINKS …])
function(fusebox_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  fusebox_compile_settings(${name})
  target_link_libraries(${name} PRIVATE ${ARG_LINKS})
endfunction()

# fusebox_test(<name> SOURCES … [LINKS …] [LABELS …] [TIMEOUT s] [AS_ONE]): a GoogleTest program, one ctest entry.
# AS_ONE: none of its sources has a fixture by the name of another's, so a unity build may take them, too.
function(fusebox_test name)
  cmake_parse_arguments(ARG "AS_ONE" "TIMEOUT" "SOURCES;LINKS;LABELS" ${ARGN})
  fusebox_program(${name} SOURCES ${ARG_SOURCES} LINKS ${ARG_LINKS} GTest::gtest GTest::gtest_main)
  if(NOT ARG_AS_ONE)
    set_target_properties(${name} PROPERTIES UNITY_BUILD OFF)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 240)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
endfunction()
