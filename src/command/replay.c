/* Recorded messages through the engine, on the clock of their arrival times. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "command/command.h"
#include "command/memory.h"
#include "command/past.h"
#include "command/replay_input.h"
#include "command/replay_output.h"
#include "port/config.h"
#include "weir/engine.h"

/* Batches of a replay are numbered under an epoch that is no run's: two replays give the same
 * bytes. */
#define REPLAY_EPOCH 0

/* Lines between looks at the clock and at what became of the output. */
#define LINES_BETWEEN_LOOKS 4096

#define PROGRESS_INTERVAL_MS 500

struct replay {
    const char *config_path;
    const char *input_path;   /* - or NULL: standard input */
    const char *journal_path; /* a state directory to be read in its place; NULL: none */
    const char *batches_path;
    bool drain;
    struct weir_config *config;
    struct weir_engine engine;
    void *arena;
    size_t arena_size;
    int input_fd;
    int batches_fd;
    uint64_t input_size; /* 0: unknown, or nobody to tell how far it is */
    int64_t told_ms;     /* when progress was told */
    struct weir_replay_input input;
    struct weir_past past;
    int64_t now_ms; /* the engine's clock */
    struct weir_replay_output output;
};

static void take_outputs(struct replay *replay)
{
    weir_replay_output_take(&replay->output, &replay->engine, replay->now_ms);
}

static void set_clock(struct replay *replay, int64_t now_ms)
{
    replay->now_ms = now_ms;
    while (weir_engine_advance(&replay->engine, now_ms) != WEIR_OK)
        take_outputs(replay);
    take_outputs(replay);
}

/* As `run` does: what is due on the way happens when it is due. The first message starts the
 * clock. */
static void advance(struct replay *replay, int64_t now_ms)
{
    int64_t deadline_ms;

    while (replay->now_ms > 0 && (deadline_ms = weir_engine_deadline(&replay->engine)) < now_ms) {
        set_clock(replay, deadline_ms > replay->now_ms ? deadline_ms : replay->now_ms);
        if (weir_engine_deadline(&replay->engine) <= deadline_ms)
            break;
    }
    if (now_ms >= replay->now_ms)
        set_clock(replay, now_ms);
}

static void offer(struct replay *replay, const struct weir_message *message)
{
    advance(replay, message->arrived_ms);
    while (weir_engine_accept(&replay->engine, message) != WEIR_OK)
        take_outputs(replay);
    take_outputs(replay);
}

static const char *input_name(const struct replay *replay)
{
    return replay->input_fd == STDIN_FILENO ? "stdin" : replay->input_path;
}

static int64_t monotonic_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void tell_progress(struct replay *replay)
{
    int64_t now_ms;

    if (replay->input_size == 0)
        return;
    now_ms = monotonic_ms();
    if (now_ms - replay->told_ms < PROGRESS_INTERVAL_MS)
        return;
    replay->told_ms = now_ms;
    fprintf(stderr, "\r%s: %3.0f %%", input_name(replay),
            100.0 * (double)replay->input.bytes_read / (double)replay->input_size);
}

static void clear_progress(const struct replay *replay)
{
    if (replay->input_size != 0)
        fprintf(stderr, "\r\033[K");
}

static void tell_bad_line(const struct replay *replay)
{
    clear_progress(replay);
    fprintf(stderr, "%s:%llu: %s\n", input_name(replay),
            (unsigned long long)replay->input.line_number, replay->input.problem);
}

/* Most likely a capture in another form. */
static void tell_useless(const struct replay *replay)
{
    fprintf(stderr,
            "weir: no line of %s could be read; expected one JSON object a line, such as "
            "`mosquitto_sub -t '#' -F %%j` prints\n",
            input_name(replay));
}

/* Feeds the whole input. False: reading failed. */
static bool feed(struct replay *replay)
{
    struct weir_message message;
    uint64_t look_at = LINES_BETWEEN_LOOKS;
    bool some_good = false;
    bool some_bad = false;

    for (;;) {
        enum weir_replay_outcome outcome = weir_replay_input_next(&replay->input, &message);

        if (outcome == WEIR_REPLAY_MESSAGE) {
            offer(replay, &message);
            some_good = true;
        } else if (outcome == WEIR_REPLAY_BAD) {
            weir_engine_note_malformed(&replay->engine);
            tell_bad_line(replay);
            some_bad = true;
        } else {
            clear_progress(replay);
            if (outcome == WEIR_REPLAY_FAILED)
                fprintf(stderr, "weir: cannot read %s: %s\n", input_name(replay),
                        replay->input.problem);
            else if (some_bad && !some_good)
                tell_useless(replay);
            return outcome == WEIR_REPLAY_END;
        }
        if (replay->input.line_number < look_at)
            continue;
        look_at = replay->input.line_number + LINES_BETWEEN_LOOKS;
        if (weir_replay_output_failed(&replay->output))
            return true;
        tell_progress(replay);
    }
}

/* The same with a journal: what `weir journal cat` prints of it. */
static bool feed_journal(struct replay *replay)
{
    struct weir_record record;
    uint64_t count = 0;

    replay->past.note_gap = weir_past_tell_gap;
    while (weir_past_next(&replay->past, &record)) {
        if (record.kind == WEIR_RECORD_MESSAGE)
            offer(replay, &record.message);
        if (++count % LINES_BETWEEN_LOOKS == 0 && weir_replay_output_failed(&replay->output))
            break;
    }
    return true;
}

static bool run(struct replay *replay)
{
    bool done = replay->journal_path ? feed_journal(replay) : feed(replay);

    if (replay->now_ms > 0)
        set_clock(replay, replay->now_ms);
    if (done && replay->drain) {
        while (weir_engine_drain(&replay->engine) != WEIR_OK)
            take_outputs(replay);
    }
    if (done)
        weir_replay_output_close(&replay->output);
    return weir_replay_output_finish(&replay->output) && done;
}

/* Opening the batches empties them: not when they are what is read. */
static bool is_input(const struct replay *replay, const char *path)
{
    struct stat input;
    struct stat other;

    return fstat(replay->input_fd, &input) == 0 && S_ISREG(input.st_mode) &&
           stat(path, &other) == 0 && input.st_dev == other.st_dev && input.st_ino == other.st_ino;
}

static bool open_files(struct replay *replay)
{
    struct stat status;

    if (replay->journal_path && !weir_past_open(&replay->past, replay->journal_path))
        return false;
    if (replay->input_path && strcmp(replay->input_path, "-") != 0) {
        replay->input_fd = open(replay->input_path, O_RDONLY | O_CLOEXEC);
        if (replay->input_fd < 0) {
            fprintf(stderr, "weir: cannot open %s: %s\n", replay->input_path, strerror(errno));
            return false;
        }
    }
    if (isatty(STDERR_FILENO) && fstat(replay->input_fd, &status) == 0 && S_ISREG(status.st_mode))
        replay->input_size = (uint64_t)status.st_size;
    if (!replay->batches_path)
        return true;
    if (is_input(replay, replay->batches_path)) {
        fprintf(stderr, "weir: %s is the input; it is not written over\n", replay->batches_path);
        return false;
    }
    replay->batches_fd = open(replay->batches_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (replay->batches_fd >= 0)
        return true;
    fprintf(stderr, "weir: cannot write %s: %s\n", replay->batches_path, strerror(errno));
    return false;
}

static bool make_engine(struct replay *replay)
{
    uint64_t size = weir_engine_size(replay->config, NULL);
    void *arena = weir_memory_map(size);

    if (!arena)
        return false;
    replay->arena = arena;
    replay->arena_size = (size_t)size;
    weir_engine_init(&replay->engine, replay->config, arena, size, REPLAY_EPOCH,
                     replay->batches_path != NULL);
    return true;
}

static int replay_file(struct replay *replay)
{
    int result = WEIR_EXIT_FAILED;

    replay->config = weir_config_load_offline(replay->config_path, stderr);
    if (!replay->config)
        return WEIR_EXIT_REFUSED;
    if (!make_engine(replay) || !open_files(replay))
        goto finish;
    weir_replay_input_init(&replay->input, replay->input_fd);
    weir_replay_output_init(&replay->output, replay->config, &replay->engine, replay->batches_fd,
                            replay->batches_path);
    if (run(replay))
        result = WEIR_EXIT_DONE;
finish:
    if (replay->batches_fd >= 0 && close(replay->batches_fd) != 0 && result == WEIR_EXIT_DONE) {
        fprintf(stderr, "weir: cannot write %s: %s\n", replay->batches_path, strerror(errno));
        result = WEIR_EXIT_FAILED;
    }
    if (replay->input_fd > STDIN_FILENO)
        close(replay->input_fd);
    weir_past_close(&replay->past);
    weir_memory_unmap(replay->arena, replay->arena_size);
    weir_config_destroy(replay->config);
    return result;
}

static void print_usage(FILE *file)
{
    fputs(
        "usage: weir replay [-c FILE] [--input FILE|- | --journal DIR] [--no-drain]\n"
        "                   [--batches FILE] [--alerts [--json]]\n"
        "\n"
        "Feeds recorded messages to the engine that run uses, on the clock of their arrival "
        "times,\n"
        "and prints summaries, alerts and, last, the ledger, one JSON object a line.\n"
        "\n"
        "  -c, --config FILE   the configuration (" WEIR_CONFIG_PATH_DEFAULT ")\n"
        "      --input FILE    the messages, one JSON object a line; - is standard input (-)\n"
        "      --journal DIR   the messages in the journal of a state directory, the same as\n"
        "                      weir journal cat --path DIR has for --input\n"
        "      --no-drain      at the end leave open windows open, and unsent the batch that the\n"
        "                      schedule has not reached\n"
        "      --batches FILE  also write every batch that run would have sent\n"
        "      --alerts        print in place of the lines what each alert did on each series:\n"
        "                      how often it was raised, and how long it stood at each level\n"
        "      --json          that as one JSON object a line\n"
        "      --help          this text\n"
        "\n"
        "A message has \"topic\"; \"at\" (milliseconds) or \"tst\" (ISO 8601); \"payload\" (a "
        "string for its\n"
        "text, anything else for itself) or \"payload_hex\"; and may have \"retain\". What\n"
        "`mosquitto_sub -t '#' -F %j` prints is such a file. Lines stand in order of arrival. A "
        "line\n"
        "that is no message, or longer than 1 MiB, is named on stderr and counted malformed.\n",
        file);
}

enum {
    OPTION_INPUT = 256,
    OPTION_JOURNAL,
    OPTION_NO_DRAIN,
    OPTION_BATCHES,
    OPTION_ALERTS,
    OPTION_JSON,
    OPTION_HELP
};

/* False: it is none that is known. */
static bool take_option(struct replay *replay, int option)
{
    switch (option) {
    case 'c':
        replay->config_path = optarg;
        return true;
    case OPTION_INPUT:
        replay->input_path = optarg;
        return true;
    case OPTION_JOURNAL:
        replay->journal_path = optarg;
        return true;
    case OPTION_NO_DRAIN:
        replay->drain = false;
        return true;
    case OPTION_BATCHES:
        replay->batches_path = optarg;
        return true;
    case OPTION_ALERTS:
        replay->output.alerts = true;
        return true;
    case OPTION_JSON:
        replay->output.json = true;
        return true;
    default:
        return false;
    }
}

int weir_command_replay(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"input", required_argument, NULL, OPTION_INPUT},
        {"journal", required_argument, NULL, OPTION_JOURNAL},
        {"no-drain", no_argument, NULL, OPTION_NO_DRAIN},
        {"batches", required_argument, NULL, OPTION_BATCHES},
        {"alerts", no_argument, NULL, OPTION_ALERTS},
        {"json", no_argument, NULL, OPTION_JSON},
        {"help", no_argument, NULL, OPTION_HELP},
        {0},
    };
    /* An initialiser would put all of it, zeros for the most part, into the program's file. */
    static struct replay replay;
    int option;

    replay.config_path = WEIR_CONFIG_PATH_DEFAULT;
    replay.drain = true;
    replay.input_fd = STDIN_FILENO;
    replay.batches_fd = -1;
    while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
        if (option == OPTION_HELP) {
            print_usage(stdout);
            return WEIR_EXIT_DONE;
        }
        if (!take_option(&replay, option)) {
            print_usage(stderr);
            return WEIR_EXIT_USAGE;
        }
    }
    if (optind != argc || (replay.input_path && replay.journal_path)) {
        fprintf(stderr, "%s: unexpected argument '%s'\n", argv[0],
                optind != argc ? argv[optind] : "--journal");
        print_usage(stderr);
        return WEIR_EXIT_USAGE;
    }
    if (replay.output.json && !replay.output.alerts) {
        fprintf(stderr, "%s: --json goes with --alerts; without, every line is JSON\n", argv[0]);
        return WEIR_EXIT_USAGE;
    }
    return replay_file(&replay);
}
