#include <getopt.h>
#include <stdio.h>

#include "command/command.h"
#include "port/config_table.h"

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

static void print_usage(FILE *file)
{
    fputs("usage: weir version\n"
          "\n"
          "Prints the version, and how this program was built.\n"
          "\n"
          "      --help  this text\n",
          file);
}

static void print_formats(void)
{
    const struct weir_setting *format = weir_table_find(&weir_table_uplink, "format");

    fputs("uplink formats:", stdout);
    for (size_t i = 0; i < format->choice_count; i++)
        printf("%s %s", i == 0 ? "" : ",", format->choices[i].name);
    fputs("\n", stdout);
}

int weir_command_version(int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int option = getopt_long(argc, argv, "", options, NULL);

    if (option == 'h') {
        print_usage(stdout);
        return WEIR_EXIT_DONE;
    }
    if (option != -1 || optind != argc) {
        print_usage(stderr);
        return WEIR_EXIT_USAGE;
    }
    printf("weir " WEIR_VERSION "\n"
           "compiler: " COMPILER "\n"
           "pointers: %zu bits\n",
           8 * sizeof(void *));
    print_formats();
    return WEIR_EXIT_DONE;
}
