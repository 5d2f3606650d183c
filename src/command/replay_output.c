#include "command/replay_output.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "command/past.h"
#include "format/encode.h"

void weir_replay_output_init(struct weir_replay_output *output, const struct weir_config *config,
                             const struct weir_engine *engine, int batches_fd,
                             const char *batches_name)
{
    output->config = config;
    output->engine = engine;
    weir_backtest_init(&output->backtest, config, &engine->pipeline);
    weir_writer_init(&output->lines, STDOUT_FILENO, "standard output");
    weir_writer_init(&output->batches, batches_fd, batches_name);
}

static const char *series_name(const struct weir_replay_output *output, uint32_t stream,
                               uint32_t series)
{
    return series == WEIR_SERIES_ALL
               ? WEIR_BACKTEST_ALL
               : weir_pipeline_series_name(&output->engine->pipeline, stream, series);
}

static void write_summary(struct weir_replay_output *output, const struct weir_summary *summary,
                          const struct weir_sketch *sketch)
{
    struct weir_text *line = weir_writer_line(&output->lines);

    weir_text_add(line, "{\"type\":\"summary\",");
    weir_encode_summary(line, &output->config->streams[summary->stream],
                        series_name(output, summary->stream, summary->series), summary, sketch);
    weir_text_add(line, "}");
    weir_writer_end(&output->lines);
}

/* A change of state without a transition is no line. */
static void write_alert(struct weir_replay_output *output, const struct weir_alert *alert)
{
    uint32_t stream = output->config->rules[alert->rule].stream;
    struct weir_text *line;

    if (alert->event == WEIR_EVENT_NONE)
        return;
    line = weir_writer_line(&output->lines);
    weir_text_add(line, "{\"type\":\"alert\",");
    weir_encode_alert(line, output->config, series_name(output, stream, alert->series), alert);
    weir_text_add(line, "}");
    weir_writer_end(&output->lines);
}

static void take_alert(struct weir_replay_output *output, const struct weir_alert *alert)
{
    if (!output->alerts)
        write_alert(output, alert);
    else if (!weir_backtest_accept(&output->backtest, alert))
        output->out_of_memory = true;
}

void weir_replay_output_take(struct weir_replay_output *output, struct weir_engine *engine,
                             int64_t now_ms)
{
    struct weir_engine_output taken;

    if (output->first_ms == 0)
        output->first_ms = now_ms;
    output->last_ms = now_ms;
    while (weir_engine_take(engine, &taken)) {
        switch (taken.kind) {
        case WEIR_ENGINE_SUMMARY:
            if (!output->alerts)
                write_summary(output, &taken.summary, taken.sketch);
            break;
        case WEIR_ENGINE_ALERT:
            take_alert(output, &taken.alert);
            break;
        case WEIR_ENGINE_BATCH:
            weir_writer_add(&output->batches, taken.batch.bytes, taken.batch.length);
            if (taken.batch.bytes[0] == '{')
                weir_writer_add(&output->batches, "\n", 1);
            break;
        case WEIR_ENGINE_SHIFT:
            break; /* what was written has left */
        }
    }
}

bool weir_replay_output_failed(const struct weir_replay_output *output)
{
    return output->lines.error != 0 || output->batches.error != 0 || output->out_of_memory;
}

static void write_ledger(struct weir_replay_output *output)
{
    struct weir_text *line = weir_writer_line(&output->lines);
    struct weir_ledger ledger;

    weir_engine_ledger(output->engine, &ledger);
    weir_text_add(line, "{\"type\":\"ledger\",");
    weir_encode_ledger(line, &ledger);
    weir_text_add(line, "}");
    weir_writer_end(&output->lines);
}

/* What the table is about, for people. */
static void print_input(const struct weir_replay_output *output)
{
    char first[WEIR_PAST_TIME_SIZE];
    char last[WEIR_PAST_TIME_SIZE];
    struct weir_ledger ledger;

    weir_engine_ledger(output->engine, &ledger);
    weir_past_write_time(first, output->first_ms);
    weir_past_write_time(last, output->last_ms);
    printf("\n%" PRIu64 " messages", ledger.received);
    if (output->first_ms > 0)
        printf(" from %s to %s", first, last);
    printf(": %" PRIu64 " accepted, %" PRIu64 " unmatched, %" PRIu64 " oversize, %" PRIu64
           " malformed; %" PRIu64 " values, %" PRIu64 " of them invalid\n",
           ledger.accepted, ledger.unmatched, ledger.oversize, ledger.malformed, ledger.samples,
           ledger.invalid);
}

static bool print_alerts(struct weir_replay_output *output)
{
    weir_backtest_close(&output->backtest, output->last_ms);
    if (output->json)
        return weir_backtest_print_json(&output->backtest);
    if (!weir_backtest_print(&output->backtest))
        return false;
    print_input(output);
    return true;
}

void weir_replay_output_close(struct weir_replay_output *output)
{
    if (output->alerts && !output->out_of_memory)
        output->out_of_memory = !print_alerts(output);
    /* The table goes through stdio, the lines do not. */
    (void)fflush(stdout);
    if (!output->alerts || output->json)
        write_ledger(output);
}

bool weir_replay_output_finish(struct weir_replay_output *output)
{
    bool done = weir_writer_finish(&output->lines);

    if (output->batches.name)
        done &= weir_writer_finish(&output->batches);
    if (output->out_of_memory)
        fputs("weir: out of memory\n", stderr);
    weir_backtest_finish(&output->backtest);
    return done && !output->out_of_memory;
}
