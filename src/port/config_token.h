/*
 * The tokens of libconfig's notation, each with its place.
 */
#ifndef WEIR_PORT_CONFIG_TOKEN_H
#define WEIR_PORT_CONFIG_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port/config_problem.h"

enum weir_token_kind {
    WEIR_TOKEN_END,
    WEIR_TOKEN_NAME,
    WEIR_TOKEN_STRING,
    WEIR_TOKEN_INTEGER,
    WEIR_TOKEN_FLOAT,
    WEIR_TOKEN_BOOL,
    WEIR_TOKEN_MARK, /* one of = : ; , { } [ ] ( ) */
};

struct weir_token {
    enum weir_token_kind kind;
    char mark; /* of WEIR_TOKEN_MARK; else 0 */
    uint32_t line;
    uint32_t column;
    uint32_t offset;
    uint32_t length;
};

/* Where the reading of a text stands. */
struct weir_token_reader {
    const char *text;
    size_t length;
    struct weir_place file;
    struct weir_problems *problems;
    /* private */
    size_t offset;
    size_t line_offset;
    uint32_t line;
};

void weir_token_init(struct weir_token_reader *reader, const char *text, size_t length,
                     struct weir_place file, struct weir_problems *problems);

/* Reads the next token. False: a problem was added, and there is no going on. */
bool weir_token_take(struct weir_token_reader *reader, struct weir_token *token);

/* The place of a token. */
struct weir_place weir_token_place(const struct weir_token_reader *reader,
                                   const struct weir_token *token);

/*
 * Writes length bytes of text for a report: in quotes of the kind given (0: none), cut where it is
 * long, control bytes as question marks. out has at least 64 bytes.
 */
void weir_token_quote(char *out, const char *text, size_t length, char quote);

#endif
