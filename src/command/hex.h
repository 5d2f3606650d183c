/*
 * Bytes written as pairs of hexadecimal digits, in either case.
 */
#ifndef WEIR_COMMAND_HEX_H
#define WEIR_COMMAND_HEX_H

/* The digit's value, -1: it is none. */
static inline int weir_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that two digits, which they are, stand for. */
static inline char weir_hex_byte(const char *digits)
{
    return (char)(weir_hex_digit(digits[0]) * 16 + weir_hex_digit(digits[1]));
}

#endif
