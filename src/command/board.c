#include "command/board.h"

#include <inttypes.h>
#include <string.h>

#define MIB ((uint64_t)1024 * 1024)

static const struct weir_board boards[] = {
#include "board_rows.inc"
};

#define BOARD_COUNT (sizeof(boards) / sizeof(boards[0]))

const struct weir_board *weir_board_find(const char *name, FILE *file)
{
    for (size_t i = 0; i < BOARD_COUNT; i++) {
        if (strcmp(boards[i].name, name) == 0)
            return &boards[i];
    }
    fprintf(file, "error: unknown board '%s'; expected", name);
    for (size_t i = 0; i < BOARD_COUNT; i++)
        fprintf(file, "%s %s", i == 0 ? "" : ",", boards[i].name);
    fputs("\n", file);
    return NULL;
}

static bool admit(const struct weir_board *board, const char *what, const char *settings,
                  uint64_t bytes, uint32_t budget_mib, FILE *file)
{
    if (bytes <= budget_mib * MIB)
        return true;
    fprintf(file,
            "error: %" PRIu64 " bytes of %s, more than the %" PRIu32
            " MiB that board %s allows; lower %s\n",
            bytes, what, budget_mib, board->name, settings);
    return false;
}

bool weir_board_admit(const struct weir_board *board, uint64_t memory_bytes, uint64_t flash_bytes,
                      FILE *file)
{
    bool memory = admit(board, "memory", "max_series, storage.journal or uplink.outbox",
                        memory_bytes, board->memory_mib, file);
    bool flash = admit(board, "flash", "storage.journal or storage.outbox", flash_bytes,
                       board->flash_mib, file);

    return memory && flash;
}
