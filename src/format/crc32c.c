#include "format/crc32c.h"

#include <string.h>

#define POLYNOMIAL 0x82f63b78u

static uint32_t tables[8][256];

void weir_crc32c_init(void)
{
    if (tables[0][1] != 0)
        return;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;

        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
        tables[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int n = 1; n < 8; n++)
            tables[n][i] = tables[n - 1][i] >> 8 ^ tables[0][tables[n - 1][i] & 0xff];
}

static uint32_t read_word(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

/* The product of two polynomials, modulo that of the checksum; the highest bit is x^0. */
static uint32_t multiply(uint32_t a, uint32_t b)
{
    uint32_t product = 0;

    for (; a != 0; a <<= 1) {
        if (a & 1u << 31)
            product ^= b;
        b = b >> 1 ^ (b & 1 ? POLYNOMIAL : 0);
    }
    return product;
}

uint32_t weir_crc32c(uint32_t crc, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;

    crc = ~crc;
    for (; length >= 8; at += 8, length -= 8) {
        uint32_t low = read_word(at) ^ crc;
        uint32_t high = read_word(at + 4);

        crc = tables[7][low & 0xff] ^ tables[6][low >> 8 & 0xff] ^ tables[5][low >> 16 & 0xff] ^
              tables[4][low >> 24] ^ tables[3][high & 0xff] ^ tables[2][high >> 8 & 0xff] ^
              tables[1][high >> 16 & 0xff] ^ tables[0][high >> 24];
    }
    for (; length > 0; length--)
        crc = crc >> 8 ^ tables[0][(crc ^ *at++) & 0xff];
    return ~crc;
}

uint32_t weir_crc32c_behind(uint32_t first, uint32_t both, size_t length)
{
    uint32_t power = 1u << 23; /* x^8 */

    for (; length > 0; length >>= 1) {
        if (length & 1)
            first = multiply(power, first);
        power = multiply(power, power);
    }
    return first ^ both;
}
