#include "sim/server/catalog.h"

#include <stdlib.h>

/* How a field of a configuration is read; `wanted` for those that have one value only. */
typedef struct field {
    const char *name;
    enum { COUNT, SIGNED, FLAG, FIXED, SEEN } kind;
    size_t offset;
    const char *wanted; /* of FIXED: as JSON */
} field;

/* clang-format off */
static const field stream_fields[] = {
    {"max_age", COUNT, offsetof(sim_stream_config, max_age_ns), NULL},
    {"max_bytes", COUNT, offsetof(sim_stream_config, max_bytes), NULL},
    {"duplicate_window", COUNT, offsetof(sim_stream_config, duplicates_ns), NULL},
    {"max_msgs_per_subject", SIGNED, offsetof(sim_stream_config, per_subject_max), NULL},
    {"allow_rollup_hdrs", FLAG, offsetof(sim_stream_config, rollup), NULL},
    {"allow_msg_ttl", FLAG, offsetof(sim_stream_config, message_ttl), NULL},
    {"allow_msg_schedules", FLAG, offsetof(sim_stream_config, schedules), NULL},
    {"name", SEEN, 0, NULL}, {"description", SEEN, 0, NULL}, {"subjects", SEEN, 0, NULL},
    {"discard", SEEN, 0, NULL}, {"subject_transform", SEEN, 0, NULL},
    {"republish", SEEN, 0, NULL}, {"num_replicas", SEEN, 0, NULL},
    {"deny_delete", SEEN, 0, NULL}, {"deny_purge", SEEN, 0, NULL},
    {"storage", FIXED, 0, "\"file\""}, {"retention", FIXED, 0, "\"limits\""},
    {"discard_new_per_subject", FIXED, 0, "false"}, {"max_msgs", FIXED, 0, "-1"},
    {"max_msg_size", FIXED, 0, "-1"}, {"allow_direct", FIXED, 0, "true"},
    {"sealed", FIXED, 0, "false"}, {"no_ack", FIXED, 0, "false"},
    {"subject_delete_marker_ttl", FIXED, 0, "0"}, {"mirror", FIXED, 0, "null"},
    {"sources", FIXED, 0, "null"}};

static const field durable_fields[] = {
    {"ack_wait", COUNT, offsetof(sim_durable_config, ack_wait_ns), NULL},
    {"name", SEEN, 0, NULL}, {"durable_name", SEEN, 0, NULL}, {"description", SEEN, 0, NULL},
    {"filter_subject", SEEN, 0, NULL}, {"filter_subjects", SEEN, 0, NULL},
    {"deliver_policy", FIXED, 0, "\"all\""}, {"ack_policy", FIXED, 0, "\"explicit\""},
    {"replay_policy", FIXED, 0, "\"instant\""}, {"deliver_subject", FIXED, 0, "\"\""},
    {"max_deliver", FIXED, 0, "-1"}, {"max_ack_pending", FIXED, 0, "-1"},
    {"max_batch", FIXED, 0, "0"}, {"max_expires", FIXED, 0, "0"},
    {"inactive_threshold", FIXED, 0, "0"}, {"headers_only", FIXED, 0, "false"},
    {"mem_storage", FIXED, 0, "false"}, {"num_replicas", SEEN, 0, NULL},
    {"backoff", FIXED, 0, "null"}};
/* clang-format on */

static rp_status unknown(const rp_item *item, const char *name, rp_error *reterr)
{
    return rp_error_set(reterr, RP_UNSUPPORTED, name,
        "%s%s%s has a %s that the simulated server does not know; teach it (sim/server)",
        item->stream, item->name ? " " : "", item->name ? item->name : "", name);
}

static bool is_wanted(yyjson_val *value, const char *wanted)
{
    size_t len;
    char *text = yyjson_val_write(value, 0, &len);
    bool same = text && rp_bytes_is(rp_bytes_of(text, len), wanted);
    free(text);
    return same;
}

static bool read_field(const field *f, yyjson_val *value, void *config)
{
    void *at = (char *)config + f->offset;
    switch (f->kind) {
    case COUNT:
        *(uint64_t *)at = yyjson_get_uint(value);
        return yyjson_is_uint(value);
    case SIGNED:
        *(int64_t *)at = yyjson_get_sint(value);
        return yyjson_is_int(value);
    case FLAG:
        *(bool *)at = yyjson_get_bool(value);
        return yyjson_is_bool(value);
    case FIXED:
        return is_wanted(value, f->wanted);
    case SEEN:
        break;
    }
    return true;
}

static rp_status read_fields(
    const rp_item *item, const field *fields, size_t count, void *config, rp_error *reterr)
{
    size_t i, max;
    yyjson_val *key, *value;
    yyjson_obj_foreach(item->config, i, max, key, value)
    {
        size_t f = 0;
        while (f < count && strcmp(yyjson_get_str(key), fields[f].name) != 0)
            f++;
        if (f == count || !read_field(&fields[f], value, config))
            return unknown(item, yyjson_get_str(key), reterr);
    }
    return RP_OK;
}

static rp_status read_texts(
    const rp_item *item, const char *name, const char *texts[SIM_FILTERS_MAX], rp_error *reterr)
{
    yyjson_val *list = yyjson_obj_get(item->config, name);
    if (yyjson_arr_size(list) > SIM_FILTERS_MAX)
        return unknown(item, name, reterr);
    for (size_t i = 0; i < yyjson_arr_size(list); i++)
        texts[i] = yyjson_get_str(yyjson_arr_get(list, i));
    return RP_OK;
}

static rp_status add_stream(sim_catalog *catalog, const rp_item *item, rp_error *reterr)
{
    if (catalog->stream_count == SIM_CATALOG_STREAMS_MAX)
        return rp_error_set(reterr, RP_LIMIT, "streams", "more streams than the catalog holds");
    sim_stream_config *s = &catalog->streams[catalog->stream_count++];
    s->name = item->stream;
    rp_status status =
        read_fields(item, stream_fields, sizeof stream_fields / sizeof *stream_fields, s, reterr);
    if (status == RP_OK)
        status = read_texts(item, "subjects", s->subjects, reterr);
    s->discard_new = is_wanted(yyjson_obj_get(item->config, "discard"), "\"new\"");
    yyjson_val *mapped = yyjson_obj_get(item->config, "subject_transform");
    if (yyjson_is_obj(mapped)) {
        s->mapped_from = yyjson_get_str(yyjson_obj_get(mapped, "src"));
        s->mapped_to = yyjson_get_str(yyjson_obj_get(mapped, "dest"));
        const char *republished =
            yyjson_get_str(yyjson_obj_get(yyjson_obj_get(item->config, "republish"), "dest"));
        if (!republished || strcmp(republished, s->mapped_to) != 0)
            return unknown(item, "republish", reterr);
    }
    return status;
}

static rp_status add_durable(sim_catalog *catalog, const rp_item *item, rp_error *reterr)
{
    if (catalog->durable_count == SIM_CATALOG_DURABLES_MAX)
        return rp_error_set(reterr, RP_LIMIT, "durables", "more durables than the catalog holds");
    sim_durable_config *d = &catalog->durables[catalog->durable_count++];
    d->stream = item->stream;
    d->name = item->name;
    rp_status status = read_fields(
        item, durable_fields, sizeof durable_fields / sizeof *durable_fields, d, reterr);
    if (status == RP_OK)
        status = read_texts(item, "filter_subjects", d->filters, reterr);
    if (!d->filters[0])
        d->filters[0] = yyjson_get_str(yyjson_obj_get(item->config, "filter_subject"));
    return status;
}

rp_status sim_catalog_build(
    const rp_declaration_spec *spec, rp_arena *arena, sim_catalog *ret_catalog, rp_error *reterr)
{
    rp_item *items;
    size_t count;
    *ret_catalog = (sim_catalog){0};
    rp_status status = rp_declaration_build(spec, arena, &items, &count, reterr);
    for (size_t i = 0; status == RP_OK && i < count; i++)
        status = items[i].kind == RP_ITEM_STREAM ? add_stream(ret_catalog, &items[i], reterr)
                                                 : add_durable(ret_catalog, &items[i], reterr);
    return status;
}
