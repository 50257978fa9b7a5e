#include "actors/cli/shared/up/scaling.h"

#include "actors/cli/shared/text/json_member.h"

#include <inttypes.h>

enum { ARENA_CHUNK = 16 << 10, ARENA_MAX = 256 << 10 };

void rp_scaling_write(const rp_scaling *scaling, rp_buffer *out)
{
    rp_buffer_text(out, "{");
    rp_json_member(out, "kind", scaling->kind);
    if (*scaling->model)
        rp_json_member(out, "model", scaling->model);
    rp_buffer_printf(out, ",\"count\":%" PRIu64 "}", scaling->count);
}

/* A member that is a text without NULs and fits; absent leaves "". */
static rp_status take_text(
    yyjson_val *root, const char *field, char *text, size_t text_bytes, rp_error *reterr)
{
    yyjson_val *value = yyjson_obj_get(root, field);
    const char *given = yyjson_get_str(value);
    text[0] = '\0';
    if (!value)
        return RP_OK;
    if (!given || strlen(given) != yyjson_get_len(value) || strlen(given) >= text_bytes)
        return rp_error_set(
            reterr, RP_INVALID, field, "%s is a text of at most %zu bytes", field, text_bytes - 1);
    memcpy(text, given, strlen(given) + 1);
    return RP_OK;
}

static rp_status read_root(yyjson_val *root, rp_scaling *scaling, rp_error *reterr)
{
    yyjson_val *count = yyjson_obj_get(root, "count");
    if (!yyjson_is_obj(root))
        return rp_error_set(reterr, RP_INVALID, NULL, "an order is a JSON object");
    rp_status status = take_text(root, "kind", scaling->kind, sizeof scaling->kind, reterr);
    if (status == RP_OK)
        status = take_text(root, "model", scaling->model, sizeof scaling->model, reterr);
    if (status != RP_OK)
        return status;
    if (!yyjson_is_uint(count))
        return rp_error_set(
            reterr, RP_INVALID, "count", "count is how many shall run, a whole number");
    scaling->count = yyjson_get_uint(count);
    if (scaling->count > RP_SCALING_COUNT_MAX)
        return rp_error_limit(reterr, "count", "32 processes",
            "%" PRIu64 " are too many: one reprise up runs 32 tokenizers, and 32 executors of a "
            "model, at most; start another on another machine",
            scaling->count);
    return RP_OK;
}

rp_status rp_scaling_read(rp_bytes body, rp_scaling *ret_scaling, rp_error *reterr)
{
    rp_arena arena;
    yyjson_doc *doc = NULL;
    rp_scaling scaling = {0};
    if (body.len > RP_SCALING_BYTES_MAX)
        return rp_error_limit(reterr, NULL, "4096 bytes", "the order is too long");
    rp_status status = rp_arena_init(&arena, ARENA_CHUNK, ARENA_MAX);
    if (status != RP_OK)
        return rp_error_set(reterr, status, NULL, "out of memory");
    status = rp_json_parse(body, &arena, &doc, reterr);
    if (status == RP_OK)
        status = read_root(yyjson_doc_get_root(doc), &scaling, reterr);
    rp_arena_done(&arena);
    if (status == RP_OK)
        *ret_scaling = scaling;
    return status;
}
