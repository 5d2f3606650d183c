#include "format/compact_head.h"

#include <string.h>

/* Contexts of WEIR_COMPACT_HEAD. */
enum {
    HEAD_GATEWAY,
    HEAD_SEQUENCE,
    HEAD_TABLE,
    HEAD_CREATED,
    HEAD_RANGE_COUNT,
    HEAD_RANGE_FIRST,
    HEAD_RANGE_LENGTH,
};

static void code_count(struct weir_compact_codec *codec, uint32_t context, uint64_t *count)
{
    *count = weir_compact_code(codec, WEIR_COMPACT_LEDGER, context, *count);
}

/* A count that the equations of the ledger give, in case they do not. */
static void code_rest(struct weir_compact_codec *codec, uint32_t context, uint64_t *count,
                      uint64_t expected)
{
    *count = expected + (uint64_t)weir_compact_code_signed(codec, WEIR_COMPACT_LEDGER, context,
                                                           (int64_t)(*count - expected));
}

static void code_ledger(struct weir_compact_codec *codec, struct weir_ledger *ledger)
{
    uint64_t *const messages[] = {&ledger->received, &ledger->unmatched, &ledger->oversize,
                                  &ledger->malformed};
    uint64_t *const samples[] = {&ledger->samples, &ledger->open, &ledger->late_dropped,
                                 &ledger->invalid, &ledger->over_budget};
    uint64_t *const others[] = {
        &ledger->late,           &ledger->clock_ahead,    &ledger->time_unreadable,
        &ledger->summaries,      &ledger->historical,     &ledger->events_held_back,
        &ledger->queue_dropped,  &ledger->outbox_dropped, &ledger->batches_dropped,
        &ledger->events_dropped, &ledger->coarsened,      &ledger->journal_lost,
        &ledger->duplicates,
    };
    uint32_t context = 0;

    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
        code_count(codec, context++, messages[i]);
    code_rest(codec, context++, &ledger->accepted,
              ledger->received - ledger->unmatched - ledger->oversize - ledger->malformed);
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
        code_count(codec, context++, samples[i]);
    code_rest(codec, context++, &ledger->summarised,
              ledger->samples - ledger->open - ledger->late_dropped - ledger->invalid -
                  ledger->over_budget);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        code_count(codec, context++, others[i]);
}

static void code_ranges(struct weir_compact_codec *codec, struct weir_compact_head *head)
{
    uint64_t count =
        weir_compact_code(codec, WEIR_COMPACT_HEAD, HEAD_RANGE_COUNT, head->range_count);
    uint64_t from = 0;

    if (count > WEIR_BATCH_RANGE_COUNT_MAX) {
        codec->coder.failed = true;
        count = 0;
    }
    head->range_count = (uint32_t)count;
    for (uint32_t i = 0; i < head->range_count; i++) {
        struct weir_batch_range *range = &head->ranges[i];
        uint64_t length = range->last - range->first;

        range->first = from + weir_compact_code(codec, WEIR_COMPACT_HEAD, HEAD_RANGE_FIRST,
                                                range->first - from);
        length = weir_compact_code(codec, WEIR_COMPACT_HEAD, HEAD_RANGE_LENGTH, length);
        range->last = range->first + length;
        if (range->first < from || range->last < range->first)
            codec->coder.failed = true;
        from = range->last;
    }
}

static void code_clock(struct weir_compact_codec *codec, enum weir_batch_clock *clock)
{
    bool corrected = *clock == WEIR_BATCH_CLOCK_CORRECTED;

    if (!weir_compact_code_flag(codec, WEIR_COMPACT_FLAG_UNSYNCHRONISED,
                                *clock != WEIR_BATCH_CLOCK_RIGHT)) {
        *clock = WEIR_BATCH_CLOCK_RIGHT;
        return;
    }
    corrected = weir_compact_code_flag(codec, WEIR_COMPACT_FLAG_CORRECTED, corrected);
    *clock = corrected ? WEIR_BATCH_CLOCK_CORRECTED : WEIR_BATCH_CLOCK_UNSYNCHRONISED;
}

void weir_compact_code_head(struct weir_compact_codec *codec, struct weir_compact_head *head)
{
    uint64_t length = codec->coder.decoding ? 0 : strlen(head->gateway);

    length = weir_compact_code(codec, WEIR_COMPACT_HEAD, HEAD_GATEWAY, length);
    if (length > WEIR_NAME_LENGTH_MAX) {
        codec->coder.failed = true;
        length = 0;
    }
    weir_compact_code_text(codec, head->gateway, (size_t)length);
    head->gateway[length] = '\0';
    head->epoch = weir_coder_raw(&codec->coder, head->epoch, 64);
    head->sequence = weir_compact_code(codec, WEIR_COMPACT_HEAD, HEAD_SEQUENCE, head->sequence);
    head->table = head->sequence - weir_compact_code(codec, WEIR_COMPACT_HEAD, HEAD_TABLE,
                                                     head->sequence - head->table);
    head->created_ms =
        weir_compact_code_signed(codec, WEIR_COMPACT_HEAD, HEAD_CREATED, head->created_ms);
    code_clock(codec, &head->clock);
    code_ranges(codec, head);
    code_ledger(codec, &head->ledger);
}
