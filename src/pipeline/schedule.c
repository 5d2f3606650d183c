#include "pipeline/schedule.h"

void weir_schedule_init(struct weir_schedule *schedule, const struct weir_config *config)
{
    schedule->every_ms = config->uplink_every_ms;
    schedule->offset_ms = weir_config_offset_ms(config);
    schedule->next_ms = INT64_MIN;
}

void weir_schedule_advance(struct weir_schedule *schedule, int64_t time_ms)
{
    int64_t since_ms = time_ms - schedule->offset_ms;
    int64_t multiple_ms = since_ms / schedule->every_ms * schedule->every_ms;

    if (multiple_ms <= since_ms)
        multiple_ms += schedule->every_ms;
    schedule->next_ms = multiple_ms + schedule->offset_ms;
}
