/* JSON: reading through yyjson into an arena, writing into a buffer.
 *
 * Reading is strict RFC 8259 in UTF-8: no comments, no trailing commas, no NaN, no invalid UTF-8.
 * The document lives in the arena and ends with it.
 *
 *     yyjson_doc *doc;
 *     if (rp_json_parse(body, &arena, &doc, reterr) != RP_OK) ...
 *     yyjson_val *root = yyjson_doc_get_root(doc);
 */
#ifndef RUNTIME_BASE_JSON_H
#define RUNTIME_BASE_JSON_H

#include "runtime/base/arena.h"
#include "runtime/base/buffer.h"

#include <yyjson.h>

/* RP_INVALID with the place (line and column) in the message; RP_LIMIT where the arena is full.
 * `ret_doc` lives in `arena`; strings in it point there too. */
RP_MUST_USE rp_status rp_json_parse(
    rp_bytes text, rp_arena *arena, yyjson_doc **ret_doc, rp_error *reterr);

/* Appends `text` as a JSON string with its quotes. Invalid UTF-8 becomes U+FFFD. */
void rp_json_string(rp_buffer *out, rp_bytes text);

/* Appends the shortest decimal that reads back as `value`; null for NaN and infinities. */
void rp_json_double(rp_buffer *out, double value);
void rp_json_float(rp_buffer *out, float value);

#endif
