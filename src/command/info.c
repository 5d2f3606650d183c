#include "command/info.h"

#include "format/encode.h"
#include "port/clock.h"

static void add_count(struct weir_text *payload, const char *key, uint64_t count)
{
    weir_text_add(payload, ",");
    weir_text_add_quoted(payload, key);
    weir_text_add(payload, ":");
    weir_text_add_uint(payload, count);
}

static void add_alerts(struct weir_text *payload, const struct weir_states_counts *alerts)
{
    weir_text_add(payload, "\"alerts\":{\"ok\":");
    weir_text_add_uint(payload, alerts->levels[WEIR_LEVEL_OK]);
    for (int i = WEIR_LEVEL_INFO; i < WEIR_LEVEL_COUNT; i++)
        add_count(payload, weir_level_name((enum weir_level)i), alerts->levels[i]);
    add_count(payload, "stale", alerts->stale);
    add_count(payload, "shelved", alerts->shelved);
    add_count(payload, "flapping", alerts->flapping);
    weir_text_add(payload, "}");
}

enum weir_status weir_info_send(struct weir_outlet *outlet, const char *storage,
                                const struct weir_info_counts *counts)
{
    struct weir_text *payload = &outlet->payload;
    struct weir_ledger ledger;

    weir_engine_ledger(weir_intake_lock(outlet->intake), &ledger);
    weir_intake_unlock(outlet->intake);
    weir_outlet_begin(outlet, "info");
    weir_text_add(payload, "{\"schema\":\"weir.info/1\",\"gateway\":");
    weir_text_add_quoted(payload, outlet->config->gateway);
    weir_text_add(payload, ",\"version\":\"" WEIR_VERSION "\",\"config_hash\":\"");
    weir_text_add_hex(payload, outlet->config->hash);
    weir_text_add(payload, "\",\"clock\":\"");
    weir_text_add(payload, weir_clock_synchronised() ? "synchronised" : "unsynchronised");
    weir_text_add(payload, "\",\"storage\":");
    weir_text_add_quoted(payload, storage ? storage : "none");
    weir_text_add(payload, ",");
    add_alerts(payload, &counts->states);
    weir_text_add(payload, ",\"commands\":{\"done\":");
    weir_text_add_uint(payload, counts->commands_done);
    add_count(payload, "refused", counts->commands_refused);
    weir_text_add(payload, "}");
    weir_text_add(payload, ",\"ledger\":{");
    weir_encode_ledger(payload, &ledger);
    weir_text_add(payload, "}}");
    return weir_outlet_send(outlet, 1, true, WEIR_OUTLET_INFO, 0);
}
