/* What leaves the engine, and what it has to know of what happens to it. */
#include "command/daemon.h"

static void accept_output(struct weir_daemon *daemon, const struct weir_engine_output *output)
{
    switch (output->kind) {
    case WEIR_ENGINE_SUMMARY:
        weir_publisher_accept_summary(daemon->publisher, &output->summary, output->sketch);
        break;
    case WEIR_ENGINE_ALERT:
        weir_publisher_accept_alert(daemon->publisher, &output->alert);
        break;
    case WEIR_ENGINE_BATCH:
        if (daemon->uplink) {
            weir_uplink_accept_batch(daemon->uplink, &output->batch,
                                     daemon->replayed > 0 ? daemon->replayed
                                                          : weir_journal_consumed(daemon->journal));
        } else {
            daemon->unsent.batches_dropped++;
            daemon->unsent.summaries_dropped += output->batch.row_count;
        }
        break;
    case WEIR_ENGINE_SHIFT:
        if (daemon->keeper)
            weir_keeper_shift(daemon->keeper, &output->shift);
        break;
    }
}

void weir_daemon_note_losses(struct weir_daemon *daemon)
{
    struct weir_uplink_counts uplink = {0};
    struct weir_keeper_report report = {0};
    struct weir_record record = {.kind = WEIR_RECORD_LOSSES};

    if (daemon->uplink)
        weir_uplink_count(daemon->uplink, &uplink);
    if (daemon->keeper)
        weir_keeper_report(daemon->keeper, &report);
    record.losses = (struct weir_ledger){
        .queue_dropped = daemon->base.queue_dropped + weir_journal_refused(daemon->journal),
        .events_dropped = daemon->base.events_dropped + weir_publisher_dropped(daemon->publisher),
        .outbox_dropped = daemon->base.outbox_dropped + uplink.summaries_dropped +
                          report.summaries_dropped + daemon->unsent.summaries_dropped,
        .batches_dropped = daemon->base.batches_dropped + uplink.batches_dropped +
                           report.batches_dropped + daemon->unsent.batches_dropped,
        .coarsened = daemon->base.coarsened + report.coarsened,
        .journal_lost = daemon->base.journal_lost,
    };
    if (weir_record_losses_equal(&record.losses, &daemon->losses) ||
        !weir_intake_note(&daemon->intake, &record))
        return;
    daemon->losses = record.losses;
    if (!daemon->uplink)
        return;
    /* At once: a batch that a restart makes again would be lost, and counted, again. */
    weir_uplink_note_done(daemon->uplink, report.dropped_epoch, report.dropped_sequence);
    weir_daemon_note_done(daemon);
}

void weir_daemon_take_outputs(struct weir_daemon *daemon)
{
    struct weir_engine_output output;

    while (weir_engine_take(&daemon->running->engine, &output))
        accept_output(daemon, &output);
}

void weir_daemon_step_engine(struct weir_daemon *daemon)
{
    while (weir_intake_step(&daemon->intake) == WEIR_INTAKE_OUTPUTS)
        weir_daemon_take_outputs(daemon);
}

void weir_daemon_drain(struct weir_daemon *daemon, const struct weir_config *next)
{
    struct weir_engine *engine = &daemon->running->engine;

    while ((next ? weir_engine_drain_changed(engine, next) : weir_engine_drain(engine)) != WEIR_OK)
        weir_daemon_take_outputs(daemon);
}
