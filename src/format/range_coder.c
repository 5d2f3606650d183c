#include "format/range_coder.h"

const uint16_t weir_coder_share[WEIR_CODER_SEEN_MAX + 1] = {
    6553, 5957, 5461, 5041, 4681, 4369, 4096, 3855, 3640, 3449, 3276, 3120, 2978,
    2849, 2730, 2621, 2520, 2427, 2340, 2259, 2184, 2114, 2048, 1985, 1927, 1872,
    1820, 1771, 1724, 1680, 1638, 1598, 1560, 1524, 1489, 1456, 1424, 1394, 1365,
    1337, 1310, 1285, 1260, 1236, 1213, 1191, 1170, 1149, 1129, 1110, 1092,
};

/* Zeros that are left out at the end, and that a reader may therefore be ahead of it. */
#define TRIM_BYTES_MAX 8

/* Raw bits at once: the interval keeps at least 8 bits of its width. */
#define RAW_STEP 16

static void write_byte(struct weir_coder *coder, uint8_t byte)
{
    if (!coder->begun) {
        coder->begun = true;
        return;
    }
    if (coder->length == coder->size) {
        coder->failed = true;
        return;
    }
    coder->output[coder->length++] = byte;
}

/* Gives the interval's uppermost byte out, unless a carry may still change it. */
static void shift_out(struct weir_coder *coder)
{
    if ((uint32_t)coder->low < 0xff000000u || coder->low >> 32 != 0) {
        uint8_t carry = (uint8_t)(coder->low >> 32);
        uint8_t byte = coder->cache;

        for (; coder->pending > 0; coder->pending--) {
            write_byte(coder, (uint8_t)(byte + carry));
            byte = 0xff;
        }
        coder->cache = (uint8_t)(coder->low >> 24);
    }
    coder->pending++;
    coder->low = (coder->low & 0x00ffffff) << 8;
}

static void shift_in(struct weir_coder *coder)
{
    uint8_t byte = coder->length < coder->size ? coder->input[coder->length] : 0;

    if (coder->length++ >= coder->size + TRIM_BYTES_MAX)
        coder->failed = true;
    coder->code = coder->code << 8 | byte;
}

void weir_coder_shift(struct weir_coder *coder)
{
    coder->range <<= 8;
    if (coder->decoding)
        shift_in(coder);
    else
        shift_out(coder);
}

void weir_coder_init_encode(struct weir_coder *coder, uint8_t *bytes, size_t size)
{
    *coder = (struct weir_coder){.range = UINT32_MAX, .pending = 1, .output = bytes, .size = size};
}

void weir_coder_init_decode(struct weir_coder *coder, const uint8_t *bytes, size_t length)
{
    *coder =
        (struct weir_coder){.decoding = true, .range = UINT32_MAX, .input = bytes, .size = length};
    for (int i = 0; i < 4; i++)
        shift_in(coder);
}

size_t weir_coder_finish(struct weir_coder *coder)
{
    uint64_t last = coder->low + coder->range - 1;
    uint32_t bits = 32;

    /* The number in the interval with the most zeros at its end. */
    while (last >> bits << bits < coder->low)
        bits--;
    coder->low = last >> bits << bits;
    for (int i = 0; i < 5; i++)
        shift_out(coder);
    for (int i = 0; i < TRIM_BYTES_MAX; i++) {
        if (coder->length > 0 && coder->output[coder->length - 1] == 0)
            coder->length--;
    }
    return coder->length;
}

uint64_t weir_coder_raw(struct weir_coder *coder, uint64_t value, uint32_t count)
{
    uint64_t result = 0;

    while (count > 0) {
        uint32_t step = count < RAW_STEP ? count : RAW_STEP;
        uint32_t part = (uint32_t)(value >> (count - step)) & ((1u << step) - 1);

        count -= step;
        coder->range >>= step;
        if (coder->decoding) {
            part = coder->code / coder->range;
            if (part >= 1u << step) {
                coder->failed = true;
                part = (1u << step) - 1;
            }
            coder->code -= part * coder->range;
        } else {
            coder->low += (uint64_t)coder->range * part;
        }
        result = result << step | part;
        while (coder->range < 1u << 24)
            weir_coder_shift(coder);
    }
    return result;
}
