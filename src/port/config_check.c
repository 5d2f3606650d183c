#include "port/config_check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format/json.h"
#include "port/config_source.h"
#include "port/config_token.h"
#include "port/mqtt_peer.h"

/* The setting of that name, or the group itself where it is not written: a place to point at. */
static struct weir_place place_of(const config_setting_t *group, const char *name)
{
    const config_setting_t *setting = config_setting_get_member(group, name);

    return setting ? weir_source_value_place(setting) : weir_source_place(group);
}

static bool is_written(const config_setting_t *group, const char *name)
{
    return group && config_setting_get_member(group, name);
}

static const char *text_of(const config_setting_t *group, const char *name)
{
    const config_setting_t *setting = config_setting_get_member(group, name);

    if (!setting || config_setting_type(setting) != CONFIG_TYPE_STRING)
        return NULL;
    return config_setting_get_string(setting);
}

void weir_label_write(char *label, const char *kind, const config_setting_t *setting,
                      unsigned number, const char *outer)
{
    const char *name = text_of(setting, "name");
    char shown[64];

    if (name)
        weir_token_quote(shown, name, strlen(name), '"');
    else
        (void)snprintf(shown, sizeof(shown), "%u", number);
    (void)snprintf(label, WEIR_LABEL_SIZE, "%s %s%s%s", kind, shown, outer ? " of " : "",
                   outer ? outer : "");
}

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
        first = place_of(draft->streams[i], "name");
        weir_problem_add(draft->problems, place_of(draft->streams[index], "name"),
                         "the name \"%s\" is taken by the stream at %s:%u; expected another",
                         config->streams[i].name, first.file, (unsigned)first.line);
        return;
    }
}

static void check_time(struct weir_draft *draft, uint32_t index, const char *label)
{
    const struct weir_stream_config *stream = &draft->config->streams[index];

    if (stream->format == WEIR_PAYLOAD_NUMBER && is_written(draft->streams[index], "time"))
        weir_problem_add(draft->problems, place_of(draft->streams[index], "time"),
                         "'time' in %s needs format \"json\"; a bare number carries no time",
                         label);
}

/* A stream on arrival time has no late samples: its windows close with the clock. */
static void check_arrival_window(struct weir_draft *draft, struct weir_stream_config *stream,
                                 const config_setting_t *window, const char *label)
{
    static const char *const names[] = {"lateness", "idle", "late"};

    for (unsigned i = 0; i < 3; i++) {
        if (!is_written(window, names[i]) || (i == 0 && stream->lateness_ms == 0) ||
            (i == 2 && !stream->revise))
            continue;
        weir_problem_warn(draft->problems, place_of(window, names[i]),
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
    const char *name = is_written(window, "lateness") ? "lateness" : "held";
    uint32_t count = weir_stream_pane_count(stream);

    if (count <= WEIR_PANE_COUNT_MAX)
        return;
    weir_problem_add(draft->problems, place_of(window, name),
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
    else if (is_written(window, "held") && !stream->revise)
        weir_problem_warn(draft->problems, place_of(window, "held"),
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
            weir_problem_add(draft->problems, place_of(setting, "name"),
                             "the name \"%s\" stands twice in %s; expected another",
                             fields[field].name, stream_label);
    }
    if (fields[field].min > fields[field].max)
        weir_problem_add(draft->problems, place_of(setting, "min"),
                         "'min' in %s is above 'max'; expected at most %.17g", label,
                         fields[field].max);
    if (stream->format == WEIR_PAYLOAD_JSON && !is_written(setting, "path"))
        weir_problem_add(draft->problems, weir_source_place(setting),
                         "missing setting 'path' in %s; expected a path into the payload, such as "
                         "\"env.temperature\"",
                         label);
    if (stream->format == WEIR_PAYLOAD_NUMBER && is_written(setting, "path"))
        weir_problem_add(draft->problems, place_of(setting, "path"),
                         "'path' in %s has no use: format \"number\" takes the whole payload",
                         label);
}

/* The paths of a stream: its fields', and last its time's. */
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

static void refuse_path(struct weir_draft *draft, const struct path_list *paths, size_t bad,
                        const char *stream_label, const char *expected)
{
    const config_setting_t *setting = paths->settings[bad];
    const char *name = config_setting_name(setting);
    char label[WEIR_LABEL_SIZE];
    char shown[64];

    if (strcmp(name, "path") == 0)
        weir_label_write(label, "field", config_setting_parent(setting), (unsigned)bad + 1,
                         stream_label);
    else
        (void)snprintf(label, sizeof(label), "time of %s", stream_label);
    weir_token_quote(shown, paths->texts[bad], strlen(paths->texts[bad]), '"');
    weir_problem_add(draft->problems, weir_source_value_place(setting),
                     "'%s' in %s is %s; expected %s", name, label, shown, expected);
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
        weir_problem_add(draft->problems, place_of(setting, "fields"),
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
    check_paths(draft, &paths, label);
}

static void refuse_reference(struct weir_draft *draft, const config_setting_t *setting,
                             const char *what, const char *label, const char *const *names,
                             size_t count)
{
    const char *name = text_of(setting, what);
    const char *nearest = weir_problem_nearest(name, names, count);
    char shown[64];

    weir_token_quote(shown, name, strlen(name), '"');
    weir_problem_add(draft->problems, place_of(setting, what),
                     "'%s' in %s is %s, and there is no such %s%s%s%s", what, label, shown, what,
                     nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                     nearest ? "\"?" : "");
}

/* False: there is none of that name, and this was reported. */
static bool find_stream(struct weir_draft *draft, uint32_t index, const char *label)
{
    const struct weir_config *config = draft->config;
    const char *wanted = text_of(draft->rules[index], "stream");
    const char *names[WEIR_STREAM_COUNT_MAX];
    bool unnamed = config->stream_count == 0;

    for (uint32_t i = 0; wanted && i < config->stream_count; i++) {
        names[i] = config->streams[i].name;
        unnamed = unnamed || names[i][0] == '\0';
        if (strcmp(names[i], wanted) == 0) {
            config->rules[index].stream = i;
            return true;
        }
    }
    if (wanted && !unnamed)
        refuse_reference(draft, draft->rules[index], "stream", label, names, config->stream_count);
    return false;
}

static bool find_field(struct weir_draft *draft, uint32_t index, const char *label)
{
    struct weir_rule_config *rule = &draft->config->rules[index];
    const struct weir_stream_config *stream = &draft->config->streams[rule->stream];
    const char *wanted = text_of(draft->rules[index], "field");
    const char *names[WEIR_FIELD_COUNT_MAX];
    bool unnamed = stream->field_count == 0;

    for (uint32_t i = 0; wanted && i < stream->field_count; i++) {
        names[i] = stream->fields[i].name;
        unnamed = unnamed || names[i][0] == '\0';
        if (strcmp(names[i], wanted) == 0) {
            rule->field = i;
            return true;
        }
    }
    if (wanted && !unnamed)
        refuse_reference(draft, draft->rules[index], "field", label, names, stream->field_count);
    return false;
}

/* False: no form, or several. */
static bool find_form(struct weir_draft *draft, uint32_t index, const char *label)
{
    struct weir_rule_config *rule = &draft->config->rules[index];
    const config_setting_t *setting = draft->rules[index];
    bool above = is_written(setting, "above");
    bool below = is_written(setting, "below");

    if (is_written(setting, "outside")) {
        rule->comparison.op = WEIR_OPERATOR_OUTSIDE;
        if (above || below)
            weir_problem_add(draft->problems, place_of(setting, "outside"),
                             "'outside' in %s stands beside '%s'; expected one or the other", label,
                             above ? "above" : "below");
        return !above && !below;
    }
    if (!above && !below)
        weir_problem_add(draft->problems, weir_source_place(setting),
                         "missing setting 'above', 'below' or 'outside' in %s; expected a limit",
                         label);
    rule->comparison.op = above && below ? WEIR_OPERATOR_OUTSIDE
                          : above        ? WEIR_OPERATOR_ABOVE
                                         : WEIR_OPERATOR_BELOW;
    return above || below;
}

static const struct weir_limit *limit_of(const struct weir_rule_config *rule)
{
    return &rule->comparison.limits[rule->level];
}

/* The table has put the limit where there is no level yet. */
static void place_limit(struct weir_rule_config *rule)
{
    struct weir_limit *unplaced = &rule->comparison.limits[WEIR_LEVEL_OK];
    struct weir_limit limit = {.set = true, .low = unplaced->low, .high = unplaced->high};

    *unplaced = (struct weir_limit){0};
    rule->comparison.limits[rule->level] = limit;
}

static void check_limits(struct weir_draft *draft, uint32_t index, const char *label)
{
    const struct weir_rule_config *rule = &draft->config->rules[index];
    const struct weir_limit *limit = limit_of(rule);
    double deadband = rule->comparison.deadband;
    const config_setting_t *setting = draft->rules[index];
    const char *name = is_written(setting, "outside") ? "outside" : "below";

    if (rule->comparison.op != WEIR_OPERATOR_OUTSIDE)
        return;
    if (limit->low >= limit->high)
        weir_problem_add(
            draft->problems, place_of(setting, name),
            "the limits of %s leave nothing between them; expected the lower one, %.17g,"
            " below the upper one, %.17g",
            label, limit->low, limit->high);
    else if (limit->low + deadband > limit->high - deadband)
        weir_problem_add(draft->problems, place_of(setting, "deadband"),
                         "'deadband' in %s is %.17g, so that the alert could never clear; expected "
                         "at most half the way between the limits, %.17g",
                         label, deadband, (limit->high - limit->low) / 2);
}

/* A deadband that no valid value can come back by: what is raised once stays so for good. */
static void warn_never_clear(struct weir_draft *draft, const struct weir_rule_config *rule,
                             const struct weir_field_config *field, const config_setting_t *setting,
                             const char *label)
{
    double most = limit_of(rule)->high - rule->comparison.deadband;
    double least = limit_of(rule)->low + rule->comparison.deadband;
    bool above = rule->comparison.op != WEIR_OPERATOR_BELOW && most < field->min;
    bool below = rule->comparison.op != WEIR_OPERATOR_ABOVE && least > field->max;

    if (above || below)
        weir_problem_warn(
            draft->problems, place_of(setting, "deadband"),
            "%s can never clear: it would take a value of field \"%s\" of at %s %.17g, and its "
            "'%s' is %.17g",
            label, field->name, above ? "most" : "least", above ? most : least,
            above ? "min" : "max", above ? field->min : field->max);
}

/* A limit that no valid value can pass is a slip, most often of the unit; so is the deadband. */
static void warn_senseless(struct weir_draft *draft, uint32_t index, const char *label)
{
    const struct weir_rule_config *rule = &draft->config->rules[index];
    const struct weir_stream_config *stream = &draft->config->streams[rule->stream];
    const struct weir_field_config *field = &stream->fields[rule->field];
    const struct weir_limit *limit = limit_of(rule);
    bool above = rule->comparison.op != WEIR_OPERATOR_BELOW && limit->high >= field->max;
    bool below = rule->comparison.op != WEIR_OPERATOR_ABOVE && limit->low <= field->min;

    if (draft->problems->error_count > 0)
        return;
    if (!above && !below) {
        warn_never_clear(draft, rule, field, draft->rules[index], label);
        return;
    }
    weir_problem_warn(
        draft->problems, weir_source_place(draft->rules[index]),
        "no valid value of field \"%s\" can be %s %.17g, the limit of %s: its '%s' is "
        "%.17g",
        field->name, above ? "above" : "below", above ? limit->high : limit->low, label,
        above ? "max" : "min", above ? field->max : field->min);
}

static void check_rule_name(struct weir_draft *draft, uint32_t index)
{
    const struct weir_rule_config *rules = draft->config->rules;

    for (uint32_t i = 0; i < index && rules[index].name[0] != '\0'; i++) {
        if (strcmp(rules[i].name, rules[index].name) != 0)
            continue;
        weir_problem_add(draft->problems, place_of(draft->rules[index], "name"),
                         "the name \"%s\" is taken by the alert at %s:%d; expected another",
                         rules[i].name, rules[i].file, rules[i].line);
        return;
    }
}

void weir_check_rule(struct weir_draft *draft, uint32_t index)
{
    struct weir_rule_config *rules = draft->config->rules;
    struct weir_place place = weir_source_place(draft->rules[index]);
    uint32_t neighbours = 0;
    char label[WEIR_LABEL_SIZE];
    bool formed;

    weir_label_write(label, "alert", draft->rules[index], index + 1, NULL);
    (void)snprintf(rules[index].file, sizeof(rules[index].file), "%s", place.file);
    rules[index].line = (int)place.line;
    rules[index].stream = UINT32_MAX;
    check_rule_name(draft, index);
    formed = find_form(draft, index, label);
    place_limit(&rules[index]);
    if (formed)
        check_limits(draft, index, label);
    if (!find_stream(draft, index, label))
        return;
    for (uint32_t i = 0; i < index; i++)
        neighbours += rules[i].stream == rules[index].stream;
    if (neighbours == WEIR_STREAM_RULE_COUNT_MAX)
        weir_problem_add(draft->problems, place_of(draft->rules[index], "stream"),
                         "stream \"%s\" has more alerts than it may have; expected at most %u",
                         draft->config->streams[rules[index].stream].name,
                         (unsigned)WEIR_STREAM_RULE_COUNT_MAX);
    if (find_field(draft, index, label) && formed)
        warn_senseless(draft, index, label);
}

static void require_beside(struct weir_draft *draft, const config_setting_t *setting,
                           const char *name, const char *other, const char *where)
{
    if (is_written(setting, name) && !is_written(setting, other))
        weir_problem_add(draft->problems, place_of(setting, name),
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
        weir_problem_add(draft->problems, place_of(setting, "password_file"), "%s", problem);
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
        if (is_written(setting, files[i]) && !secure && peer->url[0] != '\0')
            weir_problem_warn(draft->problems, place_of(setting, files[i]),
                              "'%s' %s has no effect: only mqtts:// and wss:// are encrypted",
                              files[i], where);
    }
}
