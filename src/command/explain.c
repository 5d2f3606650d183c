/* Why an alert is as it is, and what would come next. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "command/command.h"
#include "command/control.h"
#include "command/control_client.h"
#include "command/operate.h"
#include "command/past.h"
#include "port/config.h"

struct question {
    struct weir_control_place place;
    const char *journal_path; /* NULL: the daemon is asked */
    struct weir_order order;
};

static void drop_outputs(struct weir_engine *engine)
{
    struct weir_engine_output output;

    while (weir_engine_take(engine, &output))
        continue;
}

/* What the past has of messages, time and commands, under the configuration of today. */
static void follow_past(struct weir_past *past, struct weir_engine *engine)
{
    struct weir_record record;

    while (weir_past_next(past, &record)) {
        if (record.kind == WEIR_RECORD_EPOCH || record.kind == WEIR_RECORD_LOSSES ||
            record.kind == WEIR_RECORD_RESERVE)
            continue;
        while (weir_intake_apply(engine, &record) != WEIR_OK)
            drop_outputs(engine);
        drop_outputs(engine);
    }
}

static int explain_past(const struct question *question, char *text, size_t size)
{
    struct weir_config *config = weir_config_load_offline(question->place.config_path, stderr);
    static char answer_bytes[WEIR_CONTROL_ANSWER_SIZE];
    char problem[WEIR_ORDER_PROBLEM_SIZE];
    struct weir_running *running;
    struct weir_text answer;
    struct weir_past past;
    int result = WEIR_EXIT_FAILED;

    if (!config)
        return WEIR_EXIT_REFUSED;
    running = weir_running_create(config, 0);
    if (!running)
        return WEIR_EXIT_FAILED;
    if (weir_past_open(&past, question->journal_path)) {
        past.note_gap = weir_past_tell_gap;
        follow_past(&past, &running->engine);
        weir_text_init(&answer, answer_bytes, sizeof(answer_bytes));
        if (weir_operate_explain(&running->engine.pipeline, config, &question->order, &answer,
                                 problem))
            result = weir_control_client_read(answer.bytes, answer.length, text, size);
        else
            fprintf(stderr, "weir: %s\n", problem);
        weir_past_close(&past);
    }
    weir_running_destroy(running);
    return result;
}

static void print_usage(FILE *file)
{
    fputs(
        "usage: weir explain RULE SERIES [-c FILE | --socket PATH] [--journal DIR] [--json]\n"
        "\n"
        "Says why an alert is as it is: the value and the limits, what runs and until when, what\n"
        "would come next, when silence is too long, and where the rule is written. Asks the\n"
        "daemon that runs, or follows a journal.\n"
        "\n"
        "  -c, --config FILE  the configuration (" WEIR_CONFIG_PATH_DEFAULT ")\n"
        "      --socket PATH  the daemon's socket, in place of the configuration\n"
        "      --journal DIR  what the journal of a state directory comes to, at its end, under\n"
        "                     this configuration\n"
        "      --json         for programs\n"
        "      --help         this text\n",
        file);
}

enum { OPTION_SOCKET = 256, OPTION_JOURNAL, OPTION_JSON, OPTION_HELP };

/* -1: go on; else the exit status. */
static int take_options(struct question *question, int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"socket", required_argument, NULL, OPTION_SOCKET},
        {"journal", required_argument, NULL, OPTION_JOURNAL},
        {"json", no_argument, NULL, OPTION_JSON},
        {"help", no_argument, NULL, OPTION_HELP},
        {0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            question->place.config_path = optarg;
            break;
        case OPTION_SOCKET:
            question->place.socket_path = optarg;
            break;
        case OPTION_JOURNAL:
            question->journal_path = optarg;
            break;
        case OPTION_JSON:
            question->order.as_text = false;
            break;
        case OPTION_HELP:
            print_usage(stdout);
            return WEIR_EXIT_DONE;
        default:
            print_usage(stderr);
            return WEIR_EXIT_USAGE;
        }
    }
    return -1;
}

int weir_command_explain(int argc, char **argv)
{
    struct question question = {
        .place.config_path = WEIR_CONFIG_PATH_DEFAULT,
        .order = {.kind = WEIR_ORDER_EXPLAIN, .as_text = true},
    };
    struct weir_order *order = &question.order;
    static char text[WEIR_CONTROL_ANSWER_SIZE];
    int result = take_options(&question, argc, argv);

    if (result >= 0)
        return result;
    if (argc - optind < 2)
        fprintf(stderr, "%s: no %s is given\n", argv[0],
                optind == argc ? "rule and no series" : "series");
    if (argc - optind != 2 || strlen(argv[optind]) >= sizeof(order->rule) ||
        strlen(argv[optind + 1]) >= sizeof(order->series)) {
        print_usage(stderr);
        return WEIR_EXIT_USAGE;
    }
    memcpy(order->rule, argv[optind], strlen(argv[optind]) + 1);
    memcpy(order->series, argv[optind + 1], strlen(argv[optind + 1]) + 1);
    result = question.journal_path
                 ? explain_past(&question, text, sizeof(text))
                 : weir_control_client_ask(&question.place, order, text, sizeof(text));
    if (result == WEIR_EXIT_DONE)
        printf("%s%s", text, order->as_text ? "" : "\n");
    return result;
}
