#include "command/operate.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "command/explain_print.h"
#include "format/topic.h"
#include "port/config_value.h"
#include "port/log.h"

/* Whoever floods us with commands does not flood the log. */
#define COMPLAIN_EVERY_MS 10000

/* An alert that an order is about. */
struct target {
    uint32_t rule;
    uint32_t series;
    struct weir_alert alert;
};

__attribute__((format(printf, 2, 3))) static bool
refuse(char problem[static WEIR_ORDER_PROBLEM_SIZE], const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(problem, WEIR_ORDER_PROBLEM_SIZE, format, arguments);
    va_end(arguments);
    return false;
}

/* Many a name is copied from a topic, where a series' slashes are dots. */
static bool refuse_series(const struct weir_pipeline *pipeline, uint32_t stream,
                          const struct weir_order *order,
                          char problem[static WEIR_ORDER_PROBLEM_SIZE])
{
    char meant[WEIR_TOPIC_LENGTH_MAX + 1];
    uint32_t series;

    if (weir_topic_read_series(order->series, strlen(order->series), meant, sizeof(meant)) &&
        weir_pipeline_find_series(pipeline, stream, meant, &series))
        return refuse(problem, "there is no series '%s'; did you mean '%s'?", order->series, meant);
    return refuse(problem, "nothing is known of series '%s' under rule '%s'", order->series,
                  order->rule);
}

static bool find_target(struct target *target, const struct weir_pipeline *pipeline,
                        const struct weir_config *config, const struct weir_order *order,
                        char problem[static WEIR_ORDER_PROBLEM_SIZE])
{
    for (target->rule = 0; target->rule < config->rule_count; target->rule++) {
        if (strcmp(config->rules[target->rule].name, order->rule) == 0)
            break;
    }
    if (target->rule == config->rule_count)
        return refuse(problem, "there is no rule '%s'", order->rule);
    if (!weir_pipeline_find_series(pipeline, config->rules[target->rule].stream, order->series,
                                   &target->series) ||
        !weir_pipeline_alert(pipeline, target->rule, target->series, &target->alert))
        return refuse_series(pipeline, config->rules[target->rule].stream, order, problem);
    return true;
}

static void fill_command(struct weir_command *command, const struct weir_order *order,
                         const struct target *target)
{
    static const enum weir_command_kind kinds[] = {
        [WEIR_ORDER_ACKNOWLEDGE] = WEIR_COMMAND_ACKNOWLEDGE,
        [WEIR_ORDER_SHELVE] = WEIR_COMMAND_SHELVE,
        [WEIR_ORDER_UNSHELVE] = WEIR_COMMAND_UNSHELVE,
    };

    *command = (struct weir_command){
        .kind = kinds[order->kind],
        .rule = order->rule,
        .series = order->series,
        .id = order->has_id ? order->id : target->alert.id,
        .duration_ms = order->duration_ms,
    };
}

/* Why the engine refuses a command to an alert that is there. */
static bool refuse_command(const struct weir_config *config, const struct weir_order *order,
                           const struct target *target,
                           char problem[static WEIR_ORDER_PROBLEM_SIZE])
{
    char max[32];

    switch (order->kind) {
    case WEIR_ORDER_ACKNOWLEDGE:
        if (target->alert.level == WEIR_LEVEL_OK)
            return refuse(problem, "nothing is raised");
        return refuse(problem, "what is raised is %016" PRIx64, target->alert.id);
    case WEIR_ORDER_SHELVE:
        weir_value_print_duration(max, config->shelve_max_ms);
        return refuse(problem, "an alert can be shelved for at most %s", max);
    default:
        return refuse(problem, "it is not shelved");
    }
}

/* Under the lock. */
static bool command(struct weir_daemon *daemon, const struct weir_order *order,
                    char problem[static WEIR_ORDER_PROBLEM_SIZE])
{
    const struct weir_config *config = daemon->running->config;
    struct weir_record record = {.kind = WEIR_RECORD_COMMAND};
    const struct weir_pipeline *pipeline;
    struct target target = {0};

    /* What has arrived already comes first: what is checked now is what the command will meet. */
    weir_daemon_step_engine(daemon);
    pipeline = &daemon->running->engine.pipeline;
    if (!find_target(&target, pipeline, config, order, problem))
        return false;
    fill_command(&record.command, order, &target);
    if (weir_pipeline_check_command(pipeline, &record.command) == WEIR_REFUSED)
        return refuse_command(config, order, &target, problem);
    if (!weir_intake_note(&daemon->intake, &record))
        return refuse(problem, "there is no room in the log; try again");
    weir_daemon_step_engine(daemon);
    return true;
}

static void log_done(const struct weir_order *order)
{
    static const char *const done[] = {
        [WEIR_ORDER_ACKNOWLEDGE] = "acknowledged",
        [WEIR_ORDER_SHELVE] = "shelved",
        [WEIR_ORDER_UNSHELVE] = "unshelved",
    };

    weir_log_info("alert %s on %s: %s%s%s", order->rule, order->series, done[order->kind],
                  order->by[0] != '\0' ? " by " : "", order->by);
}

bool weir_operate_explain(const struct weir_pipeline *pipeline, const struct weir_config *config,
                          const struct weir_order *order, struct weir_text *answer,
                          char problem[static WEIR_ORDER_PROBLEM_SIZE])
{
    static char bytes[WEIR_EXPLAIN_SIZE];
    struct weir_explanation explanation;
    struct weir_text text;
    struct target target = {0};

    if (!find_target(&target, pipeline, config, order, problem))
        return false;
    (void)weir_pipeline_explain(pipeline, target.rule, target.series, &explanation);
    explanation.alert.rule = target.rule;
    if (!order->as_text) {
        weir_text_add(answer, "{\"ok\":true,\"explanation\":");
        weir_explain_write_json(answer, config, order->series, &explanation);
        weir_text_add(answer, "}");
        return true;
    }
    weir_text_init(&text, bytes, sizeof(bytes) - 1);
    weir_explain_write_text(&text, config, order->series, &explanation);
    bytes[text.length] = '\0';
    weir_text_add(answer, "{\"ok\":true,\"text\":");
    weir_text_add_quoted(answer, bytes);
    weir_text_add(answer, "}");
    return true;
}

/* Does it, through the log, and writes the answer. False: it was refused. */
static bool obey(struct weir_daemon *daemon, const struct weir_order *order,
                 struct weir_text *answer)
{
    char problem[WEIR_ORDER_PROBLEM_SIZE];
    bool done;

    weir_intake_lock(&daemon->intake);
    if (order->kind == WEIR_ORDER_EXPLAIN)
        done = weir_operate_explain(&daemon->running->engine.pipeline, daemon->running->config,
                                    order, answer, problem);
    else
        done = command(daemon, order, problem);
    weir_intake_unlock(&daemon->intake);
    if (!done)
        weir_order_answer(answer, problem);
    else if (order->kind != WEIR_ORDER_EXPLAIN)
        weir_order_answer(answer, NULL);
    if (done && order->kind != WEIR_ORDER_EXPLAIN)
        log_done(order);
    return done;
}

static void complain(struct weir_daemon *daemon, const struct weir_text *answer)
{
    int64_t now_ms = weir_daemon_boottime_ms();

    if (now_ms < daemon->complain_at_ms)
        return;
    daemon->complain_at_ms = now_ms + COMPLAIN_EVERY_MS;
    weir_log_warning("command by MQTT refused: %.*s", (int)answer->length, answer->bytes);
}

static bool take_command(struct weir_daemon *daemon, const struct weir_reception_command *given,
                         struct weir_text *answer)
{
    char problem[WEIR_ORDER_PROBLEM_SIZE];
    struct weir_order order = {0};

    /* It would be given again to every weir that comes. */
    if (given->retained) {
        weir_order_answer(answer, "a command is not to be retained");
        return false;
    }
    if (!weir_order_read(&order, given->payload, given->payload_length, problem)) {
        weir_order_answer(answer, problem);
        return false;
    }
    memcpy(order.rule, given->topic.name, sizeof(order.rule));
    memcpy(order.series, given->topic.series, sizeof(order.series));
    if (order.kind != WEIR_ORDER_EXPLAIN)
        return obey(daemon, &order, answer);
    weir_order_answer(answer, "explain is for the local socket");
    return false;
}

bool weir_operate_step(struct weir_daemon *daemon)
{
    struct weir_reception_command given;
    bool obeyed = false;

    while (weir_publisher_peek_command(daemon->publisher, &given)) {
        char bytes[WEIR_ANSWER_SIZE];
        struct weir_text answer;
        bool done;

        weir_text_init(&answer, bytes, sizeof(bytes));
        done = take_command(daemon, &given, &answer);
        if (!done)
            complain(daemon, &answer);
        weir_publisher_answer_command(daemon->publisher, done, &answer);
        obeyed = true;
    }
    return obeyed;
}

void weir_operate_take_line(void *context, const char *line, size_t length,
                            struct weir_text *answer)
{
    char problem[WEIR_ORDER_PROBLEM_SIZE];
    struct weir_order order = {0};

    if (weir_order_read(&order, line, length, problem))
        (void)obey(context, &order, answer);
    else
        weir_order_answer(answer, problem);
}
