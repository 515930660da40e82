# The Debian package: `./dev package`, or `cpack -G DEB` in the build directory. CMake's CPack, so no debian/ tree.
set(debian_dir ${CMAKE_CURRENT_BINARY_DIR}/debian)
file(MAKE_DIRECTORY ${debian_dir})
compressed_file(${CMAKE_CURRENT_SOURCE_DIR}/debian/changelog ${debian_dir}/changelog.Debian.gz)
compressed_file(${PROJECT_SOURCE_DIR}/CHANGELOG.md ${debian_dir}/changelog.gz)
add_custom_target(debian_changelogs ALL DEPENDS ${debian_dir}/changelog.Debian.gz ${debian_dir}/changelog.gz)

install(FILES debian/copyright ${debian_dir}/changelog.Debian.gz ${debian_dir}/changelog.gz DESTINATION ${doc_dir}
        COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES debian/lintian-overrides DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides RENAME nucleus-oci
        COMPONENT debian EXCLUDE_FROM_ALL)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME nucleus-oci)
set(CPACK_PACKAGE_VENDOR "nucleus-oci developers")
set(CPACK_PACKAGE_CONTACT "nucleus-oci developers <developers@nucleus-oci.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "OCI container runtime that rewrites bundles to stricter defaults")
file(READ debian/description CPACK_DEBIAN_PACKAGE_DESCRIPTION)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE amd64)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "podman | containerd")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "criu, uidmap")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_SOURCE_DIR}/debian/conffiles)
set(CPACK_STRIP_FILES ON)
# The prefix enters files, so it has to be the installed one while the package is staged.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS ${CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS})
set(CPACK_INSTALL_CMAKE_PROJECTS "${PROJECT_BINARY_DIR};nucleus-oci;runtime;/;${PROJECT_BINARY_DIR};nucleus-oci;debian;/")
include(CPack)
