/*
 * CRC32C (Castagnoli, reflected polynomial 0x82f63b78; RFC 3720, appendix B.4), eight bytes at a
 * time by tables: M. E. Kounavis and F. L. Berry, "Novel Table Lookup-Based Algorithms for
 * High-Performance CRC Generation", IEEE Trans. Computers 57 (2008).
 */
#ifndef WEIR_FORMAT_CRC32C_H
#define WEIR_FORMAT_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Fills the tables; once before the first use, any number of times from one thread. */
void weir_crc32c_init(void);

/* The checksum of what crc is the checksum of (0: of nothing), followed by these bytes. */
uint32_t weir_crc32c(uint32_t crc, const void *bytes, size_t length);

/* The checksum of the length bytes behind a first part, from those of the first part and of both:
 * bytes that follow multiply what was before by a power of x, as in zlib's crc32_combine. Takes a
 * time that grows with the digits of length. */
uint32_t weir_crc32c_behind(uint32_t first, uint32_t both, size_t length);

#endif
