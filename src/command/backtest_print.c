#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/backtest.h"
#include "command/past.h"
#include "command/test_line.h"

enum { COLUMN_COUNT = 12, CELL_SIZE = 3 * WEIR_TOPIC_LENGTH_MAX };

/* One row on its way to the table. */
struct entry {
    const char *rule;
    const char *series; /* NULL: none, or all of them */
    const struct weir_backtest_row *row;
};

/* The rows to be told, in their order. */
struct entries {
    struct entry *list;
    uint32_t count;
    struct weir_backtest_row total;
};

static const char headings[COLUMN_COUNT][16] = {
    "rule",     "series",  "raised",   "escalated", "info",         "warning",
    "critical", "longest", "flapping", "storms",    "first raised", "last raised"};

static int compare_entries(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;

    return strcmp(a->series, b->series);
}

static void add_total(struct weir_backtest_row *total, const struct weir_backtest_row *row)
{
    if (row->raised > 0 && (total->raised == 0 || row->first_ms < total->first_ms))
        total->first_ms = row->first_ms;
    if (row->raised > 0 && (total->raised == 0 || row->last_ms > total->last_ms))
        total->last_ms = row->last_ms;
    total->raised += row->raised;
    total->escalated += row->escalated;
    total->deescalated += row->deescalated;
    total->cleared += row->cleared;
    total->stale += row->stale;
    total->reminders += row->reminders;
    total->flapping += row->flapping;
    total->storms += row->storms;
    for (uint32_t i = 0; i < WEIR_LEVEL_COUNT; i++)
        total->level_ms[i] += row->level_ms[i];
    if (row->longest_ms > total->longest_ms)
        total->longest_ms = row->longest_ms;
}

static void collect_rule(struct entries *entries, const struct weir_backtest *backtest,
                         uint32_t index)
{
    const struct weir_backtest_rule *rule = &backtest->rules[index];
    const char *name = backtest->config->rules[index].name;
    uint32_t first = entries->count;

    for (uint32_t i = 0; i < rule->row_count; i++) {
        if (!rule->rows[i].seen)
            continue;
        entries->list[entries->count++] = (struct entry){
            .rule = name,
            .series = weir_pipeline_series_name(backtest->pipeline,
                                                backtest->config->rules[index].stream, i),
            .row = &rule->rows[i],
        };
        add_total(&entries->total, &rule->rows[i]);
    }
    qsort(entries->list + first, entries->count - first, sizeof(entries->list[0]), compare_entries);
    if (rule->all.seen || entries->count == first)
        entries->list[entries->count++] = (struct entry){
            .rule = name, .series = rule->all.seen ? WEIR_BACKTEST_ALL : NULL, .row = &rule->all};
    add_total(&entries->total, &rule->all);
}

/* False: no memory. The list is to be freed. */
static bool collect(struct entries *entries, const struct weir_backtest *backtest)
{
    size_t max = 1;

    for (uint32_t i = 0; i < backtest->config->rule_count; i++)
        max += backtest->rules[i].row_count + 1;
    *entries = (struct entries){.list = calloc(max, sizeof(*entries->list))};
    for (uint32_t i = 0; i < backtest->config->rule_count && entries->list; i++)
        collect_rule(entries, backtest, i);
    return entries->list != NULL;
}

static void write_duration(struct weir_text *text, int64_t ms)
{
    if (ms == 0)
        weir_text_add(text, "-");
    else
        weir_test_duration_write(text, ms);
}

static void write_time(struct weir_text *text, bool known, int64_t time_ms)
{
    char iso[WEIR_PAST_TIME_SIZE];

    weir_past_write_time(iso, time_ms);
    weir_text_add(text, known ? iso : "-");
}

/* One cell of the table, NUL-terminated. */
static void write_cell(char cell[static CELL_SIZE], const struct entry *entry, unsigned column)
{
    const struct weir_backtest_row *row = entry->row;
    struct weir_text text;

    weir_text_init(&text, cell, CELL_SIZE - 1);
    switch (column) {
    case 0:
        weir_text_add(&text, entry->rule);
        break;
    case 1:
        weir_test_word_write(&text, entry->series ? entry->series : "-");
        break;
    case 2:
        weir_text_add_uint(&text, row->raised);
        break;
    case 3:
        weir_text_add_uint(&text, row->escalated);
        break;
    case 4:
    case 5:
    case 6:
        write_duration(&text, row->level_ms[WEIR_LEVEL_INFO + column - 4]);
        break;
    case 7:
        write_duration(&text, row->longest_ms);
        break;
    case 8:
        weir_text_add_uint(&text, row->flapping);
        break;
    case 9:
        weir_text_add_uint(&text, row->storms);
        break;
    default:
        write_time(&text, row->raised > 0, column == 10 ? row->first_ms : row->last_ms);
    }
    cell[text.length] = '\0';
}

/* Characters, not bytes. */
static int width_of(const char *cell)
{
    int width = 0;

    for (; *cell != '\0'; cell++)
        width += (*cell & 0xc0) != 0x80;
    return width;
}

static bool is_number(unsigned column)
{
    return column >= 2 && column < 10;
}

static void print_cell(const char *cell, unsigned column, int width)
{
    int blanks = width - width_of(cell);

    if (is_number(column))
        printf("%*s%s", blanks, "", cell);
    else if (column + 1 < COLUMN_COUNT)
        printf("%s%*s", cell, blanks, "");
    else
        printf("%s", cell);
    printf("%s", column + 1 < COLUMN_COUNT ? "  " : "\n");
}

static void print_table(const struct entries *entries)
{
    char cell[CELL_SIZE];
    int widths[COLUMN_COUNT];

    for (unsigned column = 0; column < COLUMN_COUNT; column++) {
        widths[column] = width_of(headings[column]);
        for (uint32_t i = 0; i < entries->count; i++) {
            write_cell(cell, &entries->list[i], column);
            if (width_of(cell) > widths[column])
                widths[column] = width_of(cell);
        }
    }
    for (unsigned column = 0; column < COLUMN_COUNT; column++)
        print_cell(headings[column], column, widths[column]);
    for (uint32_t i = 0; i < entries->count; i++) {
        for (unsigned column = 0; column < COLUMN_COUNT; column++) {
            write_cell(cell, &entries->list[i], column);
            print_cell(cell, column, widths[column]);
        }
    }
}

bool weir_backtest_print(const struct weir_backtest *backtest)
{
    struct entries entries;

    if (!collect(&entries, backtest))
        return false;
    /* There is one entry of room more than there are rules and rows. */
    entries.list[entries.count++] = (struct entry){.rule = "total", .row = &entries.total};
    print_table(&entries);
    free(entries.list);
    return true;
}

static void print_row_json(const char *type, const struct entry *entry)
{
    const struct weir_backtest_row *row = entry->row;
    const struct {
        const char *key;
        uint64_t count;
    } counts[] = {
        {"raised", row->raised},
        {"escalated", row->escalated},
        {"deescalated", row->deescalated},
        {"cleared", row->cleared},
        {"stale", row->stale},
        {"reminders", row->reminders},
        {"flapping", row->flapping},
        {"storms", row->storms},
        {"info_ms", (uint64_t)row->level_ms[WEIR_LEVEL_INFO]},
        {"warning_ms", (uint64_t)row->level_ms[WEIR_LEVEL_WARNING]},
        {"critical_ms", (uint64_t)row->level_ms[WEIR_LEVEL_CRITICAL]},
        {"longest_ms", (uint64_t)row->longest_ms},
    };
    char bytes[8192];
    struct weir_text text;

    weir_text_init(&text, bytes, sizeof(bytes));
    weir_text_add(&text, "{\"type\":");
    weir_text_add_quoted(&text, type);
    if (entry->rule) {
        weir_text_add(&text, ",\"rule\":");
        weir_text_add_quoted(&text, entry->rule);
    }
    if (entry->series) {
        weir_text_add(&text, ",\"series\":");
        weir_text_add_quoted(&text, entry->series);
    }
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        weir_text_add(&text, ",\"");
        weir_text_add(&text, counts[i].key);
        weir_text_add(&text, "\":");
        weir_text_add_uint(&text, counts[i].count);
    }
    if (row->raised > 0) {
        weir_text_add(&text, ",\"first\":");
        weir_text_add_int(&text, row->first_ms);
        weir_text_add(&text, ",\"last\":");
        weir_text_add_int(&text, row->last_ms);
    }
    weir_text_add(&text, "}\n");
    (void)fwrite(bytes, 1, text.length, stdout);
}

bool weir_backtest_print_json(const struct weir_backtest *backtest)
{
    struct entries entries;

    if (!collect(&entries, backtest))
        return false;
    for (uint32_t i = 0; i < entries.count; i++)
        print_row_json("backtest", &entries.list[i]);
    print_row_json("total", &(struct entry){.row = &entries.total});
    free(entries.list);
    return true;
}
