/* Any bytes: as a JSON document they are refused, or written again they read the same; as a string
 * they become JSON that reads back, to the same bytes where they are UTF-8. */
#include "runtime/base/json.h"
#include "runtime/base/utf8.h"

enum { ARENA_MAX = 8 << 20, OUT_MAX = 4 << 20, DEPTH_MAX = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_value(rp_buffer *out, yyjson_val *value, int depth);

static void put_text(rp_buffer *out, yyjson_val *value)
{
    rp_json_string(out, rp_bytes_of(yyjson_get_str(value), yyjson_get_len(value)));
}

static void put_object(rp_buffer *out, yyjson_val *object, int depth)
{
    size_t i, count;
    yyjson_val *key, *value;
    rp_buffer_byte(out, '{');
    yyjson_obj_foreach(object, i, count, key, value)
    {
        if (i > 0)
            rp_buffer_byte(out, ',');
        put_text(out, key);
        rp_buffer_byte(out, ':');
        put_value(out, value, depth);
    }
    rp_buffer_byte(out, '}');
}

static void put_array(rp_buffer *out, yyjson_val *array, int depth)
{
    size_t i, count;
    yyjson_val *value;
    rp_buffer_byte(out, '[');
    yyjson_arr_foreach(array, i, count, value)
    {
        if (i > 0)
            rp_buffer_byte(out, ',');
        put_value(out, value, depth);
    }
    rp_buffer_byte(out, ']');
}

/* What is deeper than we care to recurse is left out, alike each time. */
static void put_value(rp_buffer *out, yyjson_val *value, int depth)
{
    if (depth == DEPTH_MAX)
        rp_buffer_text(out, "null");
    else if (yyjson_is_obj(value))
        put_object(out, value, depth + 1);
    else if (yyjson_is_arr(value))
        put_array(out, value, depth + 1);
    else if (yyjson_is_str(value))
        put_text(out, value);
    else if (yyjson_is_real(value))
        rp_json_double(out, yyjson_get_real(value));
    else if (yyjson_is_uint(value))
        rp_buffer_printf(out, "%llu", (unsigned long long)yyjson_get_uint(value));
    else if (yyjson_is_sint(value))
        rp_buffer_printf(out, "%lld", (long long)yyjson_get_sint(value));
    else
        rp_buffer_text(out, yyjson_is_null(value)   ? "null"
                            : yyjson_is_true(value) ? "true"
                                                    : "false");
}

static void check_document(rp_bytes text, rp_arena *arena)
{
    rp_buffer out[2];
    yyjson_doc *doc;
    rp_error error = {0};
    rp_status status = rp_json_parse(text, arena, &doc, &error);
    if (status != RP_OK) {
        RP_ASSERT((status == RP_INVALID || status == RP_LIMIT) && error.message[0]);
        return;
    }
    for (int i = 0; i < 2; i++) {
        rp_buffer_init(&out[i], OUT_MAX);
        put_value(&out[i], yyjson_doc_get_root(doc), 0);
        RP_ASSERT(!out[i].truncated);
        RP_ASSERT(rp_json_parse(rp_buffer_bytes(&out[i]), arena, &doc, NULL) == RP_OK);
    }
    RP_ASSERT(rp_bytes_equal(rp_buffer_bytes(&out[0]), rp_buffer_bytes(&out[1])));
    rp_buffer_done(&out[0]);
    rp_buffer_done(&out[1]);
}

static void check_string(rp_bytes text, rp_arena *arena)
{
    rp_buffer out;
    yyjson_doc *doc;
    rp_buffer_init(&out, OUT_MAX);
    rp_json_string(&out, text);
    RP_ASSERT(rp_json_parse(rp_buffer_bytes(&out), arena, &doc, NULL) == RP_OK);
    yyjson_val *root = yyjson_doc_get_root(doc);
    RP_ASSERT(yyjson_is_str(root));
    rp_bytes back = rp_bytes_of(yyjson_get_str(root), yyjson_get_len(root));
    RP_ASSERT(rp_utf8_valid(back));
    RP_ASSERT(rp_bytes_equal(back, text) == rp_utf8_valid(text));
    rp_buffer_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rp_arena arena;
    if (size > 64 << 10)
        return 0;
    RP_ASSERT(rp_arena_init(&arena, 64 << 10, ARENA_MAX) == RP_OK);
    check_document(rp_bytes_of(data, size), &arena);
    rp_arena_reset(&arena);
    check_string(rp_bytes_of(data, size), &arena);
    rp_arena_done(&arena);
    return 0;
}
