/* What a store's log holds: for eyes, for replay, and whether it is whole. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/command.h"
#include "command/past.h"
#include "format/timestamp.h"
#include "port/config.h"

static void print_usage(FILE *file)
{
    fputs("usage: weir journal ls|cat|verify [-c FILE | --path DIR]\n"
          "       weir journal cat [--from TIME] [--to TIME] [--all]\n"
          "\n"
          "Reads the journal of a weir that runs or does not, also what is not on disk yet. "
          "Writes\n"
          "nothing to it.\n"
          "\n"
          "  ls                 the segments, snapshots, the outbox, and files set aside\n"
          "  cat                every message, one JSON object a line, as weir replay reads it\n"
          "  verify             reads everything and says what is damaged or missing\n"
          "\n"
          "  -c, --config FILE  the configuration whose storage it is (" WEIR_CONFIG_PATH_DEFAULT
          ")\n"
          "      --path DIR     the state directory itself\n"
          "      --from TIME    messages that arrived then or later; ISO 8601 with a zone, or\n"
          "                     milliseconds since 1970\n"
          "      --to TIME      messages that arrived before\n"
          "      --all          also the records that are no messages\n"
          "      --help         this text\n"
          "\n"
          "Exit status 1: something is damaged or missing, or cannot be read.\n",
          file);
}

static bool read_time(const char *text, int64_t *time_ms)
{
    char *end;
    long long number = strtoll(text, &end, 10);

    if (end == text || *end != '\0' || number < 0)
        return weir_timestamp_parse(text, strlen(text), time_ms);
    *time_ms = number;
    return true;
}

/* Where the store is. WEIR_EXIT_DONE: path says. */
static int find_path(const char *config_path, char *path, size_t size)
{
    struct weir_config *config = weir_config_load_offline(config_path, stderr);
    int result = WEIR_EXIT_DONE;

    if (!config)
        return WEIR_EXIT_REFUSED;
    (void)snprintf(path, size, "%s", config->storage_path);
    if (path[0] == '\0') {
        fprintf(stderr, "weir: %s configures no storage\n", config_path);
        result = WEIR_EXIT_FAILED;
    }
    weir_config_destroy(config);
    return result;
}

struct arguments {
    const char *config_path;
    const char *path;
    const char *verb;
    struct weir_past_choice choice;
};

static int act(const struct arguments *arguments)
{
    char path[sizeof(((struct weir_config *)0)->storage_path)];
    const char *where = arguments->path;

    if (!where) {
        int result = find_path(arguments->config_path, path, sizeof(path));

        if (result != WEIR_EXIT_DONE)
            return result;
        where = path;
    }
    if (strcmp(arguments->verb, "ls") == 0)
        return weir_past_list(where);
    if (strcmp(arguments->verb, "cat") == 0)
        return weir_past_print(where, &arguments->choice);
    return weir_past_verify(where);
}

static bool is_verb(const char *text)
{
    return strcmp(text, "ls") == 0 || strcmp(text, "cat") == 0 || strcmp(text, "verify") == 0;
}

enum { OPTION_PATH = 256, OPTION_FROM, OPTION_TO, OPTION_ALL, OPTION_HELP };

/* False: the usage is wrong. */
static bool take_option(struct arguments *arguments, int option)
{
    int64_t *time_ms = &arguments->choice.from_ms;

    switch (option) {
    case 'c':
        arguments->config_path = optarg;
        return true;
    case OPTION_PATH:
        arguments->path = optarg;
        return true;
    case OPTION_ALL:
        arguments->choice.all = true;
        return true;
    case OPTION_TO:
        time_ms = &arguments->choice.to_ms;
        break;
    case OPTION_FROM:
        break;
    default:
        return false;
    }
    if (read_time(optarg, time_ms))
        return true;
    fprintf(stderr, "weir journal: '%s' is not a time\n", optarg);
    return false;
}

int weir_command_journal(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"path", required_argument, NULL, OPTION_PATH},
        {"from", required_argument, NULL, OPTION_FROM},
        {"to", required_argument, NULL, OPTION_TO},
        {"all", no_argument, NULL, OPTION_ALL},
        {"help", no_argument, NULL, OPTION_HELP},
        {0},
    };
    struct arguments arguments = {
        .config_path = WEIR_CONFIG_PATH_DEFAULT,
        .choice = {.from_ms = INT64_MIN, .to_ms = INT64_MAX},
    };
    int option;

    while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
        if (option == OPTION_HELP) {
            print_usage(stdout);
            return WEIR_EXIT_DONE;
        }
        if (!take_option(&arguments, option)) {
            print_usage(stderr);
            return WEIR_EXIT_USAGE;
        }
    }
    if (optind + 1 != argc || !is_verb(argv[optind])) {
        if (optind < argc)
            fprintf(stderr, "%s: unexpected argument '%s'\n", argv[0], argv[argc - 1]);
        print_usage(stderr);
        return WEIR_EXIT_USAGE;
    }
    arguments.verb = argv[optind];
    return act(&arguments);
}
