#include "format/sketch_list.h"

#include <string.h>

#include "core/assert.h"

#define HEAD_BYTES 5

static unsigned char *put_short(unsigned char *at, size_t number)
{
    assert(number <= UINT16_MAX);
    *at++ = (unsigned char)number;
    *at++ = (unsigned char)(number >> 8);
    return at;
}

static uint16_t get_short(const unsigned char *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

size_t weir_sketch_list_size(const struct weir_sketch_list_entry *entry)
{
    return HEAD_BYTES + 2 * (size_t)entry->quantile_count + entry->length;
}

size_t weir_sketch_list_put(unsigned char *at, const struct weir_sketch_list_entry *entry)
{
    assert(entry->quantile_count <= WEIR_QUANTILE_COUNT_MAX);
    at = put_short(at, entry->row);
    at = put_short(at, entry->length);
    *at++ = (unsigned char)entry->quantile_count;
    for (uint32_t i = 0; i < entry->quantile_count; i++)
        at = put_short(at, entry->quantiles[i]);
    memcpy(at, entry->bytes, entry->length);
    return weir_sketch_list_size(entry);
}

size_t weir_sketch_list_split(unsigned char *bytes, size_t length, uint32_t row)
{
    size_t front = 0;

    for (size_t at = 0; at < length;) {
        unsigned char *entry = bytes + at;

        at += HEAD_BYTES + get_short(entry + 2) + 2 * (size_t)entry[4];
        if (get_short(entry) < row)
            front = at;
        else
            (void)put_short(entry, get_short(entry) - row);
    }
    return front;
}

void weir_sketch_list_open(struct weir_sketch_list *list, const unsigned char *bytes, size_t length)
{
    list->damaged = false;
    list->at = bytes;
    list->end = bytes + length;
}

/* Quantiles as they have to be: so many of them, from 1 to 999, rising. */
static bool read_quantiles(struct weir_sketch_list *list, const unsigned char *at, uint32_t count)
{
    uint16_t newest = 0;

    for (uint32_t i = 0; i < count; i++) {
        list->quantiles[i] = get_short(at + 2 * (size_t)i);
        if (list->quantiles[i] <= newest || list->quantiles[i] > 999)
            return false;
        newest = list->quantiles[i];
    }
    return true;
}

bool weir_sketch_list_take(struct weir_sketch_list *list, uint32_t row,
                           struct weir_sketch_list_entry *entry)
{
    size_t left = (size_t)(list->end - list->at);

    if (list->damaged || left == 0 || (left >= HEAD_BYTES && get_short(list->at) > row))
        return false;
    *entry = (struct weir_sketch_list_entry){.row = row, .quantiles = list->quantiles};
    if (left >= HEAD_BYTES) {
        entry->length = get_short(list->at + 2);
        entry->quantile_count = list->at[4];
    }
    if (left < HEAD_BYTES || get_short(list->at) < row ||
        entry->quantile_count > WEIR_QUANTILE_COUNT_MAX || weir_sketch_list_size(entry) > left ||
        !read_quantiles(list, list->at + HEAD_BYTES, entry->quantile_count)) {
        list->damaged = true;
        return false;
    }
    entry->bytes = list->at + HEAD_BYTES + 2 * (size_t)entry->quantile_count;
    list->at += weir_sketch_list_size(entry);
    return true;
}

bool weir_sketch_list_finished(const struct weir_sketch_list *list)
{
    return !list->damaged && list->at == list->end;
}
