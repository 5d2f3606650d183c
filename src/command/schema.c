/* What weir says and takes, as JSON Schemas. */
#include "command/schema.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "command/command.h"

static void print_usage(FILE *file)
{
    fputs("usage: weir schema [NAME]\n"
          "\n"
          "Prints the JSON Schema (draft 2020-12) of a payload; without a name an object of all.\n"
          "\n"
          "      --help  this text\n"
          "\n"
          "Names:",
          file);
    for (const struct weir_schema *schema = weir_schemas; schema->name[0] != '\0'; schema++)
        fprintf(file, " %s", schema->name);
    fputs("\n", file);
}

/* As it is indented in the documentation: by two for each bracket that is open. */
static void print_schema(const struct weir_schema *schema)
{
    int indent = 0;

    for (size_t i = schema->first; weir_schema_lines[i] != WEIR_SCHEMA_END; i++) {
        const char *line = &weir_schema_text[weir_schema_lines[i]];
        char end = line[strlen(line) - 1];

        if (line[0] == '}' || line[0] == ']')
            indent -= 2;
        printf("%*s%s\n", indent, "", line);
        if (end == '{' || end == '[')
            indent += 2;
    }
}

static void print_all(void)
{
    for (const struct weir_schema *schema = weir_schemas; schema->name[0] != '\0'; schema++) {
        printf("%c\"%s\": ", schema == weir_schemas ? '{' : ',', schema->name);
        print_schema(schema);
    }
    puts("}");
}

int weir_command_schema(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
    int option = getopt_long(argc, argv, "", options, NULL);

    if (option == 'h') {
        print_usage(stdout);
        return WEIR_EXIT_DONE;
    }
    if (option == -1 && optind == argc) {
        print_all();
        return WEIR_EXIT_DONE;
    }
    for (const struct weir_schema *schema = weir_schemas; option == -1 && schema->name[0] != '\0';
         schema++) {
        if (strcmp(schema->name, argv[optind]) != 0 || optind + 1 != argc)
            continue;
        print_schema(schema);
        return WEIR_EXIT_DONE;
    }
    print_usage(stderr);
    return WEIR_EXIT_USAGE;
}
