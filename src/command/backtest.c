#include "command/backtest.h"

#include <stdlib.h>
#include <string.h>

void weir_backtest_init(struct weir_backtest *backtest, const struct weir_config *config,
                        const struct weir_pipeline *pipeline)
{
    *backtest = (struct weir_backtest){.config = config, .pipeline = pipeline};
}

void weir_backtest_finish(struct weir_backtest *backtest)
{
    for (uint32_t i = 0; i < WEIR_RULE_COUNT_MAX; i++)
        free(backtest->rules[i].rows);
}

/* The row of a series, made if need be. */
static struct weir_backtest_row *row_of(struct weir_backtest_rule *rule, uint32_t series)
{
    uint32_t count = rule->row_count ? rule->row_count : 16;
    struct weir_backtest_row *rows;

    if (series == WEIR_SERIES_ALL)
        return &rule->all;
    if (series < rule->row_count)
        return &rule->rows[series];
    while (count <= series)
        count *= 2;
    rows = realloc(rule->rows, count * sizeof(*rows));
    if (!rows)
        return NULL;
    memset(rows + rule->row_count, 0, (count - rule->row_count) * sizeof(*rows));
    rule->rows = rows;
    rule->row_count = count;
    return &rows[series];
}

/* Time does not run backwards in a row, whatever its device's clock says. */
static int64_t between(int64_t from_ms, int64_t to_ms)
{
    return to_ms > from_ms ? to_ms - from_ms : 0;
}

static void move_level(struct weir_backtest_row *row, enum weir_level level, int64_t time_ms)
{
    int64_t active_ms = between(row->active_since_ms, time_ms);

    if (level == row->level)
        return;
    if (row->level == WEIR_LEVEL_OK)
        row->active_since_ms = time_ms;
    else
        row->level_ms[row->level] += between(row->level_since_ms, time_ms);
    if (level == WEIR_LEVEL_OK && active_ms > row->longest_ms)
        row->longest_ms = active_ms;
    row->level = level;
    row->level_since_ms = time_ms;
}

static void count_event(struct weir_backtest_row *row, const struct weir_alert *alert)
{
    switch (alert->event) {
    case WEIR_EVENT_RAISED:
        if (row->raised++ == 0)
            row->first_ms = alert->time_ms;
        row->last_ms = alert->time_ms;
        break;
    case WEIR_EVENT_ESCALATED:
        row->escalated++;
        break;
    case WEIR_EVENT_DEESCALATED:
        row->deescalated++;
        break;
    case WEIR_EVENT_CLEARED:
        row->cleared++;
        break;
    case WEIR_EVENT_STALE:
        row->stale++;
        break;
    case WEIR_EVENT_REMINDER:
        row->reminders++;
        break;
    case WEIR_EVENT_FLAPPING:
        row->flapping++;
        break;
    case WEIR_EVENT_STORM:
        row->storms++;
        break;
    default:
        break;
    }
}

bool weir_backtest_accept(struct weir_backtest *backtest, const struct weir_alert *alert)
{
    struct weir_backtest_row *row = row_of(&backtest->rules[alert->rule], alert->series);

    if (!row)
        return false;
    /* A state that only came to be known says nothing yet. */
    row->seen |= alert->event != WEIR_EVENT_NONE || alert->level != WEIR_LEVEL_OK;
    count_event(row, alert);
    if (alert->series != WEIR_SERIES_ALL)
        move_level(row, alert->level, alert->time_ms);
    return true;
}

void weir_backtest_close(struct weir_backtest *backtest, int64_t end_ms)
{
    for (uint32_t i = 0; i < backtest->config->rule_count; i++) {
        struct weir_backtest_rule *rule = &backtest->rules[i];

        for (uint32_t j = 0; j < rule->row_count; j++)
            move_level(&rule->rows[j], WEIR_LEVEL_OK, end_ms);
    }
}
