#include <math.h>
#include <string.h>

#include "core/assert.h"
#include "format/compact_steps.h"

#define EXACT_MAX WEIR_SKETCH_EXACT_COUNT_MAX
#define BIN_MAX WEIR_SKETCH_BIN_COUNT_MAX

/* Contexts of WEIR_COMPACT_SAMPLE: the form, the length of a plain one, and from there on samples. */
enum { SAMPLE_FORM, SAMPLE_PLAIN, SAMPLE_APART };

/* Samples that are told bin by bin: with fewer than so many no bin takes much. */
#define BIN_SAMPLES_MAX ((uint64_t)1 << 24)

/* A range of so many steps may leave bins without a place in them; a wider one does not. */
#define STEPS_MAX (2 * BIN_MAX)

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* The class of a number. */
static uint32_t class_of(uint64_t value)
{
    return weir_compact_level(value + 1) - 1;
}

/* The samples as steps from low, rising. False: they are not on the grid from end to end. */
static bool place_samples(const struct weir_compact_grid *grid, const struct weir_sketch *sketch,
                          const struct weir_compact_steps *steps, int64_t places[EXACT_MAX])
{
    double sorted[EXACT_MAX];

    weir_sketch_sort(sketch, sorted);
    for (uint64_t i = 0; i < sketch->count; i++) {
        if (!weir_compact_find_steps(grid, sorted[i], &places[i]))
            return false;
        places[i] -= steps->low;
    }
    return places[0] == 0 && places[sketch->count - 1] == steps->range;
}

/* What mean and deviation are expected by. fits: their squares do not overflow. */
static void add_up(const struct weir_compact_grid *grid, const int64_t *places, uint64_t count,
                   bool fits, struct weir_compact_steps *steps)
{
    steps->total = steps->squares = 0;
    for (uint64_t i = 0; fits && i < count; i++) {
        int64_t units = weir_compact_units(grid, steps->low, places[i]);

        steps->total += units;
        steps->squares += units * units;
    }
}

/* The bins that hold a place of the grid; where there are many places, all do. */
static void find_bins(const struct weir_compact_track *track,
                      const struct weir_compact_steps *steps, const struct weir_sketch *sketch,
                      bool anywhere, bool there[BIN_MAX])
{
    bool all = anywhere || track->raw || steps->range >= STEPS_MAX;

    for (int i = 0; i < BIN_MAX; i++)
        there[i] = all && i <= sketch->last - sketch->first;
    for (int64_t at = 0; !all && at <= steps->range; at++) {
        int64_t bin = weir_sketch_find_bin(sketch, weir_compact_at(&track->grid, steps->low + at));

        there[bin - sketch->first] = true;
    }
}

static bool have_ends(const struct weir_summary *summary)
{
    return isfinite(summary->min) && isfinite(summary->max) && summary->min <= summary->max;
}

static enum weir_compact_form choose_bins(const struct weir_compact_track *track,
                                          const struct weir_compact_row *row,
                                          const struct weir_compact_steps *steps)
{
    const struct weir_sketch *sketch = &row->sketch;
    struct weir_sketch laid;
    bool there[BIN_MAX];

    if (sketch->count >= BIN_SAMPLES_MAX || !have_ends(&row->summary))
        return WEIR_COMPACT_FORM_PLAIN;
    weir_sketch_lay_bins(&laid, sketch->count, row->summary.min, row->summary.max);
    if (laid.exponent != sketch->exponent || laid.first != sketch->first ||
        laid.last != sketch->last)
        return WEIR_COMPACT_FORM_PLAIN;
    find_bins(track, steps, sketch, false, there);
    for (int64_t bin = sketch->first; bin <= sketch->last; bin++) {
        if (!there[bin - sketch->first] && weir_sketch_bin_count(sketch, bin) > 0)
            return WEIR_COMPACT_FORM_ANYWHERE;
    }
    return WEIR_COMPACT_FORM_GRID;
}

static enum weir_compact_form choose_form(const struct weir_compact_track *track, uint32_t columns,
                                          const struct weir_compact_row *row,
                                          const struct weir_compact_steps *steps)
{
    struct weir_compact_steps placed = *steps;
    int64_t places[EXACT_MAX];
    bool fits;

    if (!row->has_sketch)
        return WEIR_COMPACT_FORM_NONE;
    assert(row->sketch.count == row->summary.count);
    if (row->sketch.count > EXACT_MAX)
        return choose_bins(track, row, steps);
    if (track->raw || !place_samples(&track->grid, &row->sketch, steps, places))
        return WEIR_COMPACT_FORM_PLAIN;
    fits = weir_compact_moments_fit(&track->grid, row->summary.count, steps->low, steps->range);
    add_up(&track->grid, places, row->summary.count, fits, &placed);
    return weir_compact_is_expected(&track->grid, columns, &row->summary, &placed, fits)
               ? WEIR_COMPACT_FORM_GRID
               : WEIR_COMPACT_FORM_PLAIN;
}

enum weir_compact_form weir_compact_code_form(struct weir_compact_codec *codec,
                                              const struct weir_compact_track *track,
                                              uint32_t columns, struct weir_compact_row *row,
                                              const struct weir_compact_steps *steps)
{
    uint64_t form = codec->coder.decoding ? 0 : choose_form(track, columns, row, steps);

    form = weir_compact_code(codec, WEIR_COMPACT_SAMPLE, SAMPLE_FORM, form);
    if (form > WEIR_COMPACT_FORM_NONE ||
        (row->summary.count <= EXACT_MAX &&
         (form == WEIR_COMPACT_FORM_ANYWHERE || (form == WEIR_COMPACT_FORM_GRID && track->raw)))) {
        codec->coder.failed = true;
        return WEIR_COMPACT_FORM_NONE;
    }
    row->has_sketch = form != WEIR_COMPACT_FORM_NONE;
    return (enum weir_compact_form)form;
}

/* The steps to the next of `left` samples that are not known, in what is left of the range. */
static int64_t code_apart(struct weir_compact_codec *codec, int64_t rest, uint64_t left,
                          int64_t apart)
{
    uint64_t mean = (uint64_t)rest / (left + 1);
    uint32_t level = weir_compact_half_level(4 * (uint64_t)rest / (left + 1));
    uint64_t read;

    if (rest == 0)
        return 0;
    read = weir_compact_code_about(codec, WEIR_COMPACT_SAMPLE,
                                   SAMPLE_APART +
                                       least(level, WEIR_COMPACT_CONTEXT_COUNT - 1 - SAMPLE_APART),
                                   class_of(mean), (uint64_t)apart);
    if (read > (uint64_t)rest) {
        codec->coder.failed = true;
        return 0;
    }
    return (int64_t)read;
}

void weir_compact_code_samples(struct weir_compact_codec *codec,
                               const struct weir_compact_track *track, struct weir_compact_row *row,
                               bool fits, struct weir_compact_steps *steps)
{
    uint64_t count = row->summary.count;
    int64_t places[EXACT_MAX] = {0};

    if (!codec->coder.decoding)
        (void)place_samples(&track->grid, &row->sketch, steps, places);
    for (uint64_t i = 1; i + 1 < count; i++)
        places[i] = places[i - 1] + code_apart(codec, steps->range - places[i - 1], count - 1 - i,
                                               places[i] - places[i - 1]);
    places[count - 1] = steps->range;
    add_up(&track->grid, places, count, fits, steps);
    if (!codec->coder.decoding)
        return;
    row->sketch = (struct weir_sketch){0};
    for (uint64_t i = 0; i < count; i++)
        weir_sketch_accept(&row->sketch, weir_compact_at(&track->grid, steps->low + places[i]));
}

static void code_plain(struct weir_compact_codec *codec, struct weir_compact_row *row)
{
    unsigned char bytes[WEIR_SKETCH_BYTES_MAX] = {0};
    uint64_t length = codec->coder.decoding ? 0 : weir_sketch_write(&row->sketch, bytes);

    length = weir_compact_code(codec, WEIR_COMPACT_SAMPLE, SAMPLE_PLAIN, length);
    if (length > sizeof(bytes)) {
        codec->coder.failed = true;
        return;
    }
    for (uint64_t i = 0; i < length; i++)
        bytes[i] = (unsigned char)weir_coder_raw(&codec->coder, bytes[i], 8);
    if (codec->coder.decoding &&
        (weir_sketch_read(&row->sketch, bytes, (size_t)length) != WEIR_OK ||
         row->sketch.count != row->summary.count))
        codec->coder.failed = true;
}

/* How many samples are in a bin that is not the last, from what the one before it and those that are
 * left let expect. */
static uint64_t code_bin(struct weir_compact_codec *codec, uint64_t guess, uint64_t count)
{
    return weir_compact_code_about(
        codec, WEIR_COMPACT_BIN,
        least(weir_compact_half_level(guess), WEIR_COMPACT_CONTEXT_COUNT - 1), class_of(guess),
        count);
}

static void code_bins(struct weir_compact_codec *codec, const struct weir_compact_track *track,
                      const struct weir_compact_steps *steps, bool anywhere,
                      struct weir_compact_row *row)
{
    uint64_t rest = row->summary.count;
    bool there[BIN_MAX];
    uint64_t before;
    uint64_t left = 0;

    if (rest >= BIN_SAMPLES_MAX || !have_ends(&row->summary)) {
        codec->coder.failed = true;
        return;
    }
    if (codec->coder.decoding)
        weir_sketch_lay_bins(&row->sketch, rest, row->summary.min, row->summary.max);
    find_bins(track, steps, &row->sketch, anywhere, there);
    for (int i = 0; i < BIN_MAX; i++)
        left += there[i];
    before = rest / left;
    for (int64_t bin = row->sketch.first; bin < row->sketch.last; bin++) {
        uint64_t least_count = bin == row->sketch.first;
        uint64_t count = weir_sketch_bin_count(&row->sketch, bin) - least_count;

        if (!there[bin - row->sketch.first])
            continue;
        count = least_count + code_bin(codec, (2 * before + rest / left) / 3, count);
        if (count >= rest) {
            codec->coder.failed = true;
            return;
        }
        weir_sketch_fill_bin(&row->sketch, bin, count);
        rest -= count;
        before = count;
        left--;
    }
    weir_sketch_fill_bin(&row->sketch, row->sketch.last, rest);
}

void weir_compact_code_sketch(struct weir_compact_codec *codec,
                              const struct weir_compact_track *track,
                              const struct weir_compact_steps *steps, enum weir_compact_form form,
                              struct weir_compact_row *row)
{
    if (form == WEIR_COMPACT_FORM_PLAIN)
        code_plain(codec, row);
    else if (form != WEIR_COMPACT_FORM_NONE && row->summary.count > EXACT_MAX)
        code_bins(codec, track, steps, form == WEIR_COMPACT_FORM_ANYWHERE, row);
}
