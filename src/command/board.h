/*
 * What a board allows weir to take: boards/<name>.conf, compiled in.
 */
#ifndef WEIR_COMMAND_BOARD_H
#define WEIR_COMMAND_BOARD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct weir_board {
    const char *name;
    uint32_t memory_mib; /* of memory, libraries aside */
    uint32_t flash_mib;  /* kept in the state directory */
};

/* The board of that name. NULL: there is none, and file is told which there are. */
const struct weir_board *weir_board_find(const char *name, FILE *file);

/* Whether bytes of memory and flash are within the board's budgets; file is told of each that is
 * not. */
bool weir_board_admit(const struct weir_board *board, uint64_t memory_bytes, uint64_t flash_bytes,
                      FILE *file);

#endif
