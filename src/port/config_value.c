#include "port/config_value.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/filter.h"
#include "format/number.h"
#include "weir/config.h"
#include "weir/limits.h"

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit duration_units[] = {
    {"d", 24 * 3600 * 1000}, {"h", 3600 * 1000}, {"m", 60 * 1000}, {"s", 1000}, {"ms", 1},
};

static const struct unit size_units[] = {
    {"GiB", 1024 * 1024 * 1024},
    {"MiB", 1024 * 1024},
    {"KiB", 1024},
    {"B", 1},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A whole number and a unit behind it, at most INT64_MAX in all. */
static bool read_quantity(const char *text, const struct unit *units, size_t unit_count,
                          uint64_t *quantity)
{
    uint64_t number = 0;

    if (!isdigit((unsigned char)*text))
        return false;
    for (; isdigit((unsigned char)*text); text++) {
        if (number > (uint64_t)INT64_MAX / 10 - 1)
            return false;
        number = number * 10 + (unsigned)(*text - '0');
    }
    for (size_t i = 0; i < unit_count; i++) {
        if (strcmp(text, units[i].name) != 0)
            continue;
        if (number > (uint64_t)INT64_MAX / units[i].factor)
            return false;
        *quantity = number * units[i].factor;
        return true;
    }
    return false;
}

bool weir_value_duration(const char *text, int64_t *ms)
{
    uint64_t quantity = 0;

    if (strcmp(text, "0") != 0 &&
        !read_quantity(text, duration_units, COUNT(duration_units), &quantity))
        return false;
    *ms = (int64_t)quantity;
    return true;
}

bool weir_value_size(const char *text, uint64_t *bytes)
{
    return read_quantity(text, size_units, COUNT(size_units), bytes);
}

const char *weir_value_read_slope(const char *text, struct weir_slope_limit *slope)
{
    static const int64_t units_ms[] = {1000, 60000, 3600000, 86400000};
    size_t length = strspn(text, "0123456789+-.eE");

    if (length == 0 || !weir_value_double(text, length, &slope->number))
        return "a number, a / and a unit of time (s, min, h or d), such as \"2.0/min\"";
    if (text[length] != '/')
        return "the unit of time behind the number (s, min, h or d), such as \"2.0/min\"";
    if (strcmp(text + length, "/m") == 0)
        return "\"/min\" for minutes, which \"/m\" does not say";
    if (slope->number == 0)
        return "a slope other than 0, whose sign says the direction";
    for (size_t i = 0; i < COUNT(units_ms); i++) {
        slope->unit_ms = units_ms[i];
        if (strcmp(text + length + 1, weir_slope_unit_name(units_ms[i])) == 0)
            return NULL;
    }
    return "s, min, h or d behind the /, such as \"2.0/min\"";
}

static void print_quantity(char *out, uint64_t quantity, const struct unit *units, size_t count)
{
    size_t i = 0;

    while (i + 1 < count && (quantity == 0 || quantity % units[i].factor != 0))
        i++;
    (void)snprintf(out, 32, "%" PRIu64 "%s", quantity / units[i].factor, units[i].name);
}

/* "05:00", with 24:00 as the end of the day. */
static bool clock_of(const char *text, int32_t *ms)
{
    int minutes;

    for (int i = 0; i < 5; i++) {
        if (i == 2 ? text[i] != ':' : text[i] < '0' || text[i] > '9')
            return false;
    }
    minutes = (text[0] - '0') * 600 + (text[1] - '0') * 60 + (text[3] - '0') * 10 + text[4] - '0';
    *ms = minutes * 60000;
    return text[3] < '6' && minutes <= 24 * 60;
}

bool weir_value_hours(const char *text, int32_t *from_ms, int32_t *to_ms)
{
    return strlen(text) == 11 && text[5] == '-' && clock_of(text, from_ms) &&
           clock_of(text + 6, to_ms) && *from_ms != *to_ms && *from_ms < 24 * 3600000;
}

void weir_value_print_duration(char *out, int64_t ms)
{
    print_quantity(out, (uint64_t)ms, duration_units, COUNT(duration_units));
}

void weir_value_print_size(char *out, uint64_t bytes)
{
    print_quantity(out, bytes, size_units, COUNT(size_units));
}

bool weir_value_integer(const char *text, size_t length, int64_t *number)
{
    bool hexadecimal = length > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    char buffer[40];
    char *end;
    long long value;

    while (length > 0 && text[length - 1] == 'L')
        length--;
    if (length == 0 || length >= sizeof(buffer))
        return false;
    memcpy(buffer, text, length);
    buffer[length] = '\0';
    errno = 0;
    value = strtoll(buffer, &end, hexadecimal ? 16 : 10);
    if (errno != 0 || *end != '\0')
        return false;
    *number = value;
    return true;
}

bool weir_value_double(const char *text, size_t length, double *number)
{
    int64_t integer;

    if (weir_value_integer(text, length, &integer)) {
        *number = (double)integer;
        return true;
    }
    return weir_number_parse(text, length, number);
}

bool weir_value_is_name(const char *text)
{
    size_t length = strlen(text);
    bool solid = false;

    if (length > WEIR_NAME_LENGTH_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c >= 0x80 || (!isalnum(c) && !strchr("-_.", c)))
            return false;
        solid = solid || c != '.';
    }
    return solid;
}

size_t weir_value_sequence_length(const char *text, size_t left)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *bytes = (const unsigned char *)text;
    size_t length = bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
    uint32_t code;

    if (bytes[0] < 0x80)
        return 1;
    if (bytes[0] < 0xc0 || bytes[0] > 0xf4 || length > left)
        return 0;
    code = bytes[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (bytes[i] & 0x3f);
    }
    if (code < smallest[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return 0;
    return length;
}

bool weir_value_is_text(const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        size_t length = weir_value_sequence_length(text, left);

        if (length == 0 || (unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
        text += length;
        left -= length;
    }
    return true;
}

static bool is_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    long port = digits <= 5 ? strtol(text, NULL, 10) : 0;

    return text[digits] == '\0' && port >= 1 && port <= 65535;
}

const char *weir_value_check_url(const char *text)
{
    static const char *const schemes[] = {"mqtt://", "mqtts://", "ws://", "wss://"};
    const char *host = NULL;
    const char *path;
    char authority[256];
    size_t length;
    char *port;

    for (size_t i = 0; i < COUNT(schemes); i++) {
        if (strncmp(text, schemes[i], strlen(schemes[i])) == 0)
            host = text + strlen(schemes[i]);
    }
    if (!host)
        return "mqtt://, mqtts://, ws:// or wss:// and a host";
    path = strchr(host, '/');
    length = path ? (size_t)(path - host) : strlen(host);
    if (length == 0 || length >= sizeof(authority))
        return "a host behind the scheme";
    if (path && path[1] != '\0' && text[0] == 'm')
        return "no path behind the host, which only ws:// and wss:// have";
    memcpy(authority, host, length);
    authority[length] = '\0';
    if (strchr(authority, '@'))
        return "no user in the address; 'username' and 'password_file' are settings of their own";
    if (strpbrk(text, " ?#"))
        return "an address without blanks, '?' and '#'";
    port = authority;
    if (authority[0] == '[') {
        port = strchr(authority, ']');
        if (!port || port == authority + 1 || (port[1] != '\0' && port[1] != ':'))
            return "an IPv6 address between [ and ]";
    }
    port = strchr(port, ':');
    if (port == authority)
        return "a host behind the scheme";
    if (port && !is_port(port + 1))
        return "a port from 1 to 65535";
    return NULL;
}

/* One level of a filter; labels of the levels before start at `text`. */
static const char *check_level(const char *text, const char *level, size_t length, bool last)
{
    if (memchr(level, '#', length) && (length > 1 || !last))
        return "# to stand alone as the last level";
    if (memchr(level, '+', length) && length > 1)
        return "+ to take a whole level";
    if (!memchr(level, '{', length) && !memchr(level, '}', length))
        return NULL;
    if (length < 2 || level[0] != '{' || level[length - 1] != '}')
        return "a {label} to take a whole level";
    if (length == 2 || length - 2 > WEIR_NAME_LENGTH_MAX)
        return "a {label} to have a name of 1 to 63 bytes";
    for (size_t i = 1; i < length - 1; i++) {
        unsigned char c = (unsigned char)level[i];

        if (c >= 0x80 || (!isalnum(c) && c != '_'))
            return "a {label} to be of letters, digits and _";
    }
    for (const char *other = text; other < level; other++) {
        if (strncmp(other, level, length) == 0)
            return "each {label} of a filter to have a name of its own";
    }
    return NULL;
}

const char *weir_value_check_filter(const char *text)
{
    const char *level = text;
    struct weir_filter filter;

    if (*text == '\0')
        return "at least one level";
    if (!weir_value_is_text(text))
        return "UTF-8 without control characters";
    if (strlen(text) > WEIR_TOPIC_LENGTH_MAX)
        return "at most 512 bytes";
    if (strncmp(text, "$share/", 7) == 0)
        return "no shared subscription, which would lose order and duplicates";
    for (;;) {
        const char *slash = strchr(level, '/');
        size_t length = slash ? (size_t)(slash - level) : strlen(level);
        const char *expected = check_level(text, level, length, !slash);

        if (expected)
            return expected;
        if (!slash)
            break;
        level = slash + 1;
    }
    if (weir_filter_compile(&filter, text) != WEIR_OK)
        return "fewer levels: labels, wildcards and the texts between them may be 32 in all";
    return NULL;
}
