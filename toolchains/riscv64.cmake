set(weir_architecture riscv64)
set(weir_triplet riscv64-linux-gnu)
set(weir_processor riscv64)
set(weir_emulator qemu-riscv64)
# lld links no bitcode of clang 14 for this architecture.
set(weir_linker bfd)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
