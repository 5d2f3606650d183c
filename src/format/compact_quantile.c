#include "format/compact_steps.h"

/* A context of WEIR_COMPACT_DOUBLE, and the first of WEIR_COMPACT_SPAN that are about quantiles. */
#define DOUBLE_QUANTILE 15
#define SPAN_QUANTILE 1

/* True when the value is on the grid, in what is left of the range; *apart is how far from its
 * beginning. */
static bool find_apart(const struct weir_compact_track *track, int64_t from, double value,
                       int64_t *apart)
{
    if (!weir_compact_find_steps(&track->grid, value, apart))
        return false;
    *apart -= track->low + from;
    return *apart >= 0 && *apart <= track->range - from;
}

/* A quantile as steps from the one before. */
static int64_t code_apart(struct weir_compact_codec *codec, int64_t rest, int64_t apart)
{
    uint32_t level = weir_compact_level((uint64_t)rest);
    uint64_t read = weir_compact_code_about(codec, WEIR_COMPACT_SPAN,
                                            SPAN_QUANTILE + (level < WEIR_COMPACT_CONTEXT_COUNT - 2
                                                                 ? level
                                                                 : WEIR_COMPACT_CONTEXT_COUNT - 2),
                                            level < 2 ? 0 : level - 2, (uint64_t)apart);

    if (read > (uint64_t)rest) {
        codec->coder.failed = true;
        return 0;
    }
    return (int64_t)read;
}

void weir_compact_code_quantiles(struct weir_compact_rows *rows, struct weir_compact_track *track,
                                 struct weir_compact_row *row)
{
    struct weir_compact_codec *codec = &rows->codec;
    double before = row->summary.min;
    int64_t from = 0;

    row->has_quantiles =
        weir_compact_code_flag(codec, WEIR_COMPACT_FLAG_QUANTILES, row->has_quantiles);
    if (!row->has_quantiles)
        return;
    for (uint32_t i = 0; i < rows->streams[track->slot].quantile_count; i++) {
        double *quantile = &row->quantiles[i];
        int64_t apart = 0;
        bool off = track->raw;

        if (!track->raw)
            off = weir_compact_code_flag(codec, WEIR_COMPACT_FLAG_QUANTILE_OFF,
                                         !codec->coder.decoding &&
                                             !find_apart(track, from, *quantile, &apart));
        if (off) {
            *quantile = weir_compact_code_double(codec, DOUBLE_QUANTILE, *quantile, before);
        } else {
            from += code_apart(codec, track->range - from, apart);
            *quantile = weir_compact_at(&track->grid, track->low + from);
        }
        before = *quantile;
    }
}
