#include "command/decode_input.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "command/hex.h"
#include "format/compact.h"

/* Read at once. */
#define READ_SIZE 65536

/* Of a compact batch with its frame. */
#define LENGTH_MAX (WEIR_COMPACT_BYTES_MAX + WEIR_COMPACT_FRAME_BYTES_MAX)

static const char batch_start[] = "{\"schema\":\"weir.batch/";

void weir_decode_input_init(struct weir_decode_input *input, int fd)
{
    input->offset = 0;
    input->problem = NULL;
    input->fd = fd;
    input->ended = false;
    input->error = 0;
    input->lost = false;
    input->framed = false;
    input->first = 0;
    input->last = 0;
    input->base = 0;
    input->claimed = 0;
    weir_decode_sums_init(&input->sums);
}

/*
 * True when at least `count` bytes are there that have not been taken, reading more if need be.
 * False: the input ends before, cannot be read, or the buffer is too small.
 */
static bool have(struct weir_decode_input *input, size_t count)
{
    while (input->last - input->first < count) {
        size_t room = sizeof(input->bytes) - input->last;
        ssize_t got;

        if (input->ended || input->error != 0 || count > sizeof(input->bytes))
            return false;
        if (room < READ_SIZE && input->first > 0) {
            memmove(input->bytes, input->bytes + input->first, input->last - input->first);
            weir_decode_sums_forget(&input->sums, 0);
            input->base += input->first;
            input->last -= input->first;
            input->first = 0;
            room = sizeof(input->bytes) - input->last;
        }
        got = read(input->fd, input->bytes + input->last, room < READ_SIZE ? room : READ_SIZE);
        if (got > 0)
            input->last += (size_t)got;
        else if (got == 0)
            input->ended = true;
        else if (errno != EINTR)
            input->error = errno;
    }
    return true;
}

/* True when a batch as weir writes it begins `at` bytes on. */
static bool begins_batch(struct weir_decode_input *input, size_t at)
{
    for (size_t i = 0; i < sizeof(batch_start) - 1; i++) {
        if (!have(input, at + i + 1) || input->bytes[input->first + at + i] != batch_start[i])
            return false;
    }
    return true;
}

/* True when a compact batch of a version that is known begins `at` bytes on. */
static bool begins_compact(struct weir_decode_input *input, size_t at)
{
    const char *bytes;

    if (!have(input, at + 3))
        return false;
    bytes = input->bytes + input->first + at;
    return memcmp(bytes, WEIR_COMPACT_MAGIC, 2) == 0 && bytes[2] == WEIR_COMPACT_VERSION;
}

/* Passes over `taken` bytes, or what there is of them; lost: and more, up to where to begin
 * again. */
static enum weir_decode_outcome refuse(struct weir_decode_input *input, size_t taken, bool lost,
                                       const char *problem)
{
    if (taken > input->last - input->first)
        taken = input->last - input->first;
    input->offset = input->base + input->first;
    input->first += taken;
    input->lost = lost;
    input->problem = problem;
    return WEIR_DECODE_BAD;
}

/* Takes the text between brackets that begins here. Whether it is valid is not looked at. */
static enum weir_decode_outcome take_object(struct weir_decode_input *input, const char **text,
                                            size_t *length)
{
    size_t depth = 0;
    bool in_string = false;

    for (size_t at = 0; at < WEIR_DECODE_BATCH_MAX; at++) {
        char c;

        if (!have(input, at + 1))
            return refuse(input, at, false, "cut off: the input ends within it");
        c = input->bytes[input->first + at];
        if (at > 0 && ((c == '{' && begins_batch(input, at)) ||
                       (c == WEIR_COMPACT_MAGIC[0] && begins_compact(input, at))))
            return refuse(input, at, false, "cut off: the next batch begins within it");
        if (in_string) {
            if (c == '\n')
                return refuse(input, at, true, "cut off: a line ends within a string");
            at += c == '\\';
            in_string = c != '"';
            continue;
        }
        in_string = c == '"';
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        if (depth > 0)
            continue;
        *text = input->bytes + input->first;
        *length = at + 1;
        input->offset = input->base + input->first;
        input->first += at + 1;
        return WEIR_DECODE_BATCH;
    }
    return refuse(input, WEIR_DECODE_BATCH_MAX, true, "longer than 4 MiB");
}

/* True when the bytes here lie within what a batch that was refused claimed. */
static bool is_claimed(const struct weir_decode_input *input)
{
    return input->base + input->first < input->claimed;
}

/* True when a compact batch begins here and has its checksum. */
static bool is_whole(struct weir_decode_input *input)
{
    const unsigned char *sum;
    size_t length;
    size_t end;

    if (!have(input, WEIR_COMPACT_FRAME_BYTES_MAX))
        return false;
    length = weir_compact_frame(input->bytes + input->first, input->last - input->first);
    if (length == 0 || !have(input, length))
        return false;
    end = input->first + length - sizeof(uint32_t);
    sum = (const unsigned char *)input->bytes + end;
    return weir_decode_sums_find(&input->sums, input->bytes, input->first, end) ==
           ((uint32_t)sum[0] | (uint32_t)sum[1] << 8 | (uint32_t)sum[2] << 16 |
            (uint32_t)sum[3] << 24);
}

/* As refuse, for a compact batch that says to be this long; 0: longer than any is. */
static enum weir_decode_outcome refuse_compact(struct weir_decode_input *input, size_t length,
                                               const char *problem)
{
    uint64_t end = input->base + input->first + (length > 0 ? length : LENGTH_MAX);

    if (input->claimed < end)
        input->claimed = end;
    return refuse(input, 1, true, problem);
}

/* Takes a compact batch. One that is damaged may lie about its length: what follows is looked
 * through for the next. */
static enum weir_decode_outcome take_compact(struct weir_decode_input *input, const char **text,
                                             size_t *length)
{
    const char *problem;

    input->framed = true;
    if (!have(input, WEIR_COMPACT_FRAME_BYTES_MAX))
        return refuse_compact(input, 0, "cut off: the input ends within it");
    *length = weir_compact_frame(input->bytes + input->first, input->last - input->first);
    if (*length > 0 && !have(input, *length))
        return refuse_compact(input, *length, "cut off: the input ends within it");
    *text = input->bytes + input->first;
    problem = is_whole(input) ? weir_compact_check(*text, *length)
                              : "damaged: its length or its checksum is not right";
    if (problem)
        return refuse_compact(input, *length, problem);
    input->framed = false;
    input->offset = input->base + input->first;
    input->first += *length;
    return WEIR_DECODE_BATCH;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Takes a line of hexadecimal digits, which stand for a batch. */
static enum weir_decode_outcome take_hex(struct weir_decode_input *input, const char **text,
                                         size_t *length)
{
    size_t count = 0;
    char *bytes;

    while (count < WEIR_DECODE_BATCH_MAX && have(input, count + 1) &&
           weir_hex_digit(input->bytes[input->first + count]) >= 0)
        count++;
    if (count == WEIR_DECODE_BATCH_MAX)
        return refuse(input, count, true, "longer than 4 MiB");
    if (count % 2 != 0 || (have(input, count + 1) && !is_blank(input->bytes[input->first + count])))
        return refuse(input, count, true, "neither a batch nor hexadecimal digits");
    bytes = input->bytes + input->first;
    for (size_t i = 0; i < count / 2; i++)
        bytes[i] = weir_hex_byte(bytes + 2 * i);
    weir_decode_sums_forget(&input->sums, input->first);
    *text = bytes;
    *length = count / 2;
    input->offset = input->base + input->first;
    input->first += count;
    return WEIR_DECODE_BATCH;
}

/* Goes on to the next line, or to the next batch that weir wrote. */
static void find_start(struct weir_decode_input *input)
{
    while (have(input, 1)) {
        char c = input->bytes[input->first];

        if ((c == '\n' && !input->framed) || (c == '{' && begins_batch(input, 0)) ||
            (begins_compact(input, 0) && (!is_claimed(input) || is_whole(input))))
            break;
        input->first++;
    }
    input->lost = false;
    input->framed = false;
}

enum weir_decode_outcome weir_decode_input_next(struct weir_decode_input *input, const char **text,
                                                size_t *length)
{
    char c;

    if (input->lost)
        find_start(input);
    while (have(input, 1) && is_blank(input->bytes[input->first]))
        input->first++;
    if (!have(input, 1)) {
        input->problem = strerror(input->error);
        return input->error != 0 ? WEIR_DECODE_FAILED : WEIR_DECODE_END;
    }
    c = input->bytes[input->first];
    if (c == '{')
        return take_object(input, text, length);
    if (c == WEIR_COMPACT_MAGIC[0])
        return take_compact(input, text, length);
    if (weir_hex_digit(c) >= 0)
        return take_hex(input, text, length);
    return refuse(input, 0, true, "neither a batch nor hexadecimal digits");
}
