#include "tests/fuzz/schemas/stable.h"

#include "runtime/base/utf8.h"

enum { ARENA_MAX = 8 << 20, OUT_MAX = 4 << 20 };

static void check_refusal(const rp_refusal *refusal)
{
    const rp_error *detail = &refusal->detail;
    RP_ASSERT(strcmp(rp_refusal_code_name(refusal->code), "unknown") != 0);
    RP_ASSERT(detail->message[0] != '\0');
    RP_ASSERT(rp_utf8_valid(rp_bytes_text(detail->message)));
    RP_ASSERT(rp_utf8_valid(rp_bytes_text(detail->field)));
    RP_ASSERT(rp_utf8_valid(rp_bytes_text(detail->limit)));
}

/* Writes a message as `encoding` into `out`, and reads it again. */
static ProtobufCMessage *again(
    const ProtobufCMessage *message, rp_encoding encoding, rp_buffer *out, rp_arena *arena)
{
    void *copy;
    rp_buffer_clear(out);
    RP_ASSERT(rp_schema_encode(message, encoding, out, NULL) == RP_OK);
    RP_ASSERT(rp_schema_decode(message->descriptor, encoding, rp_buffer_bytes(out), arena, &copy,
                  NULL) == RP_OK);
    return copy;
}

static void check_message(const ProtobufCMessage *message, rp_arena *arena)
{
    rp_buffer json[2], binary[2];
    for (int i = 0; i < 2; i++) {
        rp_buffer_init(&json[i], OUT_MAX);
        rp_buffer_init(&binary[i], OUT_MAX);
    }
    for (int i = 0; i < 2; i++) {
        message = again(message, RP_ENCODING_JSON, &json[i], arena);
        message = again(message, RP_ENCODING_PROTOBUF, &binary[i], arena);
    }
    RP_ASSERT(rp_bytes_equal(rp_buffer_bytes(&json[0]), rp_buffer_bytes(&json[1])));
    RP_ASSERT(rp_bytes_equal(rp_buffer_bytes(&binary[0]), rp_buffer_bytes(&binary[1])));
    for (int i = 0; i < 2; i++) {
        rp_buffer_done(&json[i]);
        rp_buffer_done(&binary[i]);
    }
}

void stable_body(const ProtobufCMessageDescriptor *type, rp_encoding encoding, rp_bytes body,
    rp_status (*check)(const void *message, rp_refusal *retref))
{
    rp_arena arena;
    rp_refusal refusal;
    void *message;
    RP_ASSERT(rp_arena_init(&arena, 64 << 10, ARENA_MAX) == RP_OK);
    if (rp_schema_decode(type, encoding, body, &arena, &message, &refusal) != RP_OK) {
        check_refusal(&refusal);
    } else {
        if (check && check(message, &refusal) != RP_OK)
            check_refusal(&refusal);
        check_message(message, &arena);
    }
    rp_arena_done(&arena);
}
