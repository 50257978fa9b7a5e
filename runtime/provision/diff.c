#include "runtime/provision/diff.h"

#include <stdlib.h>

/* How the server lets a field change. */
typedef enum field_rule {
    RULE_FREE,
    RULE_FIXED,     /* never */
    RULE_ONCE_TRUE, /* from false to true only */
    RULE_LIMIT,     /* freely, but tightening it drops messages */
    RULE_BYTES,     /* the same, where the stream holds more than the new limit */
    RULE_SET        /* freely; an array whose order does not matter */
} field_rule;

static const struct {
    rp_item_kind kind;
    const char *field;
    field_rule rule;
} rules[] = {{RP_ITEM_STREAM, "storage", RULE_FIXED}, {RP_ITEM_STREAM, "retention", RULE_FIXED},
    {RP_ITEM_STREAM, "mirror", RULE_FIXED}, {RP_ITEM_STREAM, "sealed", RULE_ONCE_TRUE},
    {RP_ITEM_STREAM, "deny_delete", RULE_ONCE_TRUE}, {RP_ITEM_STREAM, "deny_purge", RULE_ONCE_TRUE},
    {RP_ITEM_STREAM, "allow_msg_ttl", RULE_ONCE_TRUE}, {RP_ITEM_STREAM, "max_age", RULE_LIMIT},
    {RP_ITEM_STREAM, "max_msgs", RULE_LIMIT}, {RP_ITEM_STREAM, "max_msgs_per_subject", RULE_LIMIT},
    {RP_ITEM_STREAM, "max_bytes", RULE_BYTES}, {RP_ITEM_STREAM, "subjects", RULE_SET},
    {RP_ITEM_DURABLE, "filter_subjects", RULE_SET}, {RP_ITEM_DURABLE, "deliver_policy", RULE_FIXED},
    {RP_ITEM_DURABLE, "ack_policy", RULE_FIXED}, {RP_ITEM_DURABLE, "replay_policy", RULE_FIXED},
    {RP_ITEM_DURABLE, "deliver_subject", RULE_FIXED}, {RP_ITEM_DURABLE, "mem_storage", RULE_FIXED}};

static field_rule rule_of(const rp_item *item, const char *field)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i].kind == item->kind && strcmp(rules[i].field, field) == 0)
            return rules[i].rule;
    }
    return RULE_FREE;
}

/* Where the operator gave no number, the server's stands. */
static bool is_kept(const rp_item *item, const char *field)
{
    return item->kind == RP_ITEM_STREAM &&
           ((item->keeps_max_bytes && strcmp(field, "max_bytes") == 0) ||
               (item->keeps_replicas && strcmp(field, "num_replicas") == 0));
}

/* -- values ------------------------------------------------------------------------------------ */

/* The server leaves out what is false, 0, "" or empty. */
static bool is_nothing(yyjson_val *value)
{
    if (!value || yyjson_is_null(value) || yyjson_is_false(value))
        return true;
    if (yyjson_is_num(value))
        return yyjson_get_num(value) == 0;
    if (yyjson_is_str(value))
        return yyjson_get_len(value) == 0;
    return yyjson_is_ctn(value) && yyjson_get_len(value) == 0;
}

static bool set_contains(yyjson_val *set, yyjson_val *wanted)
{
    size_t index, count;
    yyjson_val *value;
    yyjson_arr_foreach(set, index, count, value)
    {
        if (yyjson_equals(value, wanted))
            return true;
    }
    return false;
}

static bool sets_equal(yyjson_val *have, yyjson_val *want)
{
    size_t index, count;
    yyjson_val *value;
    if (!yyjson_is_arr(have) || !yyjson_is_arr(want) ||
        yyjson_get_len(have) != yyjson_get_len(want))
        return false;
    yyjson_arr_foreach(want, index, count, value)
    {
        if (!set_contains(have, value))
            return false;
    }
    return true;
}

static bool values_equal(yyjson_val *have, yyjson_val *want, field_rule rule)
{
    size_t index, count;
    yyjson_val *key, *value;
    if (is_nothing(want))
        return is_nothing(have);
    if (rule == RULE_SET)
        return sets_equal(have, want);
    if (!yyjson_is_obj(want) || !yyjson_is_obj(have))
        return have && yyjson_equals(have, want);
    yyjson_obj_foreach(want, index, count, key, value)
    {
        if (!values_equal(yyjson_obj_get(have, yyjson_get_str(key)), value, RULE_FREE))
            return false;
    }
    return true;
}

/* Limits of 0 and -1 are none. */
static uint64_t limit_of(yyjson_val *value)
{
    int64_t number = yyjson_get_sint(value);
    return number > 0 ? (uint64_t)number : UINT64_MAX;
}

static bool is_filter(const char *field)
{
    return strcmp(field, "filter_subject") == 0 || strcmp(field, "filter_subjects") == 0;
}

/* Why this change of a field loses data; NULL where it does not. */
static const char *destruction(
    const rp_item *item, const char *field, yyjson_val *have, yyjson_val *want, yyjson_val *state)
{
    field_rule rule = rule_of(item, field);
    uint64_t bytes = yyjson_get_uint(yyjson_obj_get(state, "bytes"));
    bool holds = yyjson_get_uint(yyjson_obj_get(state, "messages")) > 0;
    bool tighter = limit_of(want) < limit_of(have);
    bool fixed = rule == RULE_FIXED || (rule == RULE_ONCE_TRUE && is_nothing(want));
    if (fixed && item->kind == RP_ITEM_STREAM)
        return "the server never changes it: the stream would be deleted and made anew";
    if (fixed || (item->filter_is_identity && is_filter(field)))
        return "the durable would be made anew and deliver again what is settled";
    if ((rule == RULE_LIMIT && tighter && holds) ||
        (rule == RULE_BYTES && tighter && bytes > limit_of(want)))
        return "what the stream holds above the new limit would be deleted";
    return NULL;
}

/* -- one item ---------------------------------------------------------------------------------- */

static void write_value(rp_buffer *out, yyjson_val *value)
{
    char *text = value ? yyjson_val_write(value, YYJSON_WRITE_NOFLAG, NULL) : NULL;
    rp_buffer_text(out, text ? text : "null");
    free(text);
}

static const char *value_text(yyjson_val *value, rp_arena *arena)
{
    rp_buffer out;
    rp_buffer_init(&out, 64 << 10);
    write_value(&out, value);
    const char *text = rp_arena_text(arena, rp_buffer_bytes(&out));
    rp_buffer_done(&out);
    return text;
}

static void write_member(rp_buffer *out, yyjson_val *key, yyjson_val *value)
{
    rp_buffer_text(out, out->len > 1 ? "," : "");
    write_value(out, key);
    rp_buffer_text(out, ":");
    write_value(out, value);
}

/* Our configuration, and of the server's (NULL where there is none) what we do not govern. */
static const char *merge(const rp_item *item, yyjson_val *have, rp_arena *arena)
{
    size_t index, count;
    yyjson_val *key, *value;
    rp_buffer out;
    rp_buffer_init(&out, 1 << 20);
    rp_buffer_text(&out, "{");
    yyjson_obj_foreach(item->config, index, count, key, value)
    {
        const char *field = yyjson_get_str(key);
        bool kept = have && is_kept(item, field);
        write_member(&out, key, kept ? yyjson_obj_get(have, field) : value);
    }
    if (have) { /* the macro takes no NULL */
        yyjson_obj_foreach(have, index, count, key, value)
        {
            if (!yyjson_obj_get(item->config, yyjson_get_str(key)))
                write_member(&out, key, value);
        }
    }
    rp_buffer_text(&out, "}");
    const char *text = out.truncated ? NULL : rp_arena_text(arena, rp_buffer_bytes(&out));
    rp_buffer_done(&out);
    return text;
}

/* The fields that differ; false where the arena is full. */
static bool compare_fields(yyjson_val *have, yyjson_val *state, rp_arena *arena, rp_change *change)
{
    size_t index, count;
    yyjson_val *key, *want;
    const rp_item *item = change->item;
    change->fields = rp_arena_array(arena, yyjson_obj_size(item->config), sizeof *change->fields);
    if (!change->fields)
        return false;
    yyjson_obj_foreach(item->config, index, count, key, want)
    {
        const char *field = yyjson_get_str(key);
        yyjson_val *had = yyjson_obj_get(have, field);
        if (is_kept(item, field) || values_equal(had, want, rule_of(item, field)))
            continue;
        rp_field_change *f = &change->fields[change->fields_count++];
        f->field = field;
        f->have = value_text(had, arena);
        f->want = value_text(want, arena);
        f->destroys = destruction(item, field, had, want, state);
        if (!f->have || !f->want)
            return false;
        field_rule rule = rule_of(item, field);
        change->destroys = change->destroys || f->destroys;
        if (f->destroys && rule != RULE_LIMIT && rule != RULE_BYTES)
            change->action = RP_CHANGE_RECREATE;
    }
    return true;
}

rp_status rp_diff_compare(const rp_item *item, yyjson_val *have, yyjson_val *state, rp_arena *arena,
    rp_change *ret_change, rp_error *reterr)
{
    rp_change change = {.item = item,
        .action = have ? RP_CHANGE_NONE : RP_CHANGE_CREATE,
        .messages = yyjson_get_uint(yyjson_obj_get(state, "messages"))};
    bool fits = !have || compare_fields(have, state, arena, &change);
    if (change.fields_count > 0 && change.action == RP_CHANGE_NONE)
        change.action = RP_CHANGE_UPDATE;
    if (fits && change.action != RP_CHANGE_NONE) {
        /* What is made anew starts from the declaration alone. */
        bool over = change.action == RP_CHANGE_UPDATE;
        change.body = merge(item, over ? have : NULL, arena);
        fits = change.body != NULL;
    }
    if (!fits)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory for the diff");
    *ret_change = change;
    return RP_OK;
}

/* -- all of them ------------------------------------------------------------------------------- */

static rp_status look(rp_client *client, const rp_item *item, rp_arena *arena,
    rp_change *ret_change, rp_error *reterr)
{
    yyjson_val *info = NULL;
    const char *operation =
        item->kind == RP_ITEM_STREAM
            ? rp_arena_printf(arena, "STREAM.INFO.%s", item->stream)
            : rp_arena_printf(arena, "CONSUMER.INFO.%s.%s", item->stream, item->name);
    if (!operation)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory for the diff");
    rp_status status = rp_client_api(client, operation, rp_bytes_of(NULL, 0), arena, &info, reterr);
    if (status != RP_OK && status != RP_NOT_FOUND)
        return status;
    return rp_diff_compare(item, yyjson_obj_get(info, "config"), yyjson_obj_get(info, "state"),
        arena, ret_change, reterr);
}

rp_status rp_diff_take(rp_client *client, const rp_item *items, size_t count, rp_arena *arena,
    rp_diff *ret_diff, rp_error *reterr)
{
    rp_diff diff = {.count = count};
    diff.changes = rp_arena_array(arena, count, sizeof *diff.changes);
    if (!diff.changes)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory for the diff");
    for (size_t i = 0; i < count; i++) {
        rp_change *change = &diff.changes[i];
        rp_status status = look(client, &items[i], arena, change, reterr);
        if (status != RP_OK)
            return status;
        diff.actions[change->action]++;
        diff.destroying += change->destroys;
    }
    *ret_diff = diff;
    return RP_OK;
}
