/*
 * The numbers and texts of a compact batch as bits of the range coder: what each kind of number is
 * expected to be like, known beforehand (compact_prior.c) and learned on the way.
 *
 * A number v from 0 is the class of v + 1, the place of its highest bit, as steps up or down from the
 * class that is expected; then its three next bits, which are modelled, and the rest, which is not.
 * docs/batch-format.md says it bit by bit.
 */
#ifndef WEIR_FORMAT_COMPACT_MODEL_H
#define WEIR_FORMAT_COMPACT_MODEL_H

#include "format/range_coder.h"

/* Kinds of numbers. */
enum weir_compact_kind {
    WEIR_COMPACT_HEAD,    /* of the envelope; the context is which */
    WEIR_COMPACT_LEDGER,  /* a count of the ledger; the context is which */
    WEIR_COMPACT_DECLARE, /* a stream or a track when it first appears; the context is which */
    WEIR_COMPACT_FLAG,    /* a flag; the context is which */
    WEIR_COMPACT_TRACK,   /* how far back a track is */
    WEIR_COMPACT_TIME,    /* windows between a row's and the expected one */
    WEIR_COMPACT_REVISION,
    WEIR_COMPACT_COUNT,
    WEIR_COMPACT_RANGE, /* max - min */
    WEIR_COMPACT_LOW,   /* min, or whatever stands for where the row is */
    WEIR_COMPACT_EDGE,  /* first and last, from the nearer end of the range */
    WEIR_COMPACT_TOTAL,
    WEIR_COMPACT_SQUARES,
    WEIR_COMPACT_DOUBLE, /* a double, from another */
    WEIR_COMPACT_SPAN,
    WEIR_COMPACT_TEXT,   /* lengths */
    WEIR_COMPACT_SAMPLE, /* of a sketch: its form, and steps from sample to sample */
    WEIR_COMPACT_BIN,    /* samples in a bin of a sketch */
    WEIR_COMPACT_KIND_COUNT,
};

/* Contexts of WEIR_COMPACT_FLAG. */
enum weir_compact_flag {
    WEIR_COMPACT_FLAG_MORE,           /* there is another row */
    WEIR_COMPACT_FLAG_UNSYNCHRONISED, /* the clock was wrong; with CORRECTED, put right */
    WEIR_COMPACT_FLAG_NEXT,           /* the track is the one that was next the last time */
    WEIR_COMPACT_FLAG_STREAM_NAMED,
    WEIR_COMPACT_FLAG_SERIES_NAMED,
    WEIR_COMPACT_FLAG_KIN,     /* the grid is that of another track of the field */
    WEIR_COMPACT_FLAG_REGULAR, /* the window is of the stream's length, in step with the others */
    WEIR_COMPACT_FLAG_RAW,     /* the values are not on the grid */
    WEIR_COMPACT_FLAG_RAW_AGAIN,
    WEIR_COMPACT_FLAG_FIRST_HIGH, /* and five more; in the upper half of the range */
    WEIR_COMPACT_FLAG_LAST_HIGH = WEIR_COMPACT_FLAG_FIRST_HIGH + 6,
    WEIR_COMPACT_FLAG_CORRECTED = WEIR_COMPACT_FLAG_LAST_HIGH + 6,
};

#define WEIR_COMPACT_CONTEXT_COUNT 24
#define WEIR_COMPACT_CLASS_COUNT 24 /* that are told apart */
#define WEIR_COMPACT_STEP_COUNT 8   /* likewise, each way */

struct weir_compact_walk {
    struct weir_coder_bit below; /* the class is below the one expected */
    struct weir_coder_bit up[WEIR_COMPACT_STEP_COUNT];
    struct weir_coder_bit down[WEIR_COMPACT_STEP_COUNT];
};

struct weir_compact_numbers {
    struct weir_compact_walk walk[WEIR_COMPACT_CONTEXT_COUNT];
    struct weir_coder_bit next[3][WEIR_COMPACT_CLASS_COUNT][3]; /* below, as, above expected */
    struct weir_coder_bit third[WEIR_COMPACT_CLASS_COUNT][4];
    struct weir_coder_bit sign[WEIR_COMPACT_CONTEXT_COUNT];
};

/* Everything that is learned. */
struct weir_compact_model {
    struct weir_compact_numbers numbers[WEIR_COMPACT_KIND_COUNT];
    struct weir_coder_bit text[256];
};

#define WEIR_COMPACT_BIT_COUNT (sizeof(struct weir_compact_model) / sizeof(struct weir_coder_bit))

/* What is known beforehand: one character a bit, in the order of the struct; g{24} is 24 times g. In
 * lines, the last of them empty: so long a text is more than a compiler has to take at once. */
#define WEIR_COMPACT_PRIOR_LINE_MAX 92
extern const char weir_compact_prior[][WEIR_COMPACT_PRIOR_LINE_MAX + 1];

void weir_compact_model_init(struct weir_compact_model *model);

struct weir_compact_codec {
    struct weir_coder coder;
    struct weir_compact_model model;
};

/*
 * Each codes one number, and returns it: encoding, the one it is given; decoding, the one it reads.
 * context < WEIR_COMPACT_CONTEXT_COUNT; expected is a class, 0 to 63. A signed number is its
 * magnitude, then, unless that is 0, its sign.
 */
uint64_t weir_compact_code_about(struct weir_compact_codec *codec, enum weir_compact_kind kind,
                                 uint32_t context, uint32_t expected, uint64_t value);
int64_t weir_compact_code_signed_about(struct weir_compact_codec *codec,
                                       enum weir_compact_kind kind, uint32_t context,
                                       uint32_t expected, int64_t value);

/* The same, where class 0 is expected. */
static inline uint64_t weir_compact_code(struct weir_compact_codec *codec,
                                         enum weir_compact_kind kind, uint32_t context,
                                         uint64_t value)
{
    return weir_compact_code_about(codec, kind, context, 0, value);
}

static inline int64_t weir_compact_code_signed(struct weir_compact_codec *codec,
                                               enum weir_compact_kind kind, uint32_t context,
                                               int64_t value)
{
    return weir_compact_code_signed_about(codec, kind, context, 0, value);
}

bool weir_compact_code_flag(struct weir_compact_codec *codec, uint32_t which, bool flag);

/* Codes `length` bytes. */
void weir_compact_code_text(struct weir_compact_codec *codec, char *text, size_t length);

/* The number of bits that value takes without zeros in front. */
static inline uint32_t weir_compact_level(uint64_t value)
{
    return value == 0 ? 0 : 64 - (uint32_t)__builtin_clzll(value);
}

/* Halves of a level: 2 for 1, 4 for 2, 5 for 3, 6 for 4, 7 for 6... */
static inline uint32_t weir_compact_half_level(uint64_t value)
{
    uint32_t level = weir_compact_level(value);

    return level < 2 ? 2 * level : 2 * level + (uint32_t)(value >> (level - 2) & 1);
}

#endif
