#include "core/alert_storm.h"

uint64_t weir_alert_storm_size(uint32_t count_max)
{
    return count_max == 0 ? 0 : sizeof(struct weir_alert_storm) + count_max * sizeof(int64_t);
}

enum weir_alert_storm_verdict weir_alert_storm_accept(struct weir_alert_storm *storm,
                                                      uint32_t count_max, int64_t length_ms,
                                                      int64_t up_ms)
{
    uint32_t oldest = (storm->newest + 1) % count_max;

    if (storm->raging) {
        storm->held_back++;
        storm->period_count++;
        return WEIR_ALERT_STORM_HOLDS;
    }
    if (storm->count == count_max && up_ms - storm->up_ms[oldest] < length_ms) {
        storm->raging = true;
        storm->held_back = 1;
        storm->period_count = 1;
        storm->period_ms = up_ms;
        return WEIR_ALERT_STORM_BEGINS;
    }
    storm->newest = oldest;
    storm->up_ms[oldest] = up_ms;
    if (storm->count < count_max)
        storm->count++;
    return WEIR_ALERT_STORM_PASS;
}

int64_t weir_alert_storm_due(const struct weir_alert_storm *storm, int64_t length_ms)
{
    return storm->raging ? storm->period_ms + length_ms : INT64_MAX;
}

bool weir_alert_storm_settle(struct weir_alert_storm *storm, uint32_t count_max, int64_t length_ms)
{
    storm->period_ms += length_ms;
    if (storm->period_count > count_max / 2) {
        storm->period_count = 0;
        return false;
    }
    storm->raging = false;
    storm->count = 0;
    return true;
}

void weir_alert_storm_adopt(struct weir_alert_storm *storm, const struct weir_alert_storm *from)
{
    *storm = *from;
    storm->newest = 0;
    storm->count = 0;
}
