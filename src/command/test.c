/* Tests of a configuration, written down beside it. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/command.h"
#include "command/test_tell.h"

struct testing {
    const char *config_path; /* NULL: each file names its own */
    bool json;
    struct weir_test_file *files;
    uint32_t file_count;
    uint32_t passed;
    uint32_t failed;
};

/* False: it could not be run. */
static bool run_test(struct testing *testing, const struct weir_config *config,
                     const struct weir_test *test)
{
    struct weir_test_comparison comparison = {0};
    struct weir_test_run run;
    bool done = weir_test_run(&run, config, test) && weir_test_compare(&comparison, test, &run);

    if (done) {
        const struct weir_test_result result = {
            .config = config,
            .test = test,
            .run = &run,
            .comparison = &comparison,
            .passed = comparison.first == comparison.count && !run.refused && !run.overflow,
        };

        *(result.passed ? &testing->passed : &testing->failed) += 1;
        if (testing->json)
            weir_test_tell_json(&result);
        else
            weir_test_tell(&result);
    }
    free(comparison.lines);
    weir_test_run_release(&run);
    return done;
}

static void tell_total(const struct testing *testing)
{
    if (testing->json)
        printf("{\"type\":\"total\",\"passed\":%u,\"failed\":%u}\n", (unsigned)testing->passed,
               (unsigned)testing->failed);
    else
        printf("%u passed, %u failed\n", (unsigned)testing->passed, (unsigned)testing->failed);
}

static int run_tests(struct testing *testing)
{
    for (uint32_t i = 0; i < testing->file_count; i++) {
        const struct weir_test_file *file = &testing->files[i];

        for (uint32_t j = 0; j < file->test_count; j++) {
            if (!run_test(testing, file->config, &file->tests[j])) {
                fprintf(stderr, "weir: not enough memory for the test at %s:%u\n",
                        file->tests[j].place.file, (unsigned)file->tests[j].place.line);
                return WEIR_EXIT_FAILED;
            }
        }
    }
    tell_total(testing);
    return testing->failed == 0 ? WEIR_EXIT_DONE : WEIR_EXIT_FAILED;
}

/* All files are read before the first test runs. */
static int test_files(struct testing *testing, char **paths)
{
    struct weir_problems *problems = calloc(1, sizeof(*problems));
    struct weir_test_file *files = calloc(testing->file_count, sizeof(*files));
    int result = WEIR_EXIT_FAILED;
    bool loaded = true;

    if (!problems || !files) {
        fputs("weir: out of memory\n", stderr);
        goto finish;
    }
    testing->files = files;
    for (uint32_t i = 0; i < testing->file_count; i++)
        loaded &= weir_test_file_load(&files[i], paths[i], i, testing->config_path, problems);
    weir_problem_print(problems, stderr);
    result = loaded ? run_tests(testing) : WEIR_EXIT_REFUSED;
    for (uint32_t i = 0; i < testing->file_count; i++)
        weir_test_file_release(&files[i]);
finish:
    free(files);
    free(problems);
    return result;
}

static void print_usage(FILE *file)
{
    fputs("usage: weir test [-c FILE] [--json] TEST-FILE...\n"
          "\n"
          "Feeds the values that a test names to the engine that run uses, on a clock of its own,\n"
          "and compares the alert events with those that the test expects.\n"
          "\n"
          "  -c, --config FILE   the configuration, in place of the one that the test file names\n"
          "      --json          one JSON object a line\n"
          "      --help          this text\n"
          "\n"
          "weir-test(5) is how tests are written. Exit status: 0 all passed, 1 some did not,\n"
          "2 wrong usage, 78 a test file or a configuration is refused.\n",
          file);
}

enum { OPTION_JSON = 256, OPTION_HELP };

int weir_command_test(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"json", no_argument, NULL, OPTION_JSON},
        {"help", no_argument, NULL, OPTION_HELP},
        {0},
    };
    struct testing testing = {0};
    int option;

    while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            testing.config_path = optarg;
            break;
        case OPTION_JSON:
            testing.json = true;
            break;
        case OPTION_HELP:
            print_usage(stdout);
            return WEIR_EXIT_DONE;
        default:
            print_usage(stderr);
            return WEIR_EXIT_USAGE;
        }
    }
    if (optind == argc) {
        fprintf(stderr, "%s: no test file\n", argv[0]);
        print_usage(stderr);
        return WEIR_EXIT_USAGE;
    }
    testing.file_count = (uint32_t)(argc - optind);
    return test_files(&testing, argv + optind);
}
