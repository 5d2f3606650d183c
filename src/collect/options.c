#include "collect/options.h"

#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "port/log.h"

#define KEEPALIVE_S 60
#define MQTT_5 5

static const char usage[] =
    "usage: weir collect --broker URL --to TARGET [OPTION]...\n"
    "       weir collect --report --to TARGET [--state FILE]\n"
    "\n"
    "Receives the batches of many gateways, each once, and stores their summaries. What it has\n"
    "acknowledged is on disk.\n"
    "\n"
    "      --broker URL          mqtt, mqtts, ws or wss; where the gateways' uplinks go\n"
    "      --to sqlite:FILE      tables of an SQLite file\n"
    "      --to ndjson:FILE      one JSON object a line, appended\n"
    "      --to line:FILE        InfluxDB's line protocol, appended\n"
    "      --to http://...       the same, posted: http://HOST:8086/write?db=DB, or /api/v2/write\n"
    "      --state FILE          what is received; FILE.state beside a file, the SQLite file "
    "itself,\n"
    "                            and required for http\n"
    "      --name NAME           of this collector, unique at the broker (the host's)\n"
    "      --group NAME          share the batches with the other collectors of this group, on "
    "one\n"
    "                            machine\n"
    "      --part N/M            the Nth of M parts of the gateways; collectors that share "
    "nothing\n"
    "                            take the others\n"
    "      --alerts              alert events and states as well\n"
    "      --username NAME  --password-file FILE   for the broker\n"
    "      --ca-file FILE  --cert-file FILE  --key-file FILE\n"
    "      --token-file FILE     for http: sent as Authorization: Token\n"
    "      --report              print gateways, and what is missing, held back or put aside\n"
    "  -v, --verbose             log more\n"
    "      --help                this text\n";

enum choice {
    OPTION_BROKER = 256,
    OPTION_TO,
    OPTION_STATE,
    OPTION_NAME,
    OPTION_GROUP,
    OPTION_PART,
    OPTION_ALERTS,
    OPTION_USERNAME,
    OPTION_PASSWORD_FILE,
    OPTION_CA_FILE,
    OPTION_CERT_FILE,
    OPTION_KEY_FILE,
    OPTION_TOKEN_FILE,
    OPTION_REPORT,
    OPTION_HELP,
};

static const struct option long_options[] = {
    {"broker", required_argument, NULL, OPTION_BROKER},
    {"to", required_argument, NULL, OPTION_TO},
    {"state", required_argument, NULL, OPTION_STATE},
    {"name", required_argument, NULL, OPTION_NAME},
    {"group", required_argument, NULL, OPTION_GROUP},
    {"part", required_argument, NULL, OPTION_PART},
    {"alerts", no_argument, NULL, OPTION_ALERTS},
    {"username", required_argument, NULL, OPTION_USERNAME},
    {"password-file", required_argument, NULL, OPTION_PASSWORD_FILE},
    {"ca-file", required_argument, NULL, OPTION_CA_FILE},
    {"cert-file", required_argument, NULL, OPTION_CERT_FILE},
    {"key-file", required_argument, NULL, OPTION_KEY_FILE},
    {"token-file", required_argument, NULL, OPTION_TOKEN_FILE},
    {"report", no_argument, NULL, OPTION_REPORT},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, OPTION_HELP},
    {0},
};

static bool refuse(const char *what, const char *value, const char *expected)
{
    fprintf(stderr, "weir collect: %s '%s'; expected %s\n", what, value, expected);
    return false;
}

static bool copy(char *out, size_t size, const char *value)
{
    if (strlen(value) >= size)
        return refuse("too long:", value, "less");
    memcpy(out, value, strlen(value) + 1);
    return true;
}

#define COPY(member, value) copy(member, sizeof(member), value)

static bool read_target(struct weir_collect_options *options, const char *value)
{
    static const struct {
        const char *prefix;
        enum weir_collect_target target;
        bool kept; /* the prefix is part of it */
    } targets[] = {
        {"sqlite:", WEIR_COLLECT_SQLITE, false}, {"ndjson:", WEIR_COLLECT_NDJSON, false},
        {"line:", WEIR_COLLECT_LINE, false},     {"http://", WEIR_COLLECT_HTTP, true},
        {"https://", WEIR_COLLECT_HTTP, true},
    };

    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        size_t length = strlen(targets[i].prefix);

        if (strncmp(value, targets[i].prefix, length) != 0 || value[length] == '\0')
            continue;
        options->target = targets[i].target;
        options->to = targets[i].kept ? value : value + length;
        return true;
    }
    return refuse("unknown target", value, "sqlite:FILE, ndjson:FILE, line:FILE or http://...");
}

/* They become parts of topics, file names and client identifiers. */
static bool is_name(const char *text)
{
    return text[0] != '\0' && strlen(text) <= WEIR_NAME_LENGTH_MAX &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
               strlen(text);
}

static bool read_option(struct weir_collect_options *options, int option, const char *value)
{
    switch (option) {
    case OPTION_BROKER:
        return COPY(options->broker.url, value);
    case OPTION_TO:
        return read_target(options, value);
    case OPTION_STATE:
        return COPY(options->state, value);
    case OPTION_NAME:
        return is_name(value) ? COPY(options->name, value)
                              : refuse("not a name:", value, "letters, digits, - _ .");
    case OPTION_GROUP:
        options->group = value;
        return is_name(value) || refuse("not a group:", value, "letters, digits, - _ .");
    case OPTION_PART:
        return weir_part_read(&options->part, value) ||
               refuse("not a part:", value, "the Nth of M as N/M, such as 2/3");
    case OPTION_ALERTS:
        options->alerts = true;
        return true;
    case OPTION_USERNAME:
        return COPY(options->broker.username, value);
    case OPTION_PASSWORD_FILE:
        return COPY(options->broker.password_file, value);
    case OPTION_CA_FILE:
        return COPY(options->broker.ca_file, value);
    case OPTION_CERT_FILE:
        return COPY(options->broker.cert_file, value);
    case OPTION_KEY_FILE:
        return COPY(options->broker.key_file, value);
    case OPTION_TOKEN_FILE:
        options->token_file = value;
        return true;
    case OPTION_REPORT:
        options->report = true;
        return true;
    case 'v':
        weir_log_set_verbose(true);
        return true;
    default:
        return false;
    }
}

/* What was not said follows from the rest. */
static bool complete(struct weir_collect_options *options)
{
    char host[WEIR_NAME_LENGTH_MAX + 1] = "";

    if (!options->to || (options->broker.url[0] == '\0' && !options->report)) {
        fputs("weir collect: --broker and --to are needed\n", stderr);
        return false;
    }
    if (options->group && options->part.count > 1) {
        fputs(
            "weir collect: --group and --part exclude each other: of a group each member has some "
            "batches of every gateway\n",
            stderr);
        return false;
    }
    if (options->state[0] == '\0' && options->target == WEIR_COLLECT_HTTP) {
        fputs("weir collect: http needs a --state FILE\n", stderr);
        return false;
    }
    if (options->state[0] == '\0' &&
        snprintf(options->state, sizeof(options->state), "%s%s", options->to,
                 options->target == WEIR_COLLECT_SQLITE ? "" : ".state") >=
            (int)sizeof(options->state))
        return refuse("too long:", options->to, "less");
    if (options->target == WEIR_COLLECT_SQLITE && strcmp(options->state, options->to) != 0)
        return refuse("--state", options->state, "none: the SQLite file is the state");
    if (options->target != WEIR_COLLECT_SQLITE && strcmp(options->state, options->to) == 0)
        return refuse("--state", options->state, "another file than --to");
    if (options->name[0] == '\0' && (gethostname(host, sizeof(host) - 1) != 0 || !is_name(host)))
        return refuse("this host's name makes no --name:", host, "--name NAME");
    if (options->name[0] == '\0')
        memcpy(options->name, host, sizeof(host));
    (void)snprintf(options->broker.client_id, sizeof(options->broker.client_id), "weir-collect-%s",
                   options->name);
    return true;
}

bool weir_collect_options_read(struct weir_collect_options *options, int argc, char **argv,
                               int *exit_status)
{
    int option;

    memset(options, 0, sizeof(*options));
    options->part = (struct weir_part){1, 1};
    options->broker.keepalive_s = KEEPALIVE_S;
    options->broker.version = MQTT_5;
    *exit_status = WEIR_EXIT_USAGE;
    while ((option = getopt_long(argc, argv, "v", long_options, NULL)) != -1) {
        if (option == OPTION_HELP) {
            fputs(usage, stdout);
            *exit_status = WEIR_EXIT_DONE;
            return false;
        }
        if (!read_option(options, option, optarg)) {
            if (option == '?')
                fputs(usage, stderr);
            return false;
        }
    }
    if (optind != argc) {
        fprintf(stderr, "weir collect: unexpected argument '%s'\n", argv[optind]);
        return false;
    }
    return complete(options);
}
