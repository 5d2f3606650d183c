#include "port/config_check.h"

#include <stdio.h>
#include <string.h>

#include "format/json.h"
#include "port/config_source.h"
#include "port/config_token.h"
#include "port/config_value.h"
#include "port/mqtt_peer.h"

static const config_setting_t *field_setting(const config_setting_t *stream, uint32_t field)
{
    return config_setting_get_elem(config_setting_get_member(stream, "fields"), field);
}

static void check_stream_name(struct weir_draft *draft, uint32_t index)
{
    const struct weir_config *config = draft->config;

    for (uint32_t i = 0; i < index && config->streams[index].name[0] != '\0'; i++) {
        struct weir_place first;

        if (strcmp(config->streams[i].name, config->streams[index].name) != 0)
            continue;
        first = weir_draft_place(draft->streams[i], "name");
        weir_problem_add(draft->problems, weir_draft_place(draft->streams[index], "name"),
                         "the name \"%s\" is taken by the stream at %s:%u; expected another",
                         config->streams[i].name, first.file, (unsigned)first.line);
        return;
    }
}

static void check_time(struct weir_draft *draft, uint32_t index, const char *label)
{
    struct weir_stream_config *stream = &draft->config->streams[index];
    const config_setting_t *setting = draft->streams[index];
    bool number = stream->format == WEIR_PAYLOAD_NUMBER;

    if (stream->max_past_ms == 0)
        stream->max_past_ms = INT64_MAX;
    if (number && weir_draft_has(setting, "time"))
        weir_problem_add(draft->problems, weir_draft_place(setting, "time"),
                         "'time' in %s needs format \"json\"; a bare number carries no time",
                         label);
    if (number && weir_draft_has(setting, "historical"))
        weir_problem_add(draft->problems, weir_draft_place(setting, "historical"),
                         "'historical' in %s needs format \"json\"; a bare number is all there is",
                         label);
}

/* A stream on arrival time has no late samples: its windows close with the clock. */
static void check_arrival_window(struct weir_draft *draft, struct weir_stream_config *stream,
                                 const config_setting_t *window, const char *label)
{
    static const char *const names[] = {"lateness", "idle", "late"};

    for (unsigned i = 0; i < 3; i++) {
        if (!weir_draft_has(window, names[i]) || (i == 0 && stream->lateness_ms == 0) ||
            (i == 2 && !stream->revise))
            continue;
        weir_problem_warn(draft->problems, weir_draft_place(window, names[i]),
                          "'%s' in window of %s has no effect: the stream has no 'time', and "
                          "nothing is late on arrival time",
                          names[i], label);
    }
    stream->lateness_ms = 0;
    stream->idle_ms = 0;
    stream->revise = false;
}

static void check_pane_count(struct weir_draft *draft, const struct weir_stream_config *stream,
                             const config_setting_t *window, const char *label)
{
    const char *name = weir_draft_has(window, "lateness") ? "lateness" : "held";
    uint32_t count = weir_stream_pane_count(stream);

    if (count <= WEIR_PANE_COUNT_MAX)
        return;
    weir_problem_add(draft->problems, weir_draft_place(window, name),
                     "'%s' in window of %s asks for %u windows at once in each series; expected at "
                     "most %u: a shorter lateness, a larger size%s",
                     name, label, (unsigned)count, (unsigned)WEIR_PANE_COUNT_MAX,
                     stream->held_count > 0 ? " or fewer held" : "");
}

static void check_window(struct weir_draft *draft, uint32_t index, const char *label)
{
    struct weir_stream_config *stream = &draft->config->streams[index];
    const config_setting_t *window = config_setting_get_member(draft->streams[index], "window");

    if (stream->time_unit == WEIR_TIME_ARRIVAL)
        check_arrival_window(draft, stream, window, label);
    else if (weir_draft_has(window, "held") && !stream->revise)
        weir_problem_warn(draft->problems, weir_draft_place(window, "held"),
                          "'held' in window of %s has no effect without late = \"revise\"", label);
    if (!stream->revise)
        stream->held_count = 0;
    if (stream->window_ms == 0)
        return;
    if (stream->time_unit != WEIR_TIME_ARRIVAL && stream->idle_ms == 0) {
        stream->idle_ms = stream->window_ms + stream->lateness_ms;
        if (stream->idle_ms < 30000)
            stream->idle_ms = 30000;
    }
    check_pane_count(draft, stream, window, label);
}

static void check_field(struct weir_draft *draft, uint32_t index, uint32_t field,
                        const char *stream_label)
{
    const struct weir_stream_config *stream = &draft->config->streams[index];
    const struct weir_field_config *fields = stream->fields;
    const config_setting_t *setting = field_setting(draft->streams[index], field);
    char label[WEIR_LABEL_SIZE];

    if (!config_setting_is_group(setting))
        return;
    weir_label_write(label, "field", setting, field + 1, stream_label);
    for (uint32_t i = 0; i < field && fields[field].name[0] != '\0'; i++) {
        if (strcmp(fields[i].name, fields[field].name) == 0)
            weir_problem_add(draft->problems, weir_draft_place(setting, "name"),
                             "the name \"%s\" stands twice in %s; expected another",
                             fields[field].name, stream_label);
    }
    if (fields[field].min > fields[field].max)
        weir_problem_add(draft->problems, weir_draft_place(setting, "min"),
                         "'min' in %s is above 'max'; expected at most %.17g", label,
                         fields[field].max);
    if (stream->format == WEIR_PAYLOAD_JSON && !weir_draft_has(setting, "path"))
        weir_problem_add(draft->problems, weir_source_place(setting),
                         "missing setting 'path' in %s; expected a path into the payload, such as "
                         "\"env.temperature\"",
                         label);
    if (stream->format == WEIR_PAYLOAD_NUMBER && weir_draft_has(setting, "path"))
        weir_problem_add(draft->problems, weir_draft_place(setting, "path"),
                         "'path' in %s has no use: format \"number\" takes the whole payload",
                         label);
}

/* The paths of a stream: its fields', its time's, and that of `historical`. */
struct path_list {
    const char *texts[WEIR_JSON_PATH_COUNT_MAX];
    const config_setting_t *settings[WEIR_JSON_PATH_COUNT_MAX];
    size_t count;
};

static void add_path(struct path_list *paths, const char *text, const config_setting_t *group,
                     const char *name)
{
    const config_setting_t *setting = config_setting_get_member(group, name);

    if (!setting || text[0] == '\0')
        return;
    paths->texts[paths->count] = text;
    paths->settings[paths->count++] = setting;
}

static void label_path(char label[static WEIR_LABEL_SIZE], const struct path_list *paths,
                       size_t index, const char *stream_label)
{
    const config_setting_t *setting = paths->settings[index];
    const char *name = config_setting_name(setting);

    if (strcmp(name, "path") == 0)
        weir_label_write(label, "field", config_setting_parent(setting), (unsigned)index + 1,
                         stream_label);
    else
        (void)snprintf(label, WEIR_LABEL_SIZE, "%s%s", strcmp(name, "field") == 0 ? "time of " : "",
                       stream_label);
}

static void refuse_path(struct weir_draft *draft, const struct path_list *paths, size_t bad,
                        const char *stream_label, const char *expected)
{
    const config_setting_t *setting = paths->settings[bad];
    const char *name = config_setting_name(setting);
    char label[WEIR_LABEL_SIZE];
    char shown[64];

    label_path(label, paths, bad, stream_label);
    weir_token_quote(shown, paths->texts[bad], strlen(paths->texts[bad]), '"');
    weir_problem_add(draft->problems, weir_source_value_place(setting),
                     "'%s' in %s is %s; expected %s", name, label, shown, expected);
}

/* Copies "[12]", where text begins so, as "12" with a dot in front of it but at the beginning.
 * Returns the bytes read; 0: it begins otherwise. */
static size_t take_index(const char *text, char *meant, size_t *length)
{
    size_t digits = text[0] == '[' ? strspn(text + 1, "0123456789") : 0;

    if (digits == 0 || text[digits + 1] != ']' || !strchr(".[", text[digits + 2]))
        return 0;
    if (*length > 0)
        meant[(*length)++] = '.';
    memcpy(meant + *length, text + 1, digits);
    *length += digits;
    return digits + 2;
}

/* Writes a path of JSONPath's form in ours. False: it has none of it. Quotes say that a key is
 * really called so. */
static bool translate_path(const char *path, char meant[static WEIR_PATH_LENGTH_MAX + 1])
{
    const char *from = path;
    size_t length = 0;

    if (strchr(path, '"') || strlen(path) > WEIR_PATH_LENGTH_MAX)
        return false;
    if (from[0] == '$' && from[1] != '\0' && strchr(".[", from[1]))
        from += from[1] == '.' ? 2 : 1;
    while (*from != '\0') {
        size_t taken = take_index(from, meant, &length);

        if (taken == 0)
            meant[length++] = *from++;
        from += taken;
    }
    meant[length] = '\0';
    return length > 0 && strcmp(meant, path) != 0;
}

static void warn_of_path(struct weir_draft *draft, const struct path_list *paths, size_t index,
                         const char *stream_label)
{
    const config_setting_t *setting = paths->settings[index];
    char meant[WEIR_PATH_LENGTH_MAX + 1];
    char label[WEIR_LABEL_SIZE];
    char shown[64];

    if (!translate_path(paths->texts[index], meant))
        return;
    label_path(label, paths, index, stream_label);
    weir_token_quote(shown, paths->texts[index], strlen(paths->texts[index]), '"');
    weir_problem_warn(draft->problems, weir_source_value_place(setting),
                      "'%s' in %s is %s, in which $ and [ ] are letters of a key; did you mean "
                      "\"%.100s\"? A key that is called so stands in quotes",
                      config_setting_name(setting), label, shown, meant);
}

static void check_paths(struct weir_draft *draft, struct path_list *paths, const char *label)
{
    struct weir_json_paths compiled;
    size_t bad = 0;
    size_t kept = 0;

    for (size_t i = 0; i < paths->count; i++) {
        if (weir_json_compile(&compiled, &paths->texts[i], 1, WEIR_JSON_DEPTH_MAX, NULL) !=
            WEIR_OK) {
            refuse_path(draft, paths, i, label,
                        "keys and indexes joined by '.', such as \"values.0.t\", at most 16; a key "
                        "that holds a dot in quotes");
            continue;
        }
        warn_of_path(draft, paths, i, label);
        paths->texts[kept] = paths->texts[i];
        paths->settings[kept++] = paths->settings[i];
    }
    paths->count = kept;
    if (weir_json_compile(&compiled, paths->texts, kept, WEIR_JSON_DEPTH_MAX, &bad) == WEIR_OK)
        return;
    for (size_t i = 0; i < bad; i++) {
        const char *pair[] = {paths->texts[i], paths->texts[bad]};

        if (weir_json_compile(&compiled, pair, 2, WEIR_JSON_DEPTH_MAX, NULL) != WEIR_OK) {
            refuse_path(draft, paths, bad, label,
                        "another path: this value of the payload is already read");
            return;
        }
    }
    refuse_path(draft, paths, bad, label,
                "fewer or shorter paths: together they may have 255 steps and 4096 bytes");
}

void weir_check_stream(struct weir_draft *draft, uint32_t index)
{
    struct weir_stream_config *stream = &draft->config->streams[index];
    const config_setting_t *setting = draft->streams[index];
    const config_setting_t *time = config_setting_get_member(setting, "time");
    struct path_list paths = {.count = 0};
    char label[WEIR_LABEL_SIZE];

    weir_label_write(label, "stream", setting, index + 1, NULL);
    check_stream_name(draft, index);
    check_time(draft, index, label);
    check_window(draft, index, label);
    if (stream->format == WEIR_PAYLOAD_NUMBER && stream->field_count > 1)
        weir_problem_add(draft->problems, weir_draft_place(setting, "fields"),
                         "'fields' in %s has %u elements; expected one: with format \"number\" the "
                         "whole payload is the value",
                         label, (unsigned)stream->field_count);
    for (uint32_t i = 0; i < stream->field_count; i++) {
        check_field(draft, index, i, label);
        if (stream->format == WEIR_PAYLOAD_JSON)
            add_path(&paths, stream->fields[i].path, field_setting(setting, i), "path");
    }
    if (stream->time_unit != WEIR_TIME_ARRIVAL && time)
        add_path(&paths, stream->time_path, time, "field");
    if (stream->format == WEIR_PAYLOAD_JSON)
        add_path(&paths, stream->historical_path, setting, "historical");
    check_paths(draft, &paths, label);
}

static void require_beside(struct weir_draft *draft, const config_setting_t *setting,
                           const char *name, const char *other, const char *where)
{
    if (weir_draft_has(setting, name) && !weir_draft_has(setting, other))
        weir_problem_add(draft->problems, weir_draft_place(setting, name),
                         "'%s' %s stands alone; expected '%s' beside it", name, where, other);
}

/* The rights of the reader count: who checks should be who runs. */
static void check_password(struct weir_draft *draft, const struct weir_peer_config *peer,
                           const config_setting_t *setting)
{
    struct weir_mqtt_peer reader = {.config = *peer};
    struct weir_mqtt_password password;
    char problem[WEIR_MQTT_PROBLEM_SIZE];

    if (!weir_mqtt_peer_read_password(&reader, &password, problem))
        weir_problem_add(draft->problems, weir_draft_place(setting, "password_file"), "%s",
                         problem);
    explicit_bzero(&password, sizeof(password));
}

void weir_check_peer(struct weir_draft *draft, const struct weir_peer_config *peer,
                     const config_setting_t *setting, const char *where)
{
    static const char *const files[] = {"ca_file", "cert_file", "key_file"};
    bool secure = strncmp(peer->url, "mqtts:", 6) == 0 || strncmp(peer->url, "wss:", 4) == 0;

    require_beside(draft, setting, "cert_file", "key_file", where);
    require_beside(draft, setting, "key_file", "cert_file", where);
    require_beside(draft, setting, "password_file", "username", where);
    if (draft->connects)
        check_password(draft, peer, setting);
    for (unsigned i = 0; i < 3; i++) {
        if (weir_draft_has(setting, files[i]) && !secure && peer->url[0] != '\0')
            weir_problem_warn(draft->problems, weir_draft_place(setting, files[i]),
                              "'%s' %s has no effect: only mqtts:// and wss:// are encrypted",
                              files[i], where);
    }
}

void weir_check_uplink(struct weir_draft *draft, const config_setting_t *setting)
{
    const struct weir_config *config = draft->config;
    char jitter[32];
    char every[32];

    if (config->uplink_jitter_ms <= config->uplink_every_ms)
        return;
    weir_value_print_duration(jitter, config->uplink_jitter_ms);
    weir_value_print_duration(every, config->uplink_every_ms);
    weir_problem_add(draft->problems, weir_draft_place(setting, "jitter"),
                     "'jitter' in uplink is \"%s\", longer than 'every'; expected at most \"%s\"",
                     jitter, every);
}
