#include "format/compact_model.h"

#include <string.h>

#include "core/assert.h"

/* The characters of the prior, and the chance of a 0, of 65,536, that each stands for:
 * 65536 / (1 + exp((32 - i) / 5.5)). */
#define CHANCE_COUNT 64

static const char chance_names[CHANCE_COUNT + 1] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static const uint16_t chances[CHANCE_COUNT] = {
    194,   233,   279,   334,   401,   480,   575,   688,   824,   986,   1179,  1409,  1682,
    2008,  2393,  2850,  3389,  4023,  4767,  5635,  6645,  7812,  9152,  10680, 12406, 14339,
    16479, 18821, 21351, 24046, 26875, 29797, 32768, 35739, 38661, 41490, 44185, 46715, 49057,
    51197, 53130, 54856, 56384, 57724, 58891, 59901, 60769, 61513, 62147, 62686, 63143, 63528,
    63854, 64127, 64357, 64550, 64712, 64848, 64961, 65056, 65135, 65202, 65257, 65303,
};

/* How many times in a row what stands before *at is meant. */
static size_t take_count(const char **at)
{
    size_t count = 0;

    if (**at != '{')
        return 1;
    for ((*at)++; **at != '}'; (*at)++)
        count = 10 * count + (size_t)(**at - '0');
    (*at)++;
    return count;
}

void weir_compact_model_init(struct weir_compact_model *model)
{
    struct weir_coder_bit *bits = (struct weir_coder_bit *)model;
    uint16_t chance_of[256] = {0};

    for (size_t i = 0; i < CHANCE_COUNT; i++)
        chance_of[(unsigned char)chance_names[i]] = chances[i];
    for (size_t line = 0; weir_compact_prior[line][0] != '\0'; line++) {
        for (const char *at = weir_compact_prior[line]; *at != '\0';) {
            uint16_t chance = chance_of[(unsigned char)*at++];

            for (size_t left = take_count(&at); left > 0; left--)
                *bits++ = (struct weir_coder_bit){chance, 0};
        }
    }
    assert(bits == (struct weir_coder_bit *)(model + 1));
}

static uint32_t code_class(struct weir_compact_codec *codec, struct weir_compact_walk *walk,
                           uint32_t expected, uint32_t class)
{
    uint32_t at = expected;
    uint32_t step = 0;

    if (expected > 0 && weir_coder_bit(&codec->coder, &walk->below, class < expected) != 0) {
        for (at--; at > 0; at--) {
            if (weir_coder_bit(&codec->coder, &walk->down[step], class < at) == 0)
                break;
            step += step < WEIR_COMPACT_STEP_COUNT - 1;
        }
        return at;
    }
    for (; at < 63; at++) {
        if (weir_coder_bit(&codec->coder, &walk->up[step], class > at) == 0)
            break;
        step += step < WEIR_COMPACT_STEP_COUNT - 1;
    }
    return at;
}

/* The bits behind the highest of a number of this class, from 1. */
static uint64_t code_rest(struct weir_compact_codec *codec, struct weir_compact_numbers *numbers,
                          uint32_t expected, uint32_t class, uint64_t number)
{
    uint32_t place = class < WEIR_COMPACT_CLASS_COUNT ? class : WEIR_COMPACT_CLASS_COUNT - 1;
    struct weir_coder_bit *next = numbers->next[(class >= expected) + (class > expected)][place];
    uint64_t high = 1;

    for (uint32_t i = 0; i < 3 && class > 0; i++) {
        struct weir_coder_bit *bit = i < 2 ? &next[high - 1] : &numbers->third[place][high - 4];

        class --;
        high = high << 1 | weir_coder_bit(&codec->coder, bit, (uint32_t)(number >> class) & 1);
    }
    return high << class |
           weir_coder_raw(&codec->coder, number & (((uint64_t)1 << class) - 1), class);
}

uint64_t weir_compact_code_about(struct weir_compact_codec *codec, enum weir_compact_kind kind,
                                 uint32_t context, uint32_t expected, uint64_t value)
{
    struct weir_compact_numbers *numbers = &codec->model.numbers[kind];
    uint64_t number = value + 1;
    uint32_t class = codec->coder.decoding ? 0 : weir_compact_level(number) - 1;

    class = code_class(codec, &numbers->walk[context], expected, class);
    return code_rest(codec, numbers, expected, class, number) - 1;
}

int64_t weir_compact_code_signed_about(struct weir_compact_codec *codec,
                                       enum weir_compact_kind kind, uint32_t context,
                                       uint32_t expected, int64_t value)
{
    uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
    bool negative = value < 0;

    magnitude = weir_compact_code_about(codec, kind, context, expected, magnitude);
    if (magnitude == 0)
        return 0;
    negative = weir_coder_bit(&codec->coder, &codec->model.numbers[kind].sign[context], negative);
    if (magnitude - negative > INT64_MAX) {
        codec->coder.failed = true;
        return 0;
    }
    return negative ? -(int64_t)(magnitude - 1) - 1 : (int64_t)magnitude;
}

bool weir_compact_code_flag(struct weir_compact_codec *codec, uint32_t which, bool flag)
{
    return weir_coder_bit(&codec->coder, &codec->model.numbers[WEIR_COMPACT_FLAG].sign[which],
                          flag) != 0;
}

void weir_compact_code_text(struct weir_compact_codec *codec, char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        uint32_t node = 1;

        while (node < 256) {
            uint32_t bit = (uint32_t)(unsigned char)text[i] >> (8 - weir_compact_level(node)) & 1;

            node = node << 1 | weir_coder_bit(&codec->coder, &codec->model.text[node], bit);
        }
        if (codec->coder.decoding)
            text[i] = (char)node;
    }
}
