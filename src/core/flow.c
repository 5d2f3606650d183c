#include "weir/flow.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/assert.h"

#define NAME_OF(names, value)                                                                      \
    (assert((size_t)(value) < sizeof(names) / sizeof(names)[0]), (names)[(value)])

bool weir_ledger_balanced(const struct weir_ledger *ledger)
{
    return ledger->received ==
               ledger->accepted + ledger->unmatched + ledger->oversize + ledger->malformed &&
           ledger->samples == ledger->summarised + ledger->open + ledger->late_dropped +
                                  ledger->invalid + ledger->over_budget;
}

double weir_summary_value(const struct weir_summary *summary, enum weir_aggregate aggregate)
{
    int64_t span_ms = summary->last_ms - summary->first_ms;

    switch (aggregate) {
    case WEIR_AGGREGATE_COUNT:
        return (double)summary->count;
    case WEIR_AGGREGATE_SUM:
        return summary->sum;
    case WEIR_AGGREGATE_MIN:
        return summary->min;
    case WEIR_AGGREGATE_MAX:
        return summary->max;
    case WEIR_AGGREGATE_MEAN:
        return summary->mean;
    case WEIR_AGGREGATE_STDDEV:
        return summary->stddev;
    case WEIR_AGGREGATE_FIRST:
        return summary->first;
    case WEIR_AGGREGATE_LAST:
        return summary->last;
    case WEIR_AGGREGATE_DELTA:
        return summary->last - summary->first;
    case WEIR_AGGREGATE_RATE:
        return span_ms == 0 ? NAN : (summary->last - summary->first) / ((double)span_ms / 1000);
    case WEIR_AGGREGATE_KIND_COUNT:
        break;
    }
    return NAN;
}

void weir_summary_correct(struct weir_summary *summary, int64_t step_ms)
{
    summary->doubted = 0;
    summary->start_ms += step_ms;
    summary->end_ms += step_ms;
    summary->first_ms += step_ms;
    summary->last_ms += step_ms;
}

const char *weir_aggregate_name(enum weir_aggregate aggregate)
{
    static const char names[][16] = {"count",  "sum",   "min",  "max",   "mean",
                                     "stddev", "first", "last", "delta", "rate"};

    static_assert(sizeof(names) / sizeof(names[0]) == WEIR_AGGREGATE_KIND_COUNT, "one each");
    return NAME_OF(names, aggregate);
}

void weir_quantile_name(unsigned thousandths, char name[static WEIR_QUANTILE_NAME_SIZE])
{
    assert(thousandths > 0 && thousandths < 1000);
    (void)snprintf(name, WEIR_QUANTILE_NAME_SIZE, thousandths % 10 ? "p%u.%u" : "p%u",
                   thousandths / 10, thousandths % 10);
}

uint16_t weir_quantile_find(const char *name, size_t length)
{
    char known[WEIR_QUANTILE_NAME_SIZE];

    for (unsigned hundredths = 1; hundredths <= 100; hundredths++) {
        unsigned thousandths = hundredths < 100 ? hundredths * 10 : 999;

        weir_quantile_name(thousandths, known);
        if (strlen(known) == length && memcmp(known, name, length) == 0)
            return (uint16_t)thousandths;
    }
    return 0;
}

const char *weir_level_name(enum weir_level level)
{
    static const char names[][16] = {"ok", "info", "warning", "critical"};

    return NAME_OF(names, level);
}

const char *weir_condition_name(enum weir_condition condition)
{
    static const char names[][16] = {"unknown", "ok", "pending", "active", "clearing"};

    return NAME_OF(names, condition);
}

const char *weir_quality_name(enum weir_quality quality)
{
    static const char names[][16] = {"good", "stale", "bad"};

    return NAME_OF(names, quality);
}

const char *weir_event_name(enum weir_event event)
{
    static const char names[][16] = {"none",    "raised", "escalated", "deescalated", "cleared",
                                     "stale",   "fresh",  "reminder",  "flapping",    "flap_end",
                                     "removed", "storm",  "storm_end"};

    return NAME_OF(names, event);
}

const char *weir_operator_name(enum weir_operator op)
{
    static const char names[][16] = {"above", "below", "outside", "inside"};

    return NAME_OF(names, op);
}
