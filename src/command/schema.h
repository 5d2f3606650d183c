/* The JSON Schemas of docs/schema, built into the program. */
#ifndef WEIR_COMMAND_SCHEMA_H
#define WEIR_COMMAND_SCHEMA_H

struct weir_schema {
    const char *name;
    const char *text;
};

/* By name; the last has none. */
extern const struct weir_schema weir_schemas[];

#endif
