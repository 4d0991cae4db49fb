# What `cmake --install` puts where, so that a user's project finds it again in three ways: by
# find_package(fusebox COMPONENTS core …), by pkg-config (fusebox-core), or by neither, with
# add_subdirectory. A component is a library of fusebox_targets.cmake and brings its own files, so that
# a distribution may ship each in a package of its own; whichever are there, find_package knows.
#
# The installed tree may be moved: nothing in it names the place it was installed to.
include(CMakePackageConfigHelpers)

set(fusebox_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/fusebox")
set(fusebox_package_source_dir "${CMAKE_CURRENT_LIST_DIR}")

# Called by fusebox_library. `packages` are what find_dependency needs for this component's links, each
# as one argument ("Boost 1.81 CONFIG"), and `pc_packages` what pkg-config calls them.
function(fusebox_install_library name links packages pc_packages)
  set(target fusebox_${name})
  install(TARGETS ${target} EXPORT fusebox-${name}-targets FILE_SET HEADERS)
  install(EXPORT fusebox-${name}-targets NAMESPACE fusebox:: DESTINATION ${fusebox_package_dir})

  set(component_includes "")
  set(pc_requires ${pc_packages})
  foreach(link IN LISTS links)
    if(link MATCHES "^fusebox::(.+)$")
      string(APPEND component_includes "include(\"\${CMAKE_CURRENT_LIST_DIR}/fusebox-${CMAKE_MATCH_1}.cmake\")\n")
      list(APPEND pc_requires fusebox-${CMAKE_MATCH_1})
    endif()
  endforeach()
  foreach(package IN LISTS packages)
    string(APPEND component_includes "find_dependency(${package})\n")
  endforeach()
  configure_file("${fusebox_package_source_dir}/fusebox-component.cmake.in" fusebox-${name}.cmake @ONLY)
  install(FILES "${CMAKE_CURRENT_BINARY_DIR}/fusebox-${name}.cmake" DESTINATION ${fusebox_package_dir})

  # A component that needs a package without a pkg-config file has none either.
  if(pc_packages OR NOT packages)
    get_target_property(type ${target} TYPE)
    set(pc_libs "")
    if(NOT type STREQUAL INTERFACE_LIBRARY)
      set(pc_libs "-L\${libdir} -l${target}")
    endif()
    list(JOIN pc_requires ", " pc_requires)
    cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig"
               OUTPUT_VARIABLE pc_prefix)
    configure_file("${fusebox_package_source_dir}/fusebox.pc.in" fusebox-${name}.pc @ONLY)
    install(FILES "${CMAKE_CURRENT_BINARY_DIR}/fusebox-${name}.pc" DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
  endif()
endfunction()

if(FUSEBOX_INSTALL)
  write_basic_package_version_file(fusebox-config-version.cmake COMPATIBILITY SameMajorVersion)
  install(FILES "${fusebox_package_source_dir}/fusebox-config.cmake"
                "${CMAKE_CURRENT_BINARY_DIR}/fusebox-config-version.cmake" DESTINATION ${fusebox_package_dir})
  install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION ${CMAKE_INSTALL_DOCDIR})
endif()
