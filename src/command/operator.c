/* The verbs of an operator: ack, shelve, unshelve. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "command/command.h"
#include "command/control_client.h"
#include "port/config_value.h"

struct request {
    struct weir_control_place place;
    struct weir_order order;
};

static bool set_name(char *name, size_t size, const char *text)
{
    if (strlen(text) >= size) {
        fprintf(stderr, "weir: '%.40s...' is too long for a name\n", text);
        return false;
    }
    memcpy(name, text, strlen(text) + 1);
    return true;
}

static bool set_duration(int64_t *duration_ms, const char *text)
{
    if (weir_value_duration(text, duration_ms) && *duration_ms > 0)
        return true;
    fprintf(stderr, "weir: '%.40s' is no duration; expected one like 2h or 30m\n", text);
    return false;
}

static void print_usage(FILE *file, const char *label, const char *arguments, const char *what)
{
    fprintf(file,
            "usage: %s %s\n"
            "\n"
            "%s, in the daemon that runs.\n"
            "\n"
            "  -c, --config FILE  the configuration, which names the gateway "
            "(" WEIR_CONFIG_PATH_DEFAULT ")\n"
            "      --socket PATH  the daemon's socket, in place of the configuration\n"
            "      --id ID        ack: this occurrence and no other\n"
            "      --by NAME      who wants it, for the daemon's log\n"
            "      --help         this text\n",
            label, arguments, what);
}

enum { OPTION_SOCKET = 256, OPTION_ID, OPTION_BY, OPTION_HELP };

/* -1: go on; else the exit status. */
static int take_option(struct request *request, int option, const char *label)
{
    switch (option) {
    case 'c':
        request->place.config_path = optarg;
        return -1;
    case OPTION_SOCKET:
        request->place.socket_path = optarg;
        return -1;
    case OPTION_ID:
        request->order.has_id = true;
        if (request->order.kind == WEIR_ORDER_ACKNOWLEDGE &&
            weir_order_read_id(optarg, &request->order.id))
            return -1;
        fprintf(stderr, "%s: --id takes the 16 digits of an occurrence, of ack alone\n", label);
        return WEIR_EXIT_USAGE;
    case OPTION_BY:
        return set_name(request->order.by, sizeof(request->order.by), optarg) ? -1
                                                                              : WEIR_EXIT_USAGE;
    default:
        return WEIR_EXIT_USAGE;
    }
}

static int operate(enum weir_order_kind kind, int argc, char **argv, const char *arguments,
                   const char *what)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"socket", required_argument, NULL, OPTION_SOCKET},
        {"id", required_argument, NULL, OPTION_ID},
        {"by", required_argument, NULL, OPTION_BY},
        {"help", no_argument, NULL, OPTION_HELP},
        {0},
    };
    struct request request = {.place.config_path = WEIR_CONFIG_PATH_DEFAULT, .order.kind = kind};
    struct weir_order *order = &request.order;
    int count = kind == WEIR_ORDER_SHELVE ? 3 : 2;
    int result = -1;
    int option;

    while (result < 0 && (option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
        if (option == OPTION_HELP) {
            print_usage(stdout, argv[0], arguments, what);
            return WEIR_EXIT_DONE;
        }
        result = take_option(&request, option, argv[0]);
    }
    if (result < 0 && argc - optind == count &&
        set_name(order->rule, sizeof(order->rule), argv[optind]) &&
        set_name(order->series, sizeof(order->series), argv[optind + 1]) &&
        (count == 2 || set_duration(&order->duration_ms, argv[optind + 2])))
        return weir_control_client_ask(&request.place, order, NULL, 0);
    if (result < 0 && argc - optind < count)
        fprintf(stderr, "%s: something is missing; expected %s\n", argv[0], arguments);
    print_usage(stderr, argv[0], arguments, what);
    return WEIR_EXIT_USAGE;
}

int weir_command_ack(int argc, char **argv)
{
    return operate(WEIR_ORDER_ACKNOWLEDGE, argc, argv, "RULE SERIES [--id ID] [--by NAME]",
                   "Acknowledges what is raised: no reminders, and a latched alert may clear");
}

int weir_command_shelve(int argc, char **argv)
{
    return operate(WEIR_ORDER_SHELVE, argc, argv, "RULE SERIES DURATION [--by NAME]",
                   "Holds back an alert's events for a time, like 2h; its state goes on");
}

int weir_command_unshelve(int argc, char **argv)
{
    return operate(WEIR_ORDER_UNSHELVE, argc, argv, "RULE SERIES [--by NAME]",
                   "Has an alert's events given out again");
}
