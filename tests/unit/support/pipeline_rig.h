/*
 * A pipeline of one stream, fed by hand.
 */
#ifndef TESTS_SUPPORT_PIPELINE_RIG_H
#define TESTS_SUPPORT_PIPELINE_RIG_H

#include <inttypes.h>

#include "drive.h"

static struct build build;
static struct drive drive;

/* One stream "climate" with a field "t" over "s/{dev}". */
static inline struct weir_stream_config *build_climate(void)
{
    struct weir_stream_config *stream;

    build_init(&build);
    stream = build_stream(&build, "climate", "s/{dev}");
    (void)build_field(stream, "t");
    return stream;
}

static inline void feed_value(int64_t arrived_ms, const char *topic, int64_t time_ms, double value)
{
    char payload[80];

    (void)snprintf(payload, sizeof(payload), "{\"ts\":%" PRId64 ",\"t\":%.17g}", time_ms, value);
    drive_feed(&drive, arrived_ms, topic, payload);
}

static inline void assert_counts(uint64_t samples, uint64_t invalid)
{
    assert_int_equal(drive_ledger(&drive).samples, samples);
    assert_int_equal(drive_ledger(&drive).invalid, invalid);
}

#endif
