/*
 * Checksums of any stretch of a buffer, each byte of which is read for them once, but for a step at
 * either end of a stretch: so stretches may overlap as much as they like.
 *
 * A sum from the start of the buffer is kept every WEIR_DECODE_SUMS_STEP bytes; that of a stretch
 * follows from the sums to its two ends, by weir_crc32c_behind.
 */
#ifndef WEIR_COMMAND_DECODE_SUMS_H
#define WEIR_COMMAND_DECODE_SUMS_H

#include <stddef.h>
#include <stdint.h>

#define WEIR_DECODE_SUMS_STEP 32
#define WEIR_DECODE_SUMS_BYTES_MAX (4 * 1024 * 1024 + 64)

struct weir_decode_sums {
    uint64_t read_bytes; /* since init, of all buffers: what it cost */
    /* private */
    size_t count; /* of the steps that are known, the one to nothing left out */
    uint32_t sums[WEIR_DECODE_SUMS_BYTES_MAX / WEIR_DECODE_SUMS_STEP + 1];
};

void weir_decode_sums_init(struct weir_decode_sums *sums);

/* To be called when other bytes take the place of those from first on. */
void weir_decode_sums_forget(struct weir_decode_sums *sums, size_t first);

/* The CRC32C of bytes[first] up to bytes[last], which is not part of it; last is at most
 * WEIR_DECODE_SUMS_BYTES_MAX. */
uint32_t weir_decode_sums_find(struct weir_decode_sums *sums, const char *bytes, size_t first,
                               size_t last);

#endif
