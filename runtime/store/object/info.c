#include "runtime/store/object/info.h"

#include "runtime/base/base64.h"
#include "runtime/base/clock.h"
#include "runtime/base/json.h"
#include "runtime/base/utf8.h"

#include <inttypes.h>
#include <stdio.h>

/* A document takes some times its text; of one that needs more, nothing would be read anyway. */
enum { ARENA_CHUNK_BYTES = 4 << 10, ARENA_BYTES_MAX = 32 * RP_OBJECT_INFO_BYTES_MAX };

static const char digest_prefix[] = "SHA-256=";

/* -- names ------------------------------------------------------------------------------------- */

static bool is_name(rp_bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] < ' ' || name.data[i] == 0x7f)
            return false;
    }
    return name.len > 0 && name.len <= RP_OBJECT_NAME_MAX && rp_utf8_valid(name);
}

bool rp_object_is_name(const char *name)
{
    return is_name(rp_bytes_text(name));
}

/* A token of a subject. */
static bool is_nuid(rp_bytes nuid)
{
    for (size_t i = 0; i < nuid.len; i++) {
        uint8_t c = nuid.data[i];
        if (c <= ' ' || c > '~' || c == '.' || c == '*' || c == '>')
            return false;
    }
    return nuid.len <= RP_OBJECT_NUID_MAX;
}

/* -- reading ----------------------------------------------------------------------------------- */

static rp_status wrong(rp_error *reterr, const char *field)
{
    return rp_error_set(
        reterr, RP_CORRUPT, field, "what the object says of itself has a bad \"%s\"", field);
}

static bool is_missing(yyjson_val *value)
{
    return !value || yyjson_is_null(value);
}

static rp_status read_text(
    yyjson_val *root, const char *field, bool (*holds)(rp_bytes text), char *text, rp_error *reterr)
{
    yyjson_val *value = yyjson_obj_get(root, field);
    if (is_missing(value))
        return RP_OK;
    rp_bytes found = rp_bytes_of(yyjson_get_str(value), yyjson_get_len(value));
    if (!yyjson_is_str(value) || !holds(found))
        return wrong(reterr, field);
    memcpy(text, found.data, found.len);
    text[found.len] = '\0';
    return RP_OK;
}

static rp_status read_number(
    yyjson_val *root, const char *field, uint64_t *ret_number, rp_error *reterr)
{
    yyjson_val *value = yyjson_obj_get(root, field);
    if (is_missing(value))
        return RP_OK;
    if (!yyjson_is_uint(value) || yyjson_get_uint(value) > RP_OBJECT_BYTES_MAX)
        return wrong(reterr, field);
    *ret_number = yyjson_get_uint(value);
    return RP_OK;
}

static rp_status read_digest(yyjson_val *root, char digest[RP_SHA256_TEXT_BYTES], rp_error *reterr)
{
    yyjson_val *value = yyjson_obj_get(root, "digest");
    const size_t prefix = sizeof digest_prefix - 1;
    uint8_t bytes[RP_SHA256_BYTES];
    size_t len = 0;
    if (is_missing(value) || yyjson_equals_str(value, ""))
        return RP_OK;
    rp_bytes text = rp_bytes_of(yyjson_get_str(value), yyjson_get_len(value));
    if (!yyjson_is_str(value) || text.len < prefix || memcmp(text.data, digest_prefix, prefix) != 0)
        return wrong(reterr, "digest");
    text = rp_bytes_of(text.data + prefix, text.len - prefix);
    if (rp_base64_url_parse(text, bytes, sizeof bytes, &len) != RP_OK || len != sizeof bytes)
        return wrong(reterr, "digest");
    rp_sha256_text(bytes, digest);
    return RP_OK;
}

static rp_status read_info(yyjson_val *root, rp_object_info *info, rp_error *reterr)
{
    yyjson_val *deleted = yyjson_obj_get(root, "deleted");
    yyjson_val *mtime = yyjson_obj_get(root, "mtime");
    if (!yyjson_is_obj(root))
        return rp_error_set(
            reterr, RP_CORRUPT, NULL, "what the object says of itself is no object");
    rp_status status = read_text(root, "name", is_name, info->name, reterr);
    if (status == RP_OK)
        status = read_text(root, "nuid", is_nuid, info->nuid, reterr);
    if (status == RP_OK)
        status = read_number(root, "size", &info->size, reterr);
    if (status == RP_OK)
        status = read_number(root, "chunks", &info->chunks, reterr);
    if (status == RP_OK)
        status = read_digest(root, info->digest, reterr);
    if (status != RP_OK)
        return status;
    if (!is_missing(deleted) && !yyjson_is_bool(deleted))
        return wrong(reterr, "deleted");
    info->deleted = yyjson_is_true(deleted);
    info->link = !is_missing(yyjson_obj_get(yyjson_obj_get(root, "options"), "link"));
    /* Some clients write no time, or the year 1. */
    if (!yyjson_is_str(mtime) ||
        rp_clock_parse(
            rp_bytes_of(yyjson_get_str(mtime), yyjson_get_len(mtime)), &info->modified_ns) != RP_OK)
        info->modified_ns = 0;
    if (!info->name[0])
        return wrong(reterr, "name");
    if (info->chunks > info->size || (info->chunks == 0) != (info->size == 0))
        return wrong(reterr, "chunks");
    if (info->chunks > 0 && !info->nuid[0])
        return wrong(reterr, "nuid");
    return RP_OK;
}

rp_status rp_object_info_parse(rp_bytes json, rp_object_info *ret_info, rp_error *reterr)
{
    rp_object_info info = {0};
    rp_arena arena;
    yyjson_doc *doc = NULL;
    if (json.len > RP_OBJECT_INFO_BYTES_MAX)
        return rp_error_limit(reterr, NULL, "64 KiB", "what the object says of itself is too long");
    rp_status status = rp_arena_init(&arena, ARENA_CHUNK_BYTES, ARENA_BYTES_MAX);
    if (status != RP_OK)
        return status;
    status = rp_json_parse(json, &arena, &doc, reterr);
    if (status == RP_OK)
        status = read_info(yyjson_doc_get_root(doc), &info, reterr);
    rp_arena_done(&arena);
    if (status == RP_OK)
        *ret_info = info;
    return status == RP_OK || status == RP_NO_MEMORY ? status : RP_CORRUPT;
}

/* -- writing ----------------------------------------------------------------------------------- */

static void write_digest(const char *digest, rp_buffer *out)
{
    char text[RP_BASE64_BYTES(RP_SHA256_BYTES)] = "";
    uint8_t bytes[RP_SHA256_BYTES] = {0};
    for (size_t i = 0; i < 2 * sizeof bytes; i++) {
        char c = digest[i];
        bytes[i / 2] = (uint8_t)(bytes[i / 2] << 4 | (c <= '9' ? c - '0' : c - 'a' + 10));
    }
    rp_status status = rp_base64_url(rp_bytes_of(bytes, sizeof bytes), text, sizeof text);
    RP_ASSERT(status == RP_OK);
    rp_buffer_printf(out, ",\"digest\":\"%s%s\"", digest_prefix, text);
}

void rp_object_info_write(
    const rp_object_info *info, const char *bucket, uint32_t chunk_bytes, rp_buffer *out)
{
    char mtime[RP_CLOCK_TEXT_BYTES];
    rp_clock_text(info->modified_ns, mtime);
    rp_buffer_text(out, "{\"name\":");
    rp_json_string(out, rp_bytes_text(info->name));
    rp_buffer_printf(out, ",\"bucket\":\"%s\",\"nuid\":", bucket);
    rp_json_string(out, rp_bytes_text(info->nuid));
    rp_buffer_printf(out, ",\"size\":%" PRIu64 ",\"mtime\":\"%s\",\"chunks\":%" PRIu64, info->size,
        mtime, info->chunks);
    if (info->digest[0])
        write_digest(info->digest, out);
    if (chunk_bytes)
        rp_buffer_printf(out, ",\"options\":{\"max_chunk_size\":%" PRIu32 "}", chunk_bytes);
    rp_buffer_text(out, info->deleted ? ",\"deleted\":true}" : "}");
}
