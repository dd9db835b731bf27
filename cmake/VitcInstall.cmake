# What `cmake --install` installs: the compiler, which carries the runtime of its libraries, and the CMake package.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/vitc)
# libMLIR lies in LLVM's own folder, which the loader does not search.
set_target_properties(vitc PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
install(TARGETS vitc EXPORT vitcTargets)
install(EXPORT vitcTargets NAMESPACE vitc:: DESTINATION ${package})
configure_package_config_file(cmake/vitcConfig.cmake.in ${PROJECT_BINARY_DIR}/cmake/vitcConfig.cmake
                              INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/cmake/vitcConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/cmake/vitcConfig.cmake ${PROJECT_BINARY_DIR}/cmake/vitcConfigVersion.cmake
              cmake/VitcAddModel.cmake
        DESTINATION ${package})
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
