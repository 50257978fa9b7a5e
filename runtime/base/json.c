#include "runtime/base/json.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/utf8.h"

/* yyjson asks for memory through these; only the newest piece can grow in place, so a realloc
 * copies. The arena's bound is the document's bound. */
static void *arena_malloc(void *context, size_t size)
{
    return rp_arena_alloc(context, size);
}

static void *arena_realloc(void *context, void *piece, size_t old_size, size_t size)
{
    if (size <= old_size)
        return piece;
    void *larger = rp_arena_alloc(context, size);
    if (larger && old_size)
        memcpy(larger, piece, old_size);
    return larger;
}

static void arena_free(void *context, void *piece)
{
    (void)context;
    (void)piece;
}

rp_status rp_json_parse(rp_bytes text, rp_arena *arena, yyjson_doc **ret_doc, rp_error *reterr)
{
    yyjson_alc allocator = {arena_malloc, arena_realloc, arena_free, arena};
    yyjson_read_err failure = {0};
    if (text.len == 0)
        return rp_error_set(reterr, RP_INVALID, NULL, "the body is empty; expected a JSON object");
    /* Without the in-situ flag yyjson does not write to its input. */
    yyjson_doc *doc =
        yyjson_read_opts((char *)(uintptr_t)text.data, text.len, 0, &allocator, &failure);
    if (doc) {
        *ret_doc = doc;
        return RP_OK;
    }
    if (failure.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return rp_error_set(reterr, RP_LIMIT, NULL,
            "the JSON needs more memory than the %zu bytes a message may take", arena->bytes_max);
    size_t line = 1, column = 1;
    for (size_t i = 0; i < failure.pos && i < text.len; i++) {
        column = text.data[i] == '\n' ? 1 : column + 1;
        line += text.data[i] == '\n';
    }
    return rp_error_set(reterr, RP_INVALID, NULL, "not JSON at line %zu, column %zu: %s", line,
        column, failure.msg);
}

static void escape(rp_buffer *out, uint8_t c)
{
    switch (c) {
    case '"':
        rp_buffer_text(out, "\\\"");
        break;
    case '\\':
        rp_buffer_text(out, "\\\\");
        break;
    case '\n':
        rp_buffer_text(out, "\\n");
        break;
    case '\r':
        rp_buffer_text(out, "\\r");
        break;
    case '\t':
        rp_buffer_text(out, "\\t");
        break;
    default:
        rp_buffer_printf(out, "\\u%04x", c);
    }
}

void rp_json_string(rp_buffer *out, rp_bytes text)
{
    size_t plain = 0; /* start of the run that is copied as it stands */
    rp_buffer_byte(out, '"');
    for (size_t i = 0; i < text.len;) {
        uint8_t c = text.data[i];
        size_t n;
        bool whole = rp_utf8_next(rp_bytes_of(text.data + i, text.len - i), &n) == RP_UTF8_WHOLE;
        if (!whole || c < 0x20 || c == '"' || c == '\\') {
            rp_buffer_append(out, text.data + plain, i - plain);
            if (whole)
                escape(out, c);
            else
                rp_buffer_text(out, RP_UTF8_REPLACEMENT);
            plain = i + n;
        }
        i += n;
    }
    if (text.len > plain)
        rp_buffer_append(out, text.data + plain, text.len - plain);
    rp_buffer_byte(out, '"');
}

void rp_json_double(rp_buffer *out, double value)
{
    char text[40];
    if (!isfinite(value)) {
        rp_buffer_text(out, "null");
        return;
    }
    if (value == 0) { /* "-0" would be read as an integer, which has no sign there */
        rp_buffer_text(out, signbit(value) ? "-0.0" : "0");
        return;
    }
    /* what has 15 digits reads back, but the least numbers, which have fewer that mean something */
    for (int digits = fabs(value) < DBL_MIN ? 1 : DBL_DIG; digits <= DBL_DECIMAL_DIG; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    rp_buffer_text(out, text);
}

void rp_json_float(rp_buffer *out, float value)
{
    char text[40];
    if (!isfinite(value)) {
        rp_buffer_text(out, "null");
        return;
    }
    if (value == 0) { /* "-0" would be read as an integer, which has no sign there */
        rp_buffer_text(out, signbit(value) ? "-0.0" : "0");
        return;
    }
    for (int digits = fabsf(value) < FLT_MIN ? 1 : FLT_DIG; digits <= FLT_DECIMAL_DIG; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    rp_buffer_text(out, text);
}
