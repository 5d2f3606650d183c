# What the toolchain file of an architecture goes on with: clang over a sysroot of Debian
# packages, and qemu-user to run what comes out. The file sets
#
#     weir_architecture   as Debian says it; toolchains/<architecture>.lock is the sysroot's content
#     weir_triplet        as the compiler says it
#     weir_processor      as uname -m says it
#     weir_emulator       the program that runs it on this machine
#     weir_linker         lld-16, or bfd where lld cannot link what the distribution has

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${weir_processor})

set(weir_source ${CMAKE_CURRENT_LIST_DIR}/..)
get_filename_component(weir_source ${weir_source} ABSOLUTE)
set(CMAKE_SYSROOT ${weir_source}/build/sysroot-${weir_architecture})

# Checks of the compiler read this file again: the sysroot is there by then.
get_property(weir_is_check GLOBAL PROPERTY IN_TRY_COMPILE)
if(NOT weir_is_check)
    execute_process(
        COMMAND ${CMAKE_CURRENT_LIST_DIR}/packages.sh unpack
            ${CMAKE_CURRENT_LIST_DIR}/${weir_architecture}.lock ${CMAKE_SYSROOT}
        COMMAND_ERROR_IS_FATAL ANY)
endif()

set(CMAKE_C_COMPILER clang)
set(CMAKE_C_COMPILER_TARGET ${weir_triplet})
set(CMAKE_EXE_LINKER_FLAGS_INIT -fuse-ld=${weir_linker})
if(weir_linker STREQUAL lld-16)
    # Relocations in few bytes. An older lld does not say that it takes a glibc of 2.36 to read them.
    string(APPEND CMAKE_EXE_LINKER_FLAGS_INIT " -Wl,-z,pack-relative-relocs")
endif()
set(CMAKE_SHARED_LINKER_FLAGS_INIT -fuse-ld=${weir_linker})
set(CMAKE_MODULE_LINKER_FLAGS_INIT -fuse-ld=${weir_linker})

set(CMAKE_LIBRARY_ARCHITECTURE ${weir_triplet})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
# One of the architecture's own, which debhelper asks for, is not there, nor needed.
set(PKG_CONFIG_EXECUTABLE pkg-config)
set(ENV{PKG_CONFIG_PATH} "")
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${CMAKE_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR}
    ${CMAKE_SYSROOT}/usr/lib/${weir_triplet}/pkgconfig:${CMAKE_SYSROOT}/usr/share/pkgconfig)

set(CMAKE_CROSSCOMPILING_EMULATOR ${weir_emulator} -L ${CMAKE_SYSROOT})
