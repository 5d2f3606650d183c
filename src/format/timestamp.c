#include "format/timestamp.h"

#include "format/number.h"

/* The longest ISO 8601 text that escapes are resolved for. */
#define ISO_LENGTH_MAX 64

#define DAY_MS 86400000LL

struct cursor {
    const char *text;
    const char *end;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Takes exactly `count` digits. */
static bool take_digits(struct cursor *cursor, int count, int *value)
{
    if (cursor->end - cursor->text < count)
        return false;
    *value = 0;
    for (; count > 0; count--) {
        if (!is_digit(*cursor->text))
            return false;
        *value = *value * 10 + (*cursor->text++ - '0');
    }
    return true;
}

/* Takes one byte if it is one of the two. */
static bool take_either(struct cursor *cursor, char first, char second)
{
    if (cursor->text == cursor->end || (*cursor->text != first && *cursor->text != second))
        return false;
    cursor->text++;
    return true;
}

static bool is_leap_year(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int month_length(int year, int month)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return lengths[month - 1] + (month == 2 && is_leap_year(year));
}

/* Days from the year 0 to the first of a year's month; years are 0 to 9999. */
static int64_t count_days(int year, int month)
{
    int before = year - 1;
    int64_t days = 0;

    if (year > 0)
        days = 366 + before * 365LL + before / 4 - before / 100 + before / 400;
    for (int i = 1; i < month; i++)
        days += month_length(year, i);
    return days;
}

static bool take_date(struct cursor *cursor, int64_t *date_ms)
{
    int year;
    int month;
    int day;

    if (!take_digits(cursor, 4, &year) || !take_either(cursor, '-', '-') ||
        !take_digits(cursor, 2, &month) || !take_either(cursor, '-', '-') ||
        !take_digits(cursor, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > month_length(year, month))
        return false;
    *date_ms = (count_days(year, month) + day - 1 - count_days(1970, 1)) * DAY_MS;
    return true;
}

static bool take_fraction(struct cursor *cursor, int *ms)
{
    int scale = 100;

    *ms = 0;
    if (!take_either(cursor, '.', ','))
        return true;
    if (cursor->text == cursor->end || !is_digit(*cursor->text))
        return false;
    while (cursor->text < cursor->end && is_digit(*cursor->text)) {
        *ms += (*cursor->text++ - '0') * scale;
        scale /= 10;
    }
    return true;
}

static bool take_clock(struct cursor *cursor, int64_t *clock_ms)
{
    int hour;
    int minute;
    int second;
    int ms;

    if (!take_digits(cursor, 2, &hour) || !take_either(cursor, ':', ':') ||
        !take_digits(cursor, 2, &minute) || !take_either(cursor, ':', ':') ||
        !take_digits(cursor, 2, &second) || !take_fraction(cursor, &ms))
        return false;
    if (hour > 23 || minute > 59 || second > 60)
        return false;
    *clock_ms = ((hour * 60LL + minute) * 60 + second) * 1000 + ms;
    return true;
}

static bool take_zone(struct cursor *cursor, int64_t *offset_ms)
{
    bool utc = take_either(cursor, 'Z', 'z');
    int minute = 0;
    int sign;
    int hour;

    *offset_ms = 0;
    if (utc && cursor->text == cursor->end)
        return true;
    sign = cursor->text < cursor->end && *cursor->text == '-' ? -1 : 1;
    if (!take_either(cursor, '+', '-') || !take_digits(cursor, 2, &hour))
        return false;
    if (cursor->text < cursor->end) {
        take_either(cursor, ':', ':');
        if (!take_digits(cursor, 2, &minute))
            return false;
    }
    if (hour > 23 || minute > 59)
        return false;
    *offset_ms = sign * (hour * 60LL + minute) * 60000;
    return true;
}

bool weir_timestamp_parse(const char *text, size_t length, int64_t *time_ms)
{
    struct cursor cursor = {text, text};
    int64_t offset_ms;
    int64_t clock_ms;
    int64_t date_ms;
    int64_t ms;

    if (length == 0)
        return false;
    cursor.end += length;
    if (!take_date(&cursor, &date_ms))
        return false;
    if (!take_either(&cursor, 'T', 't') && !take_either(&cursor, ' ', ' '))
        return false;
    if (!take_clock(&cursor, &clock_ms) || !take_zone(&cursor, &offset_ms))
        return false;
    ms = date_ms + clock_ms - offset_ms;
    if (cursor.text != cursor.end || ms < 0 || ms > WEIR_TIMESTAMP_MS_MAX)
        return false;
    *time_ms = ms;
    return true;
}

/* The time a decimal states, in units of 10^scale milliseconds. */
static bool read_decimal(const struct weir_decimal *decimal, int scale, int64_t *time_ms)
{
    int64_t exponent = (int64_t)decimal->exponent + scale;
    uint64_t ms = decimal->mantissa;

    if (decimal->negative && ms != 0)
        return false;
    /* Digits left out of the mantissa stand behind at least 19 others: they never reach a time in
     * range. */
    for (; exponent > 0 && ms != 0; exponent--) {
        if (ms > WEIR_TIMESTAMP_MS_MAX)
            return false;
        ms *= 10;
    }
    for (; exponent < 0 && ms != 0; exponent++)
        ms /= 10;
    if (ms > WEIR_TIMESTAMP_MS_MAX)
        return false;
    *time_ms = (int64_t)ms;
    return true;
}

static bool read_number(const struct weir_json_value *value, int scale, int64_t *time_ms)
{
    char buffer[WEIR_NUMBER_TEXT_LENGTH_MAX];
    struct weir_decimal decimal;
    const char *text = value->text;
    ptrdiff_t length = (ptrdiff_t)value->length;

    if (value->kind == WEIR_JSON_NUMBER)
        return weir_decimal_scan(text, text + length, &decimal) &&
               read_decimal(&decimal, scale, time_ms);
    if (value->kind != WEIR_JSON_STRING)
        return false;
    if (value->escaped) {
        length = weir_json_unescape(value, buffer, sizeof(buffer));
        text = buffer;
    }
    return length >= 0 && weir_decimal_parse(text, (size_t)length, &decimal) &&
           read_decimal(&decimal, scale, time_ms);
}

static bool read_iso8601(const struct weir_json_value *value, int64_t *time_ms)
{
    char buffer[ISO_LENGTH_MAX];
    ptrdiff_t length;

    if (value->kind != WEIR_JSON_STRING)
        return false;
    if (!value->escaped)
        return weir_timestamp_parse(value->text, value->length, time_ms);
    length = weir_json_unescape(value, buffer, sizeof(buffer));
    return length >= 0 && weir_timestamp_parse(buffer, (size_t)length, time_ms);
}

/*
 * Milliseconds of at most 15 digits need no second look at the text: their double lies on the same
 * side of every whole number as they do, so cutting it off cuts them off.
 */
static inline bool read_short(const struct weir_json_value *value, int64_t *time_ms)
{
    if (value->kind != WEIR_JSON_NUMBER || value->length > 15 || !(value->number >= 0) ||
        value->number > (double)WEIR_TIMESTAMP_MS_MAX)
        return false;
    *time_ms = (int64_t)value->number;
    return true;
}

bool weir_timestamp_read(const struct weir_json_value *value, enum weir_time_unit unit,
                         int64_t *time_ms)
{
    if (unit == WEIR_TIME_MS && read_short(value, time_ms))
        return true;
    switch (unit) {
    case WEIR_TIME_S:
        return read_number(value, 3, time_ms);
    case WEIR_TIME_MS:
        return read_number(value, 0, time_ms);
    case WEIR_TIME_US:
        return read_number(value, -3, time_ms);
    case WEIR_TIME_NS:
        return read_number(value, -6, time_ms);
    case WEIR_TIME_ISO8601:
        return read_iso8601(value, time_ms);
    case WEIR_TIME_ARRIVAL:
        break;
    }
    return false;
}
