/* Messages of reprise.v1 to bytes and back, as JSON and as protobuf.
 *
 * Both encodings carry the same messages under the same rules, by reflection over protobuf-c's
 * descriptors; a new field in a .proto is in both at once.
 *
 *     void *decoded;
 *     rp_refusal refusal;
 *     if (rp_schema_decode(&rp__infer_request__descriptor, encoding, body, &arena, &decoded,
 *             &refusal) != RP_OK)
 *         return answer_error(&refusal);
 *     const Rp__InferRequest *request = decoded;
 *
 *     Rp__Chunk chunk = RP__CHUNK__INIT;
 *     ...
 *     status = rp_schema_encode(&chunk.base, RP_ENCODING_JSON, &out, &error);
 *
 * Bodies are hostile. What decodes is whole: required fields are there, strings are UTF-8, names
 * hold no U+0000, numbers are finite and in the range of their type, enums have known values, a map
 * has no key twice and no field is given twice. A message that breaks this is not encoded either,
 * so what we write can be read. Whether values make sense is another matter (schemas/validate.h).
 *
 * In JSON
 * - a field has its name in the .proto, an enum value the lower case of its name;
 * - a map is an object, bytes are base64 (RFC 4648, padded), 64-bit integers are numbers;
 * - a float is the shortest decimal that reads back the same;
 * - an absent field is left out, and so is an empty list unless the schema marks it `always`.
 * Reading also takes null for an absent field, one value for a list of one, a decimal string for an
 * integer, and 4.0 for 4. An unknown field of a closed message is refused with the nearest known
 * name; one of an open message is skipped, in either encoding.
 *
 * Nothing here allocates but from the caller's arena and buffer, and nothing is kept. Any thread.
 */
#ifndef SCHEMAS_CODEC_H
#define SCHEMAS_CODEC_H

#include <protobuf-c/protobuf-c.h>

#include "runtime/base/arena.h"
#include "runtime/base/buffer.h"
#include "runtime/base/bytes.h"
#include "schemas/refusal.h"

/* The encodings; the numbers are those of reprise.v1.Exec.Encoding. */
typedef enum rp_encoding { RP_ENCODING_JSON = 1, RP_ENCODING_PROTOBUF = 2 } rp_encoding;

enum {
    RP_SCHEMA_MAP_MAX = 1024,  /* entries of a map */
    RP_SCHEMA_FIELDS_MAX = 64, /* fields of one message type */
};

/* The encoding that a Content-Type header names; an empty one (no header) is JSON. Parameters
 * ("; charset=utf-8") and letter case do not matter. Another type is refused as `unsupported`. */
RP_MUST_USE rp_status rp_encoding_of(
    rp_bytes content_type, rp_encoding *ret_encoding, rp_refusal *retref);

/* "application/json" or "application/protobuf". */
const char *rp_encoding_content_type(rp_encoding encoding);

/* Reads `body` as a message of `type`. `ret_message` is the generated struct of `type`; it and all
 * it points to live in `arena`. RP_INVALID where the body is wrong, with the place of the fault in
 * the refusal ("messages[2].content"); RP_LIMIT where it needs more than the arena gives or a map
 * is too large; `retref` may be NULL. */
RP_MUST_USE rp_status rp_schema_decode(const ProtobufCMessageDescriptor *type, rp_encoding encoding,
    rp_bytes body, rp_arena *arena, void **ret_message, rp_refusal *retref);

/* Appends `message` (`&chunk.base`) to `out`. RP_INVALID where the message breaks a rule above,
 * RP_LIMIT where `out` is full; then `out` holds what it held before. */
RP_MUST_USE rp_status rp_schema_encode(
    const ProtobufCMessage *message, rp_encoding encoding, rp_buffer *out, rp_error *reterr);

/* The value of a text field that shows `text`, which it borrows and nobody writes to. */
static inline ProtobufCBinaryData rp_schema_text(rp_bytes text)
{
    return (ProtobufCBinaryData){.len = text.len, .data = (uint8_t *)(uintptr_t)text.data};
}

/* A view of a text or bytes field. */
static inline rp_bytes rp_schema_bytes(ProtobufCBinaryData value)
{
    return rp_bytes_of(value.data, value.len);
}

#endif
