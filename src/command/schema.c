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
    for (const struct weir_schema *schema = weir_schemas; schema->name; schema++)
        fprintf(file, " %s", schema->name);
    fputs("\n", file);
}

static void print_all(void)
{
    for (const struct weir_schema *schema = weir_schemas; schema->name; schema++)
        printf("%c\"%s\": %s", schema == weir_schemas ? '{' : ',', schema->name, schema->text);
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
    for (const struct weir_schema *schema = weir_schemas; option == -1 && schema->name; schema++) {
        if (strcmp(schema->name, argv[optind]) != 0 || optind + 1 != argc)
            continue;
        fputs(schema->text, stdout);
        return WEIR_EXIT_DONE;
    }
    print_usage(stderr);
    return WEIR_EXIT_USAGE;
}
