# Runs at install time, when the prefix is known. Configuration goes where engines and the runtime look for it, /etc, when
# the prefix is a system's own; below any other prefix it stays below that. A file that somebody has changed is kept.
set(source "@CMAKE_CURRENT_SOURCE_DIR@")
string(RANDOM LENGTH 12 unique)  # two installations may run at once
set(made "@CMAKE_CURRENT_BINARY_DIR@/configuration.${unique}")
set(sysconfdir "@CMAKE_INSTALL_SYSCONFDIR@")
set(NUCLEUS_BINARY "${CMAKE_INSTALL_PREFIX}/@CMAKE_INSTALL_BINDIR@/nucleus-oci")
if(NOT IS_ABSOLUTE "${sysconfdir}")
  if(CMAKE_INSTALL_PREFIX MATCHES "^(/usr|/usr/local)?$")  # CMake makes "/" empty
    set(sysconfdir /etc)
  else()
    set(sysconfdir "${CMAKE_INSTALL_PREFIX}/${sysconfdir}")
    message(STATUS "Configuration is in ${sysconfdir}; podman and nucleus-oci read /etc: link or copy what is needed")
  endif()
endif()

# install_configuration(TEMPLATE DIRECTORY): the template's name loses its ".in".
function(install_configuration template directory)
  string(REGEX REPLACE "\\.in$" "" name "${template}")
  get_filename_component(name "${name}" NAME)
  configure_file("${source}/${template}" "${made}/${directory}/${name}" @ONLY)
  set(target "${sysconfdir}/${directory}/${name}")
  if(EXISTS "$ENV{DESTDIR}${target}")
    file(SHA256 "$ENV{DESTDIR}${target}" there)
    file(SHA256 "${made}/${directory}/${name}" new)
    if(NOT there STREQUAL new)
      message(STATUS "Kept, somebody has changed it: $ENV{DESTDIR}${target}")
      return()
    endif()
  endif()
  file(INSTALL DESTINATION "${sysconfdir}/${directory}" TYPE FILE FILES "${made}/${directory}/${name}")
  list(APPEND CMAKE_INSTALL_MANIFEST_FILES "${target}")
  set(CMAKE_INSTALL_MANIFEST_FILES "${CMAKE_INSTALL_MANIFEST_FILES}" PARENT_SCOPE)
endfunction()

install_configuration(nucleus.toml nucleus)
install_configuration(podman/nucleus.conf.in containers/containers.conf.d)
install_configuration(containerd/nucleus.toml.in containerd/conf.d)
file(REMOVE_RECURSE "${made}")
