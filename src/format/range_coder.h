/*
 * An adaptive binary range coder: a sequence of bits, each with the probability it was expected to
 * have, as bytes, and back. One struct goes both ways, so that what is coded is written down once,
 * for writer and reader.
 *
 * The interval is 32 bits wide; a carry goes into bytes that are held back. G. N. N. Martin, "Range
 * encoding: an algorithm for removing redundancy from a digitised message" (1979); the carry as in
 * I. Pavlov's LZMA specification (2015).
 */
#ifndef WEIR_FORMAT_RANGE_CODER_H
#define WEIR_FORMAT_RANGE_CODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How likely a 0 is, of 65,536, by what was seen. Every bit moves it by a share that begins at a
 * tenth and becomes smaller with each, down to a sixtieth. */
struct weir_coder_bit {
    uint16_t chance; /* 10 to 65,525 */
    uint16_t seen;   /* bits, at most WEIR_CODER_SEEN_MAX */
};

#define WEIR_CODER_SEEN_MAX 50

/* 65536 / (seen + 10) */
extern const uint16_t weir_coder_share[WEIR_CODER_SEEN_MAX + 1];

/* The bits of a value that are not modelled, at once at most. */
#define WEIR_CODER_RAW_COUNT_MAX 64

struct weir_coder {
    bool decoding; /* to read */
    bool failed;   /* to read and to set: no room, or what is read was not written by this coder */
    /* private */
    uint32_t range;
    uint32_t code;    /* decoding: the input, less the interval's lower end */
    uint64_t low;     /* encoding: the interval's lower end, and its carry */
    uint64_t pending; /* encoding: bytes held back; but for the first of them all 0xff */
    uint8_t cache;    /* encoding: the first */
    bool begun;       /* encoding: the byte in front of all, which can only be 0, is out */
    uint8_t *output;
    const uint8_t *input;
    size_t size;
    size_t length; /* bytes written, or read; beyond its end the input is zeros */
};

/* Begins a sequence in the caller's memory. */
void weir_coder_init_encode(struct weir_coder *coder, uint8_t *bytes, size_t size);
void weir_coder_init_decode(struct weir_coder *coder, const uint8_t *bytes, size_t length);

/* Ends the sequence in as few bytes as there can be. Returns their number. */
size_t weir_coder_finish(struct weir_coder *coder);

/* Codes `count` bits, 0 to 64, each as likely 0 as 1. Encoding: value, which is returned. Decoding:
 * value has no meaning; returns what was read. */
uint64_t weir_coder_raw(struct weir_coder *coder, uint64_t value, uint32_t count);

/* Bytes that can still be written, the ones the end takes not counted. */
static inline size_t weir_coder_room(const struct weir_coder *coder)
{
    size_t used = coder->length + (size_t)coder->pending + 8;

    return used < coder->size ? coder->size - used : 0;
}

/* private */
void weir_coder_shift(struct weir_coder *coder);

/* Codes a bit and has its estimates follow. Encoding: bit, which is returned. Decoding: bit has no
 * meaning; returns what was read. */
static inline uint32_t weir_coder_bit(struct weir_coder *coder, struct weir_coder_bit *estimate,
                                      uint32_t bit)
{
    uint32_t chance = estimate->chance;
    uint32_t share = weir_coder_share[estimate->seen];
    uint32_t split = (coder->range >> 16) * chance;

    if (coder->decoding)
        bit = coder->code >= split;
    if (bit == 0) {
        coder->range = split;
        chance += (65535 - chance) * share >> 16;
    } else {
        coder->range -= split;
        coder->low += split;
        coder->code -= split;
        chance -= chance * share >> 16;
    }
    estimate->chance = (uint16_t)chance;
    if (estimate->seen < WEIR_CODER_SEEN_MAX)
        estimate->seen++;
    while (coder->range < 1u << 24)
        weir_coder_shift(coder);
    return bit;
}

#endif
