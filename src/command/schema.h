/* The JSON Schemas of docs/schema, built into the program. */
#ifndef WEIR_COMMAND_SCHEMA_H
#define WEIR_COMMAND_SCHEMA_H

#include <stdint.h>

struct weir_schema {
    char name[20];
    uint16_t first; /* of its lines, which WEIR_SCHEMA_END closes */
};

/* By name; the last has none. */
extern const struct weir_schema weir_schemas[];

/* Where in the text the lines begin, schema by schema. */
#define WEIR_SCHEMA_END UINT16_MAX
extern const uint16_t weir_schema_lines[];

/* The lines that there are, each with a NUL behind it, none indented. */
extern const char weir_schema_text[];

#endif
