# weir_paho: the asynchronous paho.mqtt.c with TLS.
#
# system  the distribution's library
# fast    the same source, built without its tracing and heap tracking, which is where the packaged
#         library spends most of its time; linked statically

add_library(weir_paho INTERFACE)

if(WEIR_PAHO STREQUAL "system")
    find_path(WEIR_PAHO_INCLUDE_DIR MQTTAsync.h REQUIRED)
    find_library(WEIR_PAHO_LIBRARY paho-mqtt3as REQUIRED)
    target_include_directories(weir_paho SYSTEM INTERFACE ${WEIR_PAHO_INCLUDE_DIR})
    target_link_libraries(weir_paho INTERFACE ${WEIR_PAHO_LIBRARY})
    if(WEIR_STATIC)
        find_package(Threads REQUIRED)
        find_package(OpenSSL REQUIRED)
        target_link_libraries(weir_paho INTERFACE OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
    endif()
elseif(WEIR_PAHO STREQUAL "fast")
    set(WEIR_PAHO_FAST_DIR ${CMAKE_SOURCE_DIR}/build/paho-fast CACHE PATH
        "Where the fast paho is built; kept when the build directory is cleaned")
    list(JOIN weir_hardening_flags " " paho_flags)
    execute_process(
        COMMAND ${CMAKE_SOURCE_DIR}/toolchains/paho-fast.sh ${WEIR_PAHO_FAST_DIR}
            ${CMAKE_C_COMPILER} "${CMAKE_C_FLAGS_RELEASE} ${paho_flags}"
        COMMAND_ERROR_IS_FATAL ANY)
    find_package(Threads REQUIRED)
    find_package(OpenSSL REQUIRED)
    target_include_directories(weir_paho SYSTEM INTERFACE ${WEIR_PAHO_FAST_DIR}/include)
    target_link_libraries(weir_paho INTERFACE
        ${WEIR_PAHO_FAST_DIR}/lib/libpaho-mqtt3as.a OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
else()
    message(FATAL_ERROR "WEIR_PAHO is '${WEIR_PAHO}'; expected system or fast")
endif()
