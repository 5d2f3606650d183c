/*
 * Where one batch ends and the next begins, in a stream of them: compact ones, which say how long
 * they are; JSON, back to back, a line each or printed over many lines; or either as lines of
 * hexadecimal digits. In bounded memory, and in time that grows with the length of the input alone,
 * whatever it holds: a byte is read a bounded number of times.
 *
 * What is no batch is passed over up to the next line, or to the next batch as weir writes it: the
 * bytes
 *
 *     {"schema":"weir.batch/
 *
 * stand in no JSON text but at the beginning of an object, and those that a compact batch begins
 * with in none at all; so either ends whatever was cut off before it. Within the length that a
 * refused compact batch claims, nothing is taken for the next compact one that has not its checksum.
 */
#ifndef WEIR_COMMAND_DECODE_INPUT_H
#define WEIR_COMMAND_DECODE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command/decode_sums.h"

/* A batch in bytes: sixteen times what weir writes, for batches that were printed anew with
 * blanks. */
#define WEIR_DECODE_BATCH_MAX (4 * 1024 * 1024)

enum weir_decode_outcome {
    WEIR_DECODE_BATCH, /* something between brackets, or compact; whether it is a batch is not known
                        * yet */
    WEIR_DECODE_BAD,   /* something else, passed over; problem says what */
    WEIR_DECODE_END,
    WEIR_DECODE_FAILED, /* reading failed; problem says why */
};

struct weir_decode_input {
    uint64_t offset; /* where the newest outcome begins, in bytes from the start */
    const char *problem;
    /* private */
    int fd;
    bool ended;
    int error;    /* errno of the read that failed; 0: none has */
    bool lost;    /* looking for the next place to begin at */
    bool framed;  /* what is lost is a compact batch: a line's end says nothing */
    size_t first; /* of the bytes not taken yet */
    size_t last;
    uint64_t base;    /* offset of bytes[0] */
    uint64_t claimed; /* the offset up to which what was refused said that it goes */
    struct weir_decode_sums sums;
    char bytes[WEIR_DECODE_SUMS_BYTES_MAX]; /* a batch and what follows it */
};

/* fd stays the caller's. */
void weir_decode_input_init(struct weir_decode_input *input, int fd);

/* Takes the next batch; text points into input until the next call. */
enum weir_decode_outcome weir_decode_input_next(struct weir_decode_input *input, const char **text,
                                                size_t *length);

#endif
