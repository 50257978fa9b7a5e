#include "runtime/provision/apply.h"

#include <stdio.h>

enum { ROUNDS_MAX = 4, BODY_BYTES_MAX = 2 << 20 };

static rp_status call(rp_client *client, rp_arena *arena, rp_bytes body, rp_error *reterr,
    const char *format, ...) RP_PRINTF(5, 6);

static rp_status call(
    rp_client *client, rp_arena *arena, rp_bytes body, rp_error *reterr, const char *format, ...)
{
    char operation[RP_CLIENT_SUBJECT_BYTES];
    yyjson_val *answer = NULL;
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(operation, sizeof operation, format, arguments);
    va_end(arguments);
    RP_ASSERT(n > 0 && (size_t)n < sizeof operation); /* names are bounded */
    return rp_client_api(client, operation, body, arena, &answer, reterr);
}

static rp_status write_stream(
    rp_client *client, const rp_change *change, rp_arena *arena, rp_error *reterr)
{
    return call(client, arena, rp_bytes_text(change->body), reterr, "STREAM.%s.%s",
        change->action == RP_CHANGE_UPDATE ? "UPDATE" : "CREATE", change->item->stream);
}

static rp_status write_durable(
    rp_client *client, const rp_change *change, rp_arena *arena, rp_error *reterr)
{
    const rp_item *item = change->item;
    rp_buffer body;
    rp_buffer_init(&body, BODY_BYTES_MAX);
    rp_buffer_text(&body, "{\"stream_name\":");
    rp_json_string(&body, rp_bytes_text(item->stream));
    rp_buffer_printf(&body, ",\"action\":\"%s\",\"config\":%s}",
        change->action == RP_CHANGE_UPDATE ? "update" : "create", change->body);
    rp_status status = body.truncated ? rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory")
                                      : call(client, arena, rp_buffer_bytes(&body), reterr,
                                            "CONSUMER.CREATE.%s.%s", item->stream, item->name);
    rp_buffer_done(&body);
    return status;
}

static rp_status erase(rp_client *client, const rp_item *item, rp_arena *arena, rp_error *reterr)
{
    rp_bytes nothing = rp_bytes_of(NULL, 0);
    rp_status status = item->kind == RP_ITEM_STREAM
                           ? call(client, arena, nothing, reterr, "STREAM.DELETE.%s", item->stream)
                           : call(client, arena, nothing, reterr, "CONSUMER.DELETE.%s.%s",
                                 item->stream, item->name);
    return status == RP_NOT_FOUND ? RP_OK : status;
}

static rp_status change_one(
    rp_client *client, const rp_change *change, rp_arena *arena, rp_error *reterr)
{
    rp_status status = RP_OK;
    if (change->action == RP_CHANGE_RECREATE)
        status = erase(client, change->item, arena, reterr);
    if (status == RP_OK)
        status = change->item->kind == RP_ITEM_STREAM
                     ? write_stream(client, change, arena, reterr)
                     : write_durable(client, change, arena, reterr);
    return status;
}

/* Applies the changes of the given action. Somebody who did the same, or something else, at the
 * same moment is met with another round. */
static rp_status change_all(rp_client *client, const rp_diff *diff, rp_change_action action,
    const rp_apply_options *options, rp_arena *arena, rp_error *reterr)
{
    for (size_t i = 0; i < diff->count; i++) {
        const rp_change *change = &diff->changes[i];
        if (change->action != action)
            continue;
        rp_status status = change_one(client, change, arena, reterr);
        if (status == RP_EXISTS || status == RP_NOT_FOUND)
            continue;
        if (status != RP_OK)
            return status;
        if (options->on_change)
            options->on_change(options->arg, change);
    }
    return RP_OK;
}

static const rp_change *first_destroying(const rp_diff *diff)
{
    for (size_t i = 0; i < diff->count; i++) {
        if (diff->changes[i].destroys)
            return &diff->changes[i];
    }
    return NULL;
}

static rp_status permitted(const rp_diff *diff, const rp_apply_options *options, rp_error *reterr)
{
    const rp_change *change = options->allow_destroy ? NULL : first_destroying(diff);
    if (!change)
        return RP_OK;
    const rp_field_change *f = change->fields;
    while (!f->destroys)
        f++;
    return rp_error_set(reterr, RP_DENIED, change->item->stream,
        "%s %s%s%s would lose data (%s is %.40s, declared %.40s); nothing was changed. Give "
        "--allow-destroy, or set it back by hand",
        change->item->name ? "durable" : "stream", change->item->stream,
        change->item->name ? "/" : "", change->item->name ? change->item->name : "", f->field,
        f->have, f->want);
}

static rp_status unfinished(const rp_diff *diff, rp_error *reterr)
{
    for (size_t i = 0; i < diff->count; i++) {
        const rp_change *change = &diff->changes[i];
        if (change->action == RP_CHANGE_UPDATE)
            return rp_error_set(reterr, RP_UNSUPPORTED, change->fields[0].field,
                "%s%s%s keeps %s as %.60s after it was set to %.60s: nats-server 2.14 or newer is "
                "needed, or somebody else sets it back",
                change->item->stream, change->item->name ? "/" : "",
                change->item->name ? change->item->name : "", change->fields[0].field,
                change->fields[0].have, change->fields[0].want);
    }
    return rp_error_set(reterr, RP_CONFLICT, NULL,
        "somebody else changes the same streams and durables; run it again when they are done");
}

rp_status rp_provision_apply(rp_client *client, const rp_item *items, size_t count,
    const rp_apply_options *options, rp_arena *arena, rp_error *reterr)
{
    static const rp_change_action order[] = {
        RP_CHANGE_CREATE, RP_CHANGE_UPDATE, RP_CHANGE_RECREATE};
    rp_diff diff;
    for (int round = 0; round < ROUNDS_MAX; round++) {
        rp_status status = rp_diff_take(client, items, count, arena, &diff, reterr);
        if (status != RP_OK || rp_diff_is_empty(&diff))
            return status;
        status = permitted(&diff, options, reterr);
        for (size_t i = 0; i < sizeof order / sizeof order[0] && status == RP_OK; i++)
            status = change_all(client, &diff, order[i], options, arena, reterr);
        if (status != RP_OK)
            return status;
    }
    rp_status status = rp_diff_take(client, items, count, arena, &diff, reterr);
    return status != RP_OK || rp_diff_is_empty(&diff) ? status : unfinished(&diff, reterr);
}
