set(weir_architecture armhf)
set(weir_triplet arm-linux-gnueabihf)
set(weir_processor armv7l)
set(weir_emulator qemu-arm)
set(weir_linker lld-16)
# As Debian compiles for it, and a quarter smaller.
set(CMAKE_C_FLAGS_INIT -mthumb)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
