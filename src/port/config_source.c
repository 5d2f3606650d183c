#include "port/config_source.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "port/config_value.h"

static enum weir_status check_bytes(const struct weir_source *source,
                                    struct weir_problems *problems)
{
    const char *text = source->text;
    struct weir_place place = source->file;
    size_t line_offset = 0;
    size_t length;

    place.line = 1;
    for (size_t i = 0; i < source->length; i += length) {
        length = weir_value_sequence_length(text + i, source->length - i);
        if (length == 0 || text[i] == '\0') {
            place.column = (uint32_t)(i - line_offset + 1);
            weir_problem_add(problems, place, "byte 0x%02x; expected text in UTF-8%s",
                             (unsigned)(unsigned char)text[i],
                             text[i] == '\0' ? " without NUL" : "");
            return WEIR_REFUSED;
        }
        if (text[i] == '\n') {
            place.line++;
            line_offset = i + 1;
        }
    }
    return WEIR_OK;
}

/* Gives every setting of the tree its node: both are in the order of the text. The root has the
 * source itself. */
static void attach_nodes(struct weir_source *source)
{
    struct weir_scan_node *nodes = source->scan.nodes;
    uint32_t used = 1;
    unsigned depth = 0;
    struct {
        config_setting_t *setting;
        int next;
    } stack[WEIR_SCAN_DEPTH_MAX + 1];

    stack[0].setting = weir_source_root(source);
    stack[0].next = 0;
    config_setting_set_hook(stack[0].setting, source);
    for (;;) {
        config_setting_t *setting = stack[depth].setting;
        config_setting_t *child;

        if (stack[depth].next == config_setting_length(setting)) {
            if (depth == 0)
                break;
            depth--;
            continue;
        }
        child = config_setting_get_elem(setting, (unsigned)stack[depth].next++);
        assert(used < source->scan.node_count);
        config_setting_set_hook(child, &nodes[used++]);
        if (config_setting_is_aggregate(child)) {
            assert(depth < WEIR_SCAN_DEPTH_MAX);
            depth++;
            stack[depth].setting = child;
            stack[depth].next = 0;
        }
    }
    assert(used == source->scan.node_count);
}

/* The text is complete; it gets a line feed, without which libconfig refuses a comment at the end.
 * */
static enum weir_status parse_text(struct weir_source *source, struct weir_problems *problems)
{
    struct weir_place place = source->file;

    if (source->length >= 3 && memcmp(source->text, "\xef\xbb\xbf", 3) == 0) {
        source->length -= 3;
        memmove(source->text, source->text + 3, source->length);
    }
    source->text[source->length] = '\n';
    source->text[source->length + 1] = '\0';
    if (check_bytes(source, problems) != WEIR_OK)
        return WEIR_REFUSED;
    if (weir_scan_text(&source->scan, source->text, source->length, source->file, problems) !=
        WEIR_OK)
        return WEIR_REFUSED;
    if (!config_read_string(&source->config, source->text)) {
        int line = config_error_line(&source->config);

        place.line = line > 0 ? (uint32_t)line : 1;
        place.column = 1;
        weir_problem_add(problems, place, "%s", config_error_text(&source->config));
        return WEIR_REFUSED;
    }
    attach_nodes(source);
    return WEIR_OK;
}

/* WEIR_REFUSED: out of memory, and said so. */
static enum weir_status init_source(struct weir_source *source, const char *name, uint32_t order,
                                    size_t size, struct weir_problems *problems)
{
    *source = (struct weir_source){0};
    config_init(&source->config);
    source->name = strdup(name);
    source->text = malloc(size + 2);
    source->file = (struct weir_place){.file = source->name, .file_order = order};
    if (source->name && source->text)
        return WEIR_OK;
    weir_problem_add(problems, (struct weir_place){.file = "configuration"}, "out of memory");
    return WEIR_REFUSED;
}

enum weir_status weir_source_load(struct weir_source *source, const char *name, uint32_t order,
                                  struct weir_problems *problems)
{
    enum weir_status status = WEIR_REFUSED;
    char *shrunk;
    FILE *stream;

    if (init_source(source, name, order, WEIR_SOURCE_BYTES_MAX + 1, problems) != WEIR_OK)
        return WEIR_REFUSED;
    stream = fopen(name, "re");
    if (!stream) {
        weir_problem_add(problems, source->file, "cannot open: %s", strerror(errno));
        return WEIR_REFUSED;
    }
    source->length = fread(source->text, 1, WEIR_SOURCE_BYTES_MAX + 1, stream);
    if (ferror(stream))
        weir_problem_add(problems, source->file, "cannot read: %s", strerror(errno));
    else if (source->length > WEIR_SOURCE_BYTES_MAX)
        weir_problem_add(problems, source->file, "too long; expected at most 1 MiB");
    else
        status = WEIR_OK;
    (void)fclose(stream);
    if (status != WEIR_OK)
        return status;
    shrunk = realloc(source->text, source->length + 2);
    if (shrunk)
        source->text = shrunk;
    return parse_text(source, problems);
}

enum weir_status weir_source_parse(struct weir_source *source, const char *name, const char *text,
                                   size_t length, struct weir_problems *problems)
{
    if (init_source(source, name, 0, length, problems) != WEIR_OK)
        return WEIR_REFUSED;
    if (length > WEIR_SOURCE_BYTES_MAX) {
        weir_problem_add(problems, source->file, "too long; expected at most 1 MiB");
        return WEIR_REFUSED;
    }
    memcpy(source->text, text, length);
    source->length = length;
    return parse_text(source, problems);
}

void weir_source_release(struct weir_source *source)
{
    config_destroy(&source->config);
    weir_scan_release(&source->scan);
    free(source->text);
    free(source->name);
}

config_setting_t *weir_source_root(const struct weir_source *source)
{
    return config_root_setting(&source->config);
}

static const struct weir_source *source_of(const config_setting_t *setting)
{
    while (!config_setting_is_root(setting))
        setting = config_setting_parent(setting);
    return config_setting_get_hook(setting);
}

static const struct weir_scan_node *node_of(const config_setting_t *setting)
{
    if (config_setting_is_root(setting))
        return source_of(setting)->scan.nodes;
    return config_setting_get_hook(setting);
}

struct weir_place weir_source_place(const config_setting_t *setting)
{
    struct weir_place place = source_of(setting)->file;

    place.line = node_of(setting)->line;
    place.column = node_of(setting)->column;
    return place;
}

struct weir_place weir_source_value_place(const config_setting_t *setting)
{
    struct weir_place place = source_of(setting)->file;

    place.line = node_of(setting)->value_line;
    place.column = node_of(setting)->value_column;
    return place;
}

const char *weir_source_value(const config_setting_t *setting, size_t *length)
{
    const struct weir_scan_node *node = node_of(setting);

    *length = node->value_length;
    return source_of(setting)->text + node->value_offset;
}
