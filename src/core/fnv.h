/*
 * FNV-1a, 64 bits (Fowler, Noll, Vo; draft-eastlake-fnv): for what is named by its contents, not for
 * tables of strangers' keys.
 */
#ifndef WEIR_CORE_FNV_H
#define WEIR_CORE_FNV_H

#include <stddef.h>
#include <stdint.h>

#define WEIR_FNV_START 0xcbf29ce484222325u

static inline uint64_t weir_fnv_add(uint64_t hash, unsigned char byte)
{
    return (hash ^ byte) * 0x100000001b3u;
}

static inline uint64_t weir_fnv_add_bytes(uint64_t hash, const void *bytes, size_t length)
{
    for (const unsigned char *at = bytes; length > 0; length--)
        hash = weir_fnv_add(hash, *at++);
    return hash;
}

#endif
