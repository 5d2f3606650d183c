#include "core/alert_levels.h"

#include <math.h>
#include <stdlib.h>

static void compile_range(struct weir_alert_range *range, const struct weir_limit *limit,
                          const struct weir_comparison *comparison)
{
    double deadband =
        comparison->op == WEIR_OPERATOR_INSIDE ? -comparison->deadband : comparison->deadband;

    *range = (struct weir_alert_range){
        .low = limit->low,
        .high = limit->high,
        .back_low = limit->low + deadband,
        .back_high = limit->high - deadband,
    };
}

void weir_alert_levels_compile(struct weir_alert_levels *levels,
                               const struct weir_comparison *comparison)
{
    levels->op = comparison->op;
    levels->set = 0;
    levels->lowest = WEIR_LEVEL_OK;
    for (enum weir_level level = WEIR_LEVEL_CRITICAL; level > WEIR_LEVEL_OK; level--) {
        if (!comparison->limits[level].set)
            continue;
        compile_range(&levels->ranges[level], &comparison->limits[level], comparison);
        levels->set |= 1u << level;
        levels->lowest = level;
    }
    levels->calm_low = levels->ranges[levels->lowest].low;
    levels->calm_high = levels->ranges[levels->lowest].high;
    if (levels->op == WEIR_OPERATOR_INSIDE || levels->set == 0) {
        levels->calm_low = INFINITY;
        levels->calm_high = -INFINITY;
    }
}

unsigned weir_alert_levels_judge(const struct weir_alert_levels *levels, unsigned beyond,
                                 double value, bool *low)
{
    bool inside = levels->op == WEIR_OPERATOR_INSIDE;

    for (enum weir_level level = WEIR_LEVEL_INFO; level < WEIR_LEVEL_COUNT; level++) {
        const struct weir_alert_range *range = &levels->ranges[level];
        bool within = value >= range->low && value <= range->high;
        bool back = (value >= range->back_low && value <= range->back_high) != inside;

        if ((levels->set & 1u << level) == 0)
            continue;
        if (within == inside) {
            beyond |= 1u << level;
            *low = value < range->low;
        } else if (back) {
            beyond &= ~(1u << level);
        }
    }
    return beyond;
}

double weir_alert_levels_limit(const struct weir_alert_levels *levels, enum weir_level level,
                               bool low, double value)
{
    const struct weir_alert_range *range =
        &levels->ranges[level == WEIR_LEVEL_OK ? levels->lowest : level];

    if (isinf(range->high))
        return range->low;
    if (isinf(range->low))
        return range->high;
    if (levels->op == WEIR_OPERATOR_INSIDE)
        low = fabs(value - range->low) <= fabs(value - range->high);
    return low ? range->low : range->high;
}

enum weir_level weir_alert_levels_nearest(const struct weir_alert_levels *levels,
                                          enum weir_level level)
{
    int best = (int)levels->lowest;

    for (int other = best; other < WEIR_LEVEL_COUNT; other++) {
        if ((levels->set & 1u << other) != 0 && abs(other - (int)level) <= abs(best - (int)level))
            best = other;
    }
    return (enum weir_level)best;
}
