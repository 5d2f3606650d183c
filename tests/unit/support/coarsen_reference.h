/*
 * What becomes of a run, found the plain way: for each row all others are looked at.
 */
#ifndef TESTS_SUPPORT_COARSEN_REFERENCE_H
#define TESTS_SUPPORT_COARSEN_REFERENCE_H

#include "coarsen_rig.h"
#include "format/batch_read.h"
#include "moments_reference.h"

static struct row expected[ROW_MAX];

static inline int64_t floor_to(int64_t time_ms, int64_t window_ms)
{
    int64_t number = time_ms / window_ms;

    return (number * window_ms > time_ms ? number - 1 : number) * window_ms;
}

static inline bool same_field(const struct weir_summary *a, const struct weir_summary *b)
{
    return a->stream == b->stream && a->series == b->series && a->field == b->field;
}

/* What becomes of each row of a run: members 0, it is in another; else how many rows of its window
 * it stands for, the newest of which counts. */
static uint32_t newest_row[ROW_MAX];
static uint32_t members[ROW_MAX];
static bool passes[ROW_MAX];

static inline void expect_revisions(const struct row *rows, uint32_t count, int64_t window_ms)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct weir_summary *row = &rows[i].summary;
        uint32_t base = i;

        newest_row[i] = i;
        members[i] = 1;
        passes[i] = row->end_ms - row->start_ms >= window_ms ||
                    floor_to(row->start_ms, window_ms) != floor_to(row->end_ms - 1, window_ms);
        if (passes[i] || row->revision == 0)
            continue;
        while (base > 0) {
            const struct weir_summary *other = &rows[--base].summary;

            if (!passes[base] && other->revision == 0 && same_field(other, row) &&
                other->start_ms == row->start_ms && other->end_ms == row->end_ms) {
                members[i] = 0;
                members[base]++;
                if (row->revision > rows[newest_row[base]].summary.revision)
                    newest_row[base] = i;
                break;
            }
        }
        passes[i] = members[i] > 0;
    }
}

/* Gathers the samples of a row's group, whose members then stand for nothing any more. Returns the
 * number of rows. */
static inline uint32_t expect_group(const struct row *rows, uint32_t count, int64_t window_ms,
                                    uint32_t first, struct row *row)
{
    uint32_t merged = 0;

    row->summary.revision = 0;
    row->sample_first = sample_count;
    row->sample_count = 0;
    for (uint32_t i = first; i < count; i++) {
        const struct row *part = &rows[newest_row[i]];

        if (members[i] == 0 || passes[i] || !same_field(&part->summary, &row->summary) ||
            part->shape != row->shape ||
            floor_to(part->summary.start_ms, window_ms) !=
                floor_to(row->summary.start_ms, window_ms))
            continue;
        merged += members[i];
        members[i] = 0;
        if (part->summary.start_ms < row->summary.start_ms)
            row->summary.start_ms = part->summary.start_ms;
        if (part->summary.end_ms > row->summary.end_ms)
            row->summary.end_ms = part->summary.end_ms;
        for (size_t s = 0; s < part->sample_count; s++)
            add_sample(drawn[part->sample_first + s].time_ms, drawn[part->sample_first + s].value);
        row->sample_count += part->sample_count;
    }
    return merged;
}

/* Returns the number of rows expected; *coarsened counts those merged. */
static inline uint32_t expect(const struct row *rows, uint32_t count, int64_t window_ms,
                              uint32_t *coarsened)
{
    uint32_t out = 0;

    *coarsened = 0;
    expect_revisions(rows, count, window_ms);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t merged = 0;

        if (members[i] == 0)
            continue;
        expected[out] = rows[newest_row[i]];
        if (!passes[i])
            merged = expect_group(rows, count, window_ms, i, &expected[out]);
        *coarsened += merged > 1 ? merged : 0;
        out++;
    }
    return out;
}

/* The row's text is that of its side table, and this is what was expected. */
static inline void assert_row(const struct row *row, const struct weir_summary *side,
                              const char *text, size_t length, bool whole)
{
    struct row found = *row;
    struct double_double sum = {0};

    assert_true(same_field(side, &row->summary));
    assert_int_equal(side->start_ms, row->summary.start_ms);
    assert_int_equal(side->end_ms, row->summary.end_ms);
    assert_int_equal(side->revision, row->summary.revision);
    assert_moments(side, drawn + row->sample_first, row->sample_count);
    for (size_t i = 0; i < row->sample_count; i++)
        sum = dd_add(sum, dd_of(drawn[row->sample_first + i].value));
    assert_true(!whole || side->sum == sum.high);
    found.summary = *side;
    weir_batch_init(&scratch, WEIR_BATCH_BYTES_MAX);
    assert_int_equal(encode(&found), WEIR_OK);
    assert_int_equal(length, scratch.rows_length);
    assert_memory_equal(text, scratch.bytes + WEIR_BATCH_HEAD_BYTES, length);
}

/* The batch's rows are those expected from `at` on; returns where they end. */
static inline uint32_t assert_batch(const struct weir_coarsen_batch *batch, uint32_t at, bool whole,
                                    struct weir_batch_view *view)
{
    struct weir_batch_reader reader;
    uint32_t row_count = 0;
    const char *text;
    size_t length;

    weir_batch_reader_init(&reader);
    assert_null(weir_batch_reader_open(&reader, batch->bytes, batch->length, view));
    while (weir_batch_view_next(view, &text, &length)) {
        assert_true(row_count < batch->row_count);
        assert_row(&expected[at + row_count], &batch->rows[row_count], text, length, whole);
        row_count++;
    }
    assert_int_equal(row_count, batch->row_count);
    return at + row_count;
}

static inline void assert_envelope(const struct weir_batch_view *view, uint64_t sequence,
                                   const struct batch *newest)
{
    struct weir_batch_reader reader;
    struct weir_batch_view from;
    uint64_t found;

    weir_batch_reader_init(&reader);
    assert_null(weir_batch_reader_open(&reader, newest->payload, newest->length, &from));
    assert_true(weir_batch_read_count(&view->sequence, &found) && found == sequence);
    assert_int_equal(view->gateway.length, from.gateway.length);
    assert_memory_equal(view->gateway.text, from.gateway.text, from.gateway.length);
    assert_int_equal(view->epoch.length, from.epoch.length);
    assert_memory_equal(view->epoch.text, from.epoch.text, from.epoch.length);
    assert_int_equal(view->created.length, from.created.length);
    assert_memory_equal(view->created.text, from.created.text, from.created.length);
    assert_int_equal(view->ledger.length, from.ledger.length);
    assert_memory_equal(view->ledger.text, from.ledger.text, from.ledger.length);
}

#endif
