#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command/command.h"
#include "format/crc32c.h"

struct verb {
    char name[12];
    int (*run)(int argc, char **argv);
    const char *summary;
};

static const struct verb verbs[] = {
    {"run", weir_command_run, "the daemon, in the foreground, logging to stderr"},
    {"check", weir_command_check, "validate a configuration; print what memory it takes"},
    {"replay", weir_command_replay, "the same engine over recorded messages, without a broker"},
    {"test", weir_command_test, "a configuration against tests written for it"},
    {"decode", weir_command_decode, "batches of the uplink as text"},
    {"collect", weir_command_collect, "the receiving end: the batches of many gateways, stored"},
    {"journal", weir_command_journal, "what the storage has recorded: list, print, verify"},
    {"explain", weir_command_explain, "why an alert is as it is, and what would come next"},
    {"ack", weir_command_ack, "acknowledge what is raised"},
    {"shelve", weir_command_shelve, "hold back an alert's events for a time"},
    {"unshelve", weir_command_unshelve, "give them out again"},
    {"schema", weir_command_schema, "JSON Schemas of what weir says and takes"},
    {"completion", weir_command_completion, "what has a shell complete all this"},
    {"version", weir_command_version, "the version"},
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

/* Longer than any verb; what is typed beyond it is no slip of one. */
#define VERB_LENGTH_MAX 15

/* Slips of the finger that still name a verb. */
#define SLIP_COUNT_MAX 2

static void print_usage(FILE *file)
{
    fputs("usage: weir VERB [OPTION]...\n\n", file);
    for (size_t i = 0; i < VERB_COUNT; i++)
        fprintf(file, "    %-10s  %s\n", verbs[i].name, verbs[i].summary);
    fputs("\n"
          "`weir VERB --help` tells more. Exit status: 0 done, 1 failed while running, 2 wrong "
          "usage,\n"
          "78 the configuration is refused.\n",
          file);
}

/* Letters to put in, take out or replace to get from one word to the other. */
static size_t count_slips(const char *typed, const char *name)
{
    size_t row[VERB_LENGTH_MAX + 1];
    size_t length = strlen(name);

    for (size_t i = 0; i <= length; i++)
        row[i] = i;
    for (size_t t = 0; typed[t] != '\0'; t++) {
        size_t diagonal = row[0];

        row[0] = t + 1;
        for (size_t i = 0; i < length; i++) {
            size_t best = diagonal + (typed[t] != name[i]);

            diagonal = row[i + 1];
            best = row[i] + 1 < best ? row[i] + 1 : best;
            row[i + 1] = diagonal + 1 < best ? diagonal + 1 : best;
        }
    }
    return row[length];
}

static void complain(const char *typed)
{
    const char *nearest = NULL;
    size_t least = SLIP_COUNT_MAX + 1;

    if (typed[0] == '-') {
        fprintf(stderr,
                "weir: no verb in front of '%s'; expected one, as in: weir check -c FILE\n\n",
                typed);
        return;
    }
    for (size_t i = 0; i < VERB_COUNT && strlen(typed) <= VERB_LENGTH_MAX; i++) {
        size_t slips = count_slips(typed, verbs[i].name);

        if (slips < least) {
            least = slips;
            nearest = verbs[i].name;
        }
    }
    fprintf(stderr, "weir: unknown verb '%s'", typed);
    if (nearest)
        fprintf(stderr, "; did you mean '%s'?", nearest);
    fputs("\n\n", stderr);
}

/* What a verb printed may still be on its way. */
static int finish_output(int result)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return result;
    fprintf(stderr, "weir: cannot write standard output: %s\n", strerror(errno));
    return result == WEIR_EXIT_DONE ? WEIR_EXIT_FAILED : result;
}

int main(int argc, char **argv)
{
    static char version[] = "version";
    char *version_argv[] = {version, NULL};
    char label[sizeof("weir ") + VERB_LENGTH_MAX];

    if (argc < 2) {
        print_usage(stderr);
        return WEIR_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_usage(stdout);
        return finish_output(WEIR_EXIT_DONE);
    }
    if (strcmp(argv[1], "--version") == 0)
        return finish_output(weir_command_version(1, version_argv));
    weir_crc32c_init();
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcmp(argv[1], verbs[i].name) != 0)
            continue;
        (void)snprintf(label, sizeof(label), "weir %s", verbs[i].name);
        argv[1] = label;
        return finish_output(verbs[i].run(argc - 1, argv + 1));
    }
    complain(argv[1]);
    print_usage(stderr);
    return WEIR_EXIT_USAGE;
}
