/* Batches of the uplink, as text that other programs read. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "command/decode_compact.h"
#include "command/decode_input.h"
#include "command/decode_row.h"
#include "command/writer.h"

enum form { FORM_NDJSON, FORM_CSV, FORM_LINE };

static const char *const form_names[] = {
    [FORM_NDJSON] = "ndjson", [FORM_CSV] = "csv", [FORM_LINE] = "line"};

#define FORM_COUNT (sizeof(form_names) / sizeof(form_names[0]))

struct decoder {
    enum form form;
    const char *path;
    uint64_t refused_count;
    struct weir_batch_reader batches;
    struct weir_row_reader rows;
    struct weir_decode_input input;
    struct weir_writer output;
    char scratch[WEIR_DECODE_BATCH_MAX];
    struct weir_decode_compact *compact;
    char json[WEIR_DECODE_BATCH_MAX]; /* of a compact batch */
};

static void complain(struct decoder *decoder, const char *problem)
{
    decoder->refused_count++;
    fprintf(stderr, "%s: byte %" PRIu64 ": %s\n", decoder->path, decoder->input.offset, problem);
}

static void add(struct decoder *decoder, const char *string)
{
    weir_writer_add(&decoder->output, string, strlen(string));
}

/* Appends JSON without the ends of lines that may stand in it as blanks. */
static void add_json(struct decoder *decoder, const char *text, size_t length)
{
    size_t start = 0;

    for (size_t i = 0; i < length; i++) {
        if (text[i] != '\n' && text[i] != '\r')
            continue;
        weir_writer_add(&decoder->output, text + start, i - start);
        start = i + 1;
    }
    weir_writer_add(&decoder->output, text + start, length - start);
}

/* A line of an object's members, between the type and what says which batch it came in. */
static void write_object(struct decoder *decoder, const char *type, const char *text, size_t length,
                         const struct weir_batch_view *view)
{
    const char *last = text + length - 2;

    while (last > text && (*last == ' ' || *last == '\t' || *last == '\r' || *last == '\n'))
        last--;
    add(decoder, "{\"type\":\"");
    add(decoder, type);
    add(decoder, "\",");
    if (last > text) {
        add_json(decoder, text + 1, (size_t)(last - text));
        add(decoder, ",");
    }
    add(decoder, "\"gateway\":\"");
    weir_writer_add(&decoder->output, view->gateway.text, view->gateway.length);
    add(decoder, "\",\"epoch\":\"");
    weir_writer_add(&decoder->output, view->epoch.text, view->epoch.length);
    add(decoder, "\",\"seq\":");
    weir_writer_add(&decoder->output, view->sequence.text, view->sequence.length);
    add(decoder, "}\n");
}

static void write_row(struct decoder *decoder, const char *text, size_t length,
                      const struct weir_batch_view *view)
{
    struct weir_row row;

    if (!weir_row_reader_read(&decoder->rows, view, text, length, &row))
        complain(decoder, "a summary in this batch lacks something, or has it in another kind");
    else if (decoder->form == FORM_CSV)
        weir_row_write_csv(&decoder->output, &row);
    else
        weir_row_write_line(&decoder->output, &row);
}

static void decode_batch(struct decoder *decoder, const char *text, size_t length)
{
    struct weir_batch_view view;
    const char *problem = weir_batch_reader_open(&decoder->batches, text, length, &view);
    const char *summary;
    size_t summary_length;

    if (problem) {
        complain(decoder, problem);
        return;
    }
    while (weir_batch_view_next(&view, &summary, &summary_length)) {
        if (decoder->form == FORM_NDJSON)
            write_object(decoder, "summary", summary, summary_length, &view);
        else
            write_row(decoder, summary, summary_length, &view);
    }
    if (decoder->form == FORM_NDJSON)
        write_object(decoder, "ledger", view.ledger.text, view.ledger.length, &view);
    weir_writer_flush(&decoder->output);
}

/* A compact batch takes the way of the JSON it stands for. */
static void decode_compact(struct decoder *decoder, const char *bytes, size_t length)
{
    struct weir_text json;
    const char *problem;

    weir_text_init(&json, decoder->json, sizeof(decoder->json));
    problem = weir_decode_compact_expand(decoder->compact, bytes, length, &json);
    if (problem)
        complain(decoder, problem);
    else
        decode_batch(decoder, json.bytes, json.length);
}

/* True when all of the input was read and all of it was batches. */
static bool decode_stream(struct decoder *decoder)
{
    const char *text;
    size_t length;

    if (decoder->form == FORM_CSV)
        weir_row_write_csv_head(&decoder->output);
    while (decoder->output.error == 0) {
        switch (weir_decode_input_next(&decoder->input, &text, &length)) {
        case WEIR_DECODE_BATCH:
            if (length > 0 && text[0] == WEIR_COMPACT_MAGIC[0])
                decode_compact(decoder, text, length);
            else
                decode_batch(decoder, text, length);
            break;
        case WEIR_DECODE_BAD:
            complain(decoder, decoder->input.problem);
            break;
        case WEIR_DECODE_END:
            return decoder->refused_count == 0;
        case WEIR_DECODE_FAILED:
            fprintf(stderr, "weir: cannot read %s: %s\n", decoder->path, decoder->input.problem);
            return false;
        }
    }
    return false;
}

static int decode_file(const char *path, enum form form, bool sketches)
{
    bool from_file = path && strcmp(path, "-") != 0;
    struct decoder *decoder;
    int fd = STDIN_FILENO;
    bool done;

    if (from_file) {
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            fprintf(stderr, "weir: cannot open %s: %s\n", path, strerror(errno));
            return WEIR_EXIT_FAILED;
        }
    }
    decoder = malloc(sizeof(*decoder));
    if (decoder)
        decoder->compact = weir_decode_compact_create(sketches);
    if (!decoder || !decoder->compact) {
        free(decoder);
        fputs("weir: out of memory\n", stderr);
        return WEIR_EXIT_FAILED;
    }
    decoder->form = form;
    decoder->path = from_file ? path : "stdin";
    decoder->refused_count = 0;
    weir_batch_reader_init(&decoder->batches);
    weir_row_reader_init(&decoder->rows, decoder->scratch, sizeof(decoder->scratch));
    weir_decode_input_init(&decoder->input, fd);
    weir_writer_init(&decoder->output, STDOUT_FILENO, "standard output");
    done = decode_stream(decoder);
    done &= weir_writer_finish(&decoder->output);
    weir_decode_compact_destroy(decoder->compact);
    free(decoder);
    if (from_file)
        close(fd);
    return done ? WEIR_EXIT_DONE : WEIR_EXIT_FAILED;
}

static bool parse_form(const char *text, enum form *form)
{
    for (size_t i = 0; i < FORM_COUNT; i++) {
        if (strcmp(text, form_names[i]) == 0) {
            *form = (enum form)i;
            return true;
        }
    }
    fprintf(stderr, "weir decode: '%s' is no form; expected ndjson, csv or line\n", text);
    return false;
}

static void print_usage(FILE *file)
{
    fputs(
        "usage: weir decode [--to ndjson|csv|line] [--sketches] [FILE|-]\n"
        "\n"
        "Prints what batches of the uplink hold, in compact form or as JSON. They stand back to\n"
        "back; or a line each in hexadecimal, as `mosquitto_sub -F %x` writes them.\n"
        "A series whose name has not come yet is numbered: #12.\n"
        "\n"
        "      --to ndjson   one JSON object a line: the summaries, then the batch's ledger "
        "(default)\n"
        "      --to csv      a head and a row for each summary\n"
        "      --to line     InfluxDB's line protocol, a point for each summary at its start\n"
        "      --sketches    with ndjson, the sketch behind the quantiles of a compact batch, too, "
        "in\n"
        "                    hexadecimal, as docs/batch-format.md has its plain form\n"
        "      --help        this text\n"
        "\n"
        "What is no batch is named on stderr with its place, and passed over; the exit status is\n"
        "then 1.\n",
        file);
}

int weir_command_decode(int argc, char **argv)
{
    static const struct option options[] = {
        {"to", required_argument, NULL, 't'},
        {"sketches", no_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    enum form form = FORM_NDJSON;
    bool sketches = false;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 't':
            if (!parse_form(optarg, &form))
                return WEIR_EXIT_USAGE;
            break;
        case 's':
            sketches = true;
            break;
        case 'h':
            print_usage(stdout);
            return WEIR_EXIT_DONE;
        default:
            print_usage(stderr);
            return WEIR_EXIT_USAGE;
        }
    }
    if (argc - optind > 1) {
        fprintf(stderr, "%s: unexpected argument '%s'\n", argv[0], argv[optind + 1]);
        print_usage(stderr);
        return WEIR_EXIT_USAGE;
    }
    if (sketches && form != FORM_NDJSON) {
        fputs("weir decode: --sketches goes with --to ndjson alone\n", stderr);
        return WEIR_EXIT_USAGE;
    }
    return decode_file(argv[optind], form, sketches);
}
