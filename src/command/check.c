/* What a configuration amounts to, before anything runs on it. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command/board.h"
#include "command/check_alerts.h"
#include "command/command.h"
#include "command/flash.h"
#include "command/keeper.h"
#include "command/publisher.h"
#include "command/room.h"
#include "command/storage.h"
#include "format/batch.h"
#include "format/encode.h"
#include "format/sketch_list.h"
#include "port/config.h"
#include "weir/engine.h"

#define HOUR_MS (3600 * INT64_C(1000))
#define MINUTE_MS 60000

/* The engine seals a batch when it has taken this share of the outbox. */
#define OUTBOX_SHARE 4

/* Everything at full load: every series there, every window with samples of every field. */
struct load {
    uint64_t hour_rows;
    uint64_t schedule_rows;
    uint64_t schedule_bytes;
    uint64_t schedule_sketch_bytes; /* beside the rows */
    uint64_t schedule_batches;      /* 0: no uplink */
};

static void print_bytes(const char *what, uint64_t bytes)
{
    printf("  %-40s %14" PRIu64 "\n", what, bytes);
}

static void print_stream(const struct weir_stream_config *stream,
                         const struct weir_stream_plan *plan)
{
    uint64_t records = plan->record_bytes * stream->max_series;
    char line[80];
    uint64_t sketch_count = plan->sketch_bytes / sizeof(struct weir_sketch);

    printf("  stream \"%s\"\n", stream->name);
    (void)snprintf(line, sizeof(line), "  %" PRIu32 " series of %" PRIu64 " bytes",
                   stream->max_series, plan->record_bytes);
    print_bytes(line, records);
    if (sketch_count > 0) {
        (void)snprintf(line, sizeof(line), "    of it sketches, %" PRIu64 " times %zu bytes",
                       sketch_count, sizeof(struct weir_sketch));
        print_bytes(line, plan->sketch_bytes * stream->max_series);
    }
    print_bytes("  index and names of series", plan->index_bytes);
    print_bytes("  topics and paths", plan->decoder_bytes);
    print_bytes("  in all", plan->total_bytes);
}

/* Returns what it is in all. */
static uint64_t print_publisher(const struct weir_config *config)
{
    struct weir_publisher_plan plan;

    weir_publisher_plan(&plan, config);
    print_bytes("alert events to send", plan.event_bytes);
    print_bytes("alert states to send", plan.state_bytes);
    print_bytes("retained messages and commands that come in", plan.inbox_bytes);
    print_bytes("live topics", plan.live_bytes);
    print_bytes("publisher in all", plan.total_bytes);
    return plan.total_bytes;
}

/* What lies between MQTT and the engine, and what brings it to disk. Returns what it is in all. */
static uint64_t print_log(const struct weir_config *config, uint64_t engine_bytes)
{
    struct weir_storage_plan storage;
    struct weir_publisher_plan publisher;
    uint64_t snapshot_bytes;

    if (config->storage_path[0] == '\0') {
        print_bytes("queue", config->queue_bytes);
        return config->queue_bytes;
    }
    weir_storage_plan(&storage, config);
    weir_publisher_plan(&publisher, config);
    storage.work_bytes += WEIR_KEEPER_STAGED_BYTES;
    snapshot_bytes = weir_snapshot_size_max(engine_bytes, publisher.event_bytes);
    print_bytes("ring of the journal, the queue's place", storage.ring_bytes);
    print_bytes("storage's indices and buffers", storage.work_bytes);
    print_bytes("snapshot on its way to disk", snapshot_bytes);
    print_bytes("batches being made coarser", weir_room_work_bytes());
    return storage.ring_bytes + storage.work_bytes + snapshot_bytes + weir_room_work_bytes();
}

/* Returns what there is at most, the moment of a reload included. */
static uint64_t print_memory(const struct weir_config *config)
{
    struct weir_stream_plan plans[WEIR_STREAM_COUNT_MAX];
    uint64_t streams_bytes = 0;
    uint64_t batch_bytes;
    uint64_t engine_bytes = weir_engine_size(config, &batch_bytes);
    uint64_t pipeline_bytes = weir_pipeline_size(config, plans);
    uint64_t outbox_bytes = config->uplink.url[0] != '\0' ? config->outbox_bytes : 0;
    uint64_t publisher_bytes;
    uint64_t total_bytes;

    printf("memory at most, in bytes, without what the libraries take\n");
    for (uint32_t i = 0; i < config->stream_count; i++) {
        streams_bytes += plans[i].total_bytes;
        print_stream(&config->streams[i], &plans[i]);
    }
    print_bytes("outputs and state", pipeline_bytes - streams_bytes);
    print_bytes("batch", batch_bytes);
    print_bytes("engine in all", engine_bytes);
    publisher_bytes = print_publisher(config);
    total_bytes = engine_bytes + publisher_bytes + print_log(config, engine_bytes) + outbox_bytes;
    print_bytes("outbox", outbox_bytes);
    print_bytes("total", total_bytes);
    /* The next engine and publisher stand beside these until they have taken over. */
    print_bytes("besides, for the moment of a reload", engine_bytes + publisher_bytes);
    return total_bytes + engine_bytes + publisher_bytes;
}

/* Samples of a window, for the same. */
#define EXAMPLE_COUNT 60

/* The sketch of a window whose samples are half of them different. */
static struct weir_sketch example_sketch(void)
{
    struct weir_sketch sketch = {0};

    for (uint32_t i = 0; i < EXAMPLE_COUNT; i++)
        weir_sketch_accept(&sketch, 20.125 + i / 2 * 0.125);
    return sketch;
}

/* Bytes that it takes beside a row in the outbox. */
static uint64_t sketch_bytes(const struct weir_stream_config *stream)
{
    const struct weir_sketch sketch = example_sketch();
    unsigned char bytes[WEIR_SKETCH_BYTES_MAX];
    const struct weir_sketch_list_entry entry = {
        .quantile_count = stream->quantile_count,
        .length = weir_sketch_write(&sketch, bytes),
    };

    return stream->quantile_count > 0 ? weir_sketch_list_size(&entry) : 0;
}
/* Of a row in compact form, names included: measured are 2 to 12, and for a sketch 1 to 50. */
#define COMPACT_ROW_BYTES 8
#define COMPACT_SKETCH_BYTES 16

/* Bytes of a batch's row, for names and numbers of everyday length. */
static uint64_t row_bytes(enum weir_batch_format format, const struct weir_stream_config *stream,
                          uint32_t field)
{
    const struct weir_summary summary = {
        .field = (uint16_t)field,
        .start_ms = 1700000000000,
        .end_ms = 1700000000000 + stream->window_ms,
        .first_ms = 1700000000000,
        .last_ms = 1700000000000 + stream->window_ms / 2,
        .count = EXAMPLE_COUNT,
        .sum = 1287.375,
        .min = 20.125,
        .max = 22.875,
        .mean = 21.45625,
        .stddev = 0.6614378277661477,
        .first = 20.125,
        .last = 22.5,
    };
    const struct weir_sketch sketch = example_sketch();
    char bytes[4096];
    struct weir_text text;

    if (format == WEIR_BATCH_COMPACT)
        return COMPACT_ROW_BYTES + (stream->quantile_count > 0 ? COMPACT_SKETCH_BYTES : 0);
    weir_text_init(&text, bytes, sizeof(bytes));
    weir_text_add(&text, ",{");
    weir_encode_summary(&text, stream, "building/device4", &summary, &sketch);
    weir_text_add(&text, "}");
    return text.length;
}

static void add_stream_load(struct load *load, const struct weir_config *config, uint32_t index)
{
    const struct weir_stream_config *stream = &config->streams[index];
    uint64_t window_ms = (uint64_t)stream->window_ms;

    for (uint32_t i = 0; i < stream->field_count; i++) {
        uint64_t rows =
            (stream->max_series * (uint64_t)config->uplink_every_ms + window_ms - 1) / window_ms;
        load->schedule_rows += rows;
        load->schedule_bytes += rows * row_bytes(config->uplink_format, stream, i);
        load->schedule_sketch_bytes += rows * sketch_bytes(stream);
    }
    load->hour_rows += (stream->max_series * (uint64_t)stream->field_count * HOUR_MS) / window_ms;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t divide_up(uint64_t bytes, uint64_t by)
{
    return (bytes + by - 1) / by;
}

/* A batch is full when its rows are, in bytes or by their number, or their sketches. */
static uint64_t count_batches(const struct load *load, const struct weir_config *config)
{
    uint64_t share = least(config->outbox_bytes / OUTBOX_SHARE, WEIR_BATCH_BYTES_MAX);
    const uint64_t counts[] = {
        divide_up(load->schedule_bytes, least(share, config->uplink_max_bytes)),
        divide_up(load->schedule_sketch_bytes, share),
        divide_up(load->schedule_rows, WEIR_BATCH_ROW_COUNT_MAX),
    };
    uint64_t most = counts[0];

    for (int i = 1; i < 3; i++)
        most = counts[i] > most ? counts[i] : most;
    return most;
}

static void find_load(struct load *load, const struct weir_config *config)
{
    *load = (struct load){0};
    for (uint32_t i = 0; i < config->stream_count; i++)
        add_stream_load(load, config, i);
    if (config->uplink.url[0] != '\0')
        load->schedule_batches = count_batches(load, config);
}

/* Returns what is kept at most. */
static uint64_t print_flash(const struct weir_config *config, const struct load *load)
{
    struct weir_flash_plan plan;
    uint64_t kept_bytes;

    if (config->storage_path[0] == '\0') {
        printf("flash\n  none: no storage is configured\n");
        return 0;
    }
    weir_flash_plan(&plan, config, load->schedule_batches, load->schedule_rows,
                    load->schedule_bytes, load->schedule_sketch_bytes);
    printf("flash at most, in bytes, in %s\n", config->storage_path);
    print_bytes("journal on flash", plan.journal_bytes);
    print_bytes("outbox on flash", plan.outbox_bytes);
    print_bytes("two snapshots", 2 * plan.snapshot_bytes);
    print_bytes("a third while it is written", plan.snapshot_bytes);
    kept_bytes = plan.journal_bytes + plan.outbox_bytes + 3 * plan.snapshot_bytes;
    print_bytes("flash in all", kept_bytes);
    printf("written to flash a day, about, if every series sends %d messages a window, each of %d "
           "bytes\non a topic of %d; the file system's own writing comes on top\n",
           WEIR_FLASH_MESSAGES_A_WINDOW, WEIR_FLASH_PAYLOAD_BYTES, WEIR_FLASH_TOPIC_BYTES);
    print_bytes("messages a day", plan.day_messages);
    print_bytes("journal a day", plan.day_journal_bytes);
    print_bytes("its last page, again at every sync", plan.day_sync_bytes);
    print_bytes("snapshots a day", plan.day_snapshot_bytes);
    print_bytes("batches a day", plan.day_outbox_bytes);
    print_bytes("a day in all", plan.day_journal_bytes + plan.day_sync_bytes +
                                    plan.day_snapshot_bytes + plan.day_outbox_bytes);
    return kept_bytes;
}

static void print_hours(const struct weir_hours *hours)
{
    int from = hours->from_ms / MINUTE_MS;
    int to = hours->to_ms / MINUTE_MS;

    printf("  sent from %02d:%02d to %02d:%02d UTC\n", from / 60, from % 60, to / 60, to % 60);
}

/* What gathers until the hours in which it is sent begin. */
static uint64_t waiting_bytes(const struct weir_config *config, const struct load *load)
{
    const struct weir_hours *hours = &config->uplink_hours;
    uint64_t wait_ms = (uint64_t)weir_hours_wait_ms(hours, hours->to_ms);

    return (wait_ms / (uint64_t)config->uplink_every_ms + 1) * load->schedule_bytes;
}

static void print_schedule(const struct weir_config *config, const struct load *load)
{
    const struct weir_hours *hours = &config->uplink_hours;
    bool stored = config->storage_path[0] != '\0';
    uint64_t outbox_bytes = stored ? config->storage_outbox_bytes : config->outbox_bytes;

    print_bytes("milliseconds between batches", (uint64_t)config->uplink_every_ms);
    print_bytes("milliseconds after the full interval", (uint64_t)weir_config_offset_ms(config));
    print_bytes("summaries each time", load->schedule_rows);
    print_bytes("bytes each time, about", load->schedule_bytes);
    print_bytes("batches each time, about", load->schedule_batches);
    if (weir_hours_wait_ms(hours, hours->to_ms) > 0) {
        print_hours(hours);
        print_bytes("bytes waiting for that, about", waiting_bytes(config, load));
    }
    if (waiting_bytes(config, load) <= outbox_bytes)
        return;
    if (stored)
        printf("warning: at full load the outbox does not hold what waits to be sent: the oldest "
               "batches would be\nmade coarser; raise storage.outbox or widen uplink.window\n");
    else
        printf("warning: at full load the outbox does not hold what is sent at one time: the "
               "oldest batches would be\ndropped; raise uplink.outbox, lower uplink.every or widen "
               "uplink.window\n");
}

static void print_load(const struct weir_config *config, const struct load *load)
{
    printf("at full load, every series there in every window\n");
    print_bytes("summaries an hour", load->hour_rows);
    if (config->uplink.url[0] == '\0') {
        printf("  no uplink is configured\n");
        return;
    }
    print_schedule(config, load);
}

static int check_file(const char *path, const struct weir_board *board)
{
    struct weir_config *config = weir_config_load(path, stderr);
    struct load load;
    uint64_t memory_bytes;
    uint64_t flash_bytes;
    bool fits;

    if (!config)
        return WEIR_EXIT_REFUSED;
    printf("gateway \"%s\": %" PRIu32 " %s, %" PRIu32 " %s\n", config->gateway,
           config->stream_count, config->stream_count == 1 ? "stream" : "streams",
           config->rule_count, config->rule_count == 1 ? "alert" : "alerts");
    weir_check_print_alerts(config);
    memory_bytes = print_memory(config);
    find_load(&load, config);
    flash_bytes = print_flash(config, &load);
    print_load(config, &load);
    fits = !board || weir_board_admit(board, memory_bytes, flash_bytes, stderr);
    if (fits)
        printf("%s: ok\n", path);
    weir_config_destroy(config);
    return fits ? WEIR_EXIT_DONE : WEIR_EXIT_REFUSED;
}

static void print_usage(FILE *file)
{
    fputs("usage: weir check [-c FILE] [--board NAME]\n"
          "\n"
          "Validates the configuration and prints what it takes in memory and on flash. Opens no\n"
          "socket, writes no file.\n"
          "\n"
          "  -c, --config FILE  the configuration (" WEIR_CONFIG_PATH_DEFAULT ")\n"
          "      --board NAME   refuse what this board's budgets of memory and flash do not hold\n"
          "      --help         this text\n"
          "\n"
          "Exit status 78: the configuration is refused; stderr says why.\n",
          file);
}

int weir_command_check(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"board", required_argument, NULL, 'b'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    const char *path = WEIR_CONFIG_PATH_DEFAULT;
    const struct weir_board *board = NULL;
    int option;

    while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            path = optarg;
            break;
        case 'b':
            board = weir_board_find(optarg, stderr);
            if (!board)
                return WEIR_EXIT_USAGE;
            break;
        case 'h':
            print_usage(stdout);
            return WEIR_EXIT_DONE;
        default:
            print_usage(stderr);
            return WEIR_EXIT_USAGE;
        }
    }
    if (optind != argc) {
        fprintf(stderr, "%s: unexpected argument '%s'\n", argv[0], argv[optind]);
        print_usage(stderr);
        return WEIR_EXIT_USAGE;
    }
    return check_file(path, board);
}
