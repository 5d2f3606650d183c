#include "weir/flow.h"

#include <assert.h>
#include <math.h>

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

const char *weir_aggregate_name(enum weir_aggregate aggregate)
{
    static const char *const names[] = {"count",  "sum",   "min",  "max",   "mean",
                                        "stddev", "first", "last", "delta", "rate"};

    static_assert(sizeof(names) / sizeof(names[0]) == WEIR_AGGREGATE_KIND_COUNT, "one each");
    return NAME_OF(names, aggregate);
}

const char *weir_level_name(enum weir_level level)
{
    static const char *const names[] = {"ok", "info", "warning", "critical"};

    return NAME_OF(names, level);
}

const char *weir_condition_name(enum weir_condition condition)
{
    static const char *const names[] = {"unknown", "ok", "pending", "active", "clearing"};

    return NAME_OF(names, condition);
}

const char *weir_quality_name(enum weir_quality quality)
{
    static const char *const names[] = {"good", "stale", "bad"};

    return NAME_OF(names, quality);
}

const char *weir_event_name(enum weir_event event)
{
    static const char *const names[] = {"none",    "raised", "escalated", "deescalated", "cleared",
                                        "stale",   "fresh",  "reminder",  "flapping",    "flap_end",
                                        "removed", "storm",  "storm_end"};

    return NAME_OF(names, event);
}

const char *weir_operator_name(enum weir_operator op)
{
    static const char *const names[] = {"above", "below", "outside", "inside"};

    return NAME_OF(names, op);
}
