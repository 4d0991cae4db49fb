# find_package(fusebox [version] [COMPONENTS core testing …]) gives the targets fusebox::<component>.
# Without COMPONENTS it is core alone.
if(NOT fusebox_FIND_COMPONENTS)
  set(fusebox_FIND_COMPONENTS core)
  set(fusebox_FIND_REQUIRED_core TRUE)
endif()

foreach(_fusebox_component IN LISTS fusebox_FIND_COMPONENTS)
  set(fusebox_${_fusebox_component}_FOUND FALSE)
  if(EXISTS "${CMAKE_CURRENT_LIST_DIR}/fusebox-${_fusebox_component}.cmake")
    include("${CMAKE_CURRENT_LIST_DIR}/fusebox-${_fusebox_component}.cmake")
  endif()
  if(TARGET fusebox::${_fusebox_component})
    set(fusebox_${_fusebox_component}_FOUND TRUE)
  elseif(fusebox_FIND_REQUIRED_${_fusebox_component})
    set(fusebox_FOUND FALSE)
    if(NOT fusebox_NOT_FOUND_MESSAGE)
      set(fusebox_NOT_FOUND_MESSAGE
          "Fusebox's component '${_fusebox_component}' is not installed in ${CMAKE_CURRENT_LIST_DIR}.")
    endif()
  endif()
endforeach()
unset(_fusebox_component)
