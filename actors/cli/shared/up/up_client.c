#include "actors/cli/shared/up/up_client.h"

#include <stdio.h>

/* -- which one --------------------------------------------------------------------------------- */

static bool is_up(const rp_roster_record *record, bool ready)
{
    return record->alive && record->actor->ready == ready &&
           strcmp(record->actor->kind, RP_UP_KIND) == 0;
}

/* Those that serve; where there is none, those that begin or end. */
static size_t candidates(
    const rp_roster *roster, const char *name, const rp_roster_record **ret_found, rp_buffer *names)
{
    size_t count = 0;
    for (int ready = 1; ready >= 0 && count == 0; ready--) {
        for (size_t i = 0; i < roster->count; i++) {
            const rp_roster_record *r = &roster->records[i];
            if (!is_up(r, ready))
                continue;
            rp_buffer_printf(names, "%s%s", count++ ? ", " : "", r->actor->instance);
            if (!name || strcmp(r->actor->instance, name) == 0)
                *ret_found = r;
        }
    }
    return count;
}

rp_status rp_up_find(
    const rp_roster *roster, const char *name, const rp_roster_record **ret_up, rp_error *reterr)
{
    rp_buffer names;
    const rp_roster_record *found = NULL;
    rp_status status = RP_OK;
    rp_buffer_init(&names, 200);
    size_t count = candidates(roster, name, &found, &names);
    if (count == 0)
        status = rp_error_set(reterr, RP_NOT_FOUND, "up",
            "no reprise up serves on this server. Actors that were started one by one are scaled "
            "by starting more, and by stopping some with SIGTERM");
    else if (!found)
        status = rp_error_set(reterr, RP_NOT_FOUND, "up",
            "no reprise up named %.60s serves here; there are: %s", name, rp_buffer_string(&names));
    else if (!name && count > 1)
        status = rp_error_set(reterr, RP_INVALID, "up",
            "%zu reprise up serve here: name one with --up: %s", count, rp_buffer_string(&names));
    else
        *ret_up = found;
    rp_buffer_done(&names);
    return status;
}

/* -- the exchange ------------------------------------------------------------------------------ */

static rp_status status_of(const char *code)
{
    rp_status status = RP_INVALID;
    while (status < RP_STATUS_COUNT && (!code || strcmp(rp_status_name(status), code) != 0))
        status++;
    return status < RP_STATUS_COUNT ? status : RP_INTERNAL;
}

static rp_status refusal(yyjson_val *error, rp_error *reterr)
{
    const char *message = yyjson_get_str(yyjson_obj_get(error, "message"));
    const char *field = yyjson_get_str(yyjson_obj_get(error, "field"));
    const char *limit = yyjson_get_str(yyjson_obj_get(error, "limit"));
    rp_status status = status_of(yyjson_get_str(yyjson_obj_get(error, "code")));
    rp_error_set(reterr, status, field, "%s", message ? message : "refused, without a reason");
    if (reterr && limit)
        snprintf(reterr->limit, sizeof reterr->limit, "%s", limit);
    return status;
}

rp_status rp_up_ask(rp_client *client, const char *instance, const char *operation, rp_bytes body,
    uint64_t timeout_ns, rp_arena *arena, yyjson_val **ret_answer, rp_error *reterr)
{
    char subject[RP_CLIENT_SUBJECT_BYTES];
    rp_message *message = NULL;
    yyjson_doc *doc = NULL;
    rp_error error = {0};
    snprintf(subject, sizeof subject, "ask." RP_UP_KIND ".%.200s.%s", instance, operation);
    rp_status status = rp_client_request(client, subject, body, timeout_ns, &message, &error);
    if (status == RP_UNAVAILABLE && strcmp(error.field, "subject") == 0)
        return rp_error_set(reterr, status, "up", "%s has gone", instance);
    if (status == RP_TIMEOUT)
        return rp_error_set(reterr, status, "up",
            "%s does not answer: it was stopped, or its machine is out of reach", instance);
    if (status != RP_OK)
        return rp_error_set(reterr, status, error.field, "%s", error.message);
    status = rp_json_parse(message->body, arena, &doc, reterr);
    rp_message_free(message);
    if (status != RP_OK)
        return rp_error_set(reterr, RP_CORRUPT, "up", "what %s answers is no JSON", instance);
    yyjson_val *root = yyjson_doc_get_root(doc), *refused = yyjson_obj_get(root, "error");
    if (refused)
        return refusal(refused, reterr);
    *ret_answer = root;
    return RP_OK;
}
