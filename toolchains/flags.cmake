# How everything of ours is compiled. Targets link with weir_flags to get it.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_COMPILE_WARNING_AS_ERROR ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

# No NDEBUG anywhere: a gateway that stops at a broken invariant and is started again is better off
# than one that goes on with wrong numbers, and an assertion is a comparison that predicts well.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")

add_library(weir_flags INTERFACE)
target_compile_definitions(weir_flags INTERFACE _GNU_SOURCE)
target_compile_options(weir_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
    -Wformat=2 -fno-common)

# The same input gives the same bytes on every architecture: a product and a sum are rounded one
# after the other, even where one instruction does both, which clang would take.
target_compile_options(weir_flags INTERFACE -ffp-contract=off)

# The same source gives the same bytes wherever it is built. Link-time optimisation wants to know
# it too.
set(weir_prefix_maps
    -ffile-prefix-map=${CMAKE_SOURCE_DIR}/= -ffile-prefix-map=${CMAKE_BINARY_DIR}=build)
target_compile_options(weir_flags INTERFACE ${weir_prefix_maps})
target_link_options(weir_flags INTERFACE ${weir_prefix_maps})

# A 32-bit time_t ends in 2038; where it is 64 bits wide already this changes nothing.
if(CMAKE_SIZEOF_VOID_P EQUAL 4)
    target_compile_definitions(weir_flags INTERFACE _FILE_OFFSET_BITS=64 _TIME_BITS=64)
endif()

set(weir_hardening_flags -fstack-protector-strong -D_FORTIFY_SOURCE=2)

if(WEIR_SANITIZE)
    target_compile_options(weir_flags INTERFACE
        -fsanitize=${WEIR_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(weir_flags INTERFACE -fsanitize=${WEIR_SANITIZE})
    # Fences are compiled all the same; that ThreadSanitizer does not follow them is known.
    if(WEIR_SANITIZE STREQUAL "thread" AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
        target_compile_options(weir_flags INTERFACE -Wno-tsan)
    endif()
else()
    include(CheckPIESupported)
    check_pie_supported(LANGUAGES C)
    set(CMAKE_POSITION_INDEPENDENT_CODE ON)
    target_compile_options(weir_flags INTERFACE ${weir_hardening_flags})
    target_link_options(weir_flags INTERFACE -Wl,-z,relro -Wl,-z,now)
    if(CMAKE_BUILD_TYPE STREQUAL "Release")
        include(CheckIPOSupported)
        check_ipo_supported(RESULT weir_ipo LANGUAGES C)
        set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ${weir_ipo})
        # The whole program at once: -flto=thin copies functions into every unit that calls them.
        if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
            set(CMAKE_C_COMPILE_OPTIONS_IPO -flto)
        endif()
        # A debugger reads the same from what is split off; a program stripped of its symbols has no
        # use for it.
        target_compile_options(weir_flags INTERFACE
            -fno-asynchronous-unwind-tables -fomit-frame-pointer)
        target_compile_options(weir_flags INTERFACE -ffunction-sections -fdata-sections)
        target_link_options(weir_flags INTERFACE
            -Wl,--gc-sections -Wl,-O2 -Wl,--hash-style=gnu)
        # lld's: look for common tails of functions once more among those that were found.
        include(CheckLinkerFlag)
        check_linker_flag(C -Wl,-mllvm,-machine-outliner-reruns=1 weir_has_outliner)
        if(weir_has_outliner)
            target_link_options(weir_flags INTERFACE -Wl,-mllvm,-machine-outliner-reruns=1)
        endif()
    endif()
endif()

# A release is small where few bytes pass, and fast where all do: ARCHITECTURE.md has the figures.
set(weir_small_flags $<$<CONFIG:Release>:-Oz>)
set(weir_fast_sources
    core/alert core/alert_levels core/duplicate core/filter core/moments core/series core/sketch
    core/slope core/window
    format/compact_grid format/compact_lattice format/compact_model format/compact_moments
    format/compact_row format/compact_steps format/compact_track format/compact_write
    format/crc32c format/decimal format/json format/json_shape format/json_text format/number
    format/number_format format/range_coder format/text format/timestamp
    pipeline/decode pipeline/pipeline pipeline/rules pipeline/scan pipeline/windows
    store/journal store/ring)
list(TRANSFORM weir_fast_sources PREPEND ${CMAKE_SOURCE_DIR}/src/)
list(TRANSFORM weir_fast_sources APPEND .c)
foreach(source ${weir_fast_sources})
    if(NOT EXISTS ${source})
        message(FATAL_ERROR "weir_fast_sources names ${source}, which is not there")
    endif()
endforeach()
set_property(SOURCE ${weir_fast_sources} APPEND PROPERTY
    COMPILE_OPTIONS $<$<CONFIG:Release>:-O2>)
