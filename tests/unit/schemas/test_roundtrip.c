/* What holds for every message: it comes back from either encoding as it went in. */
#include "schemas/codec.h"
#include "schemas/schema.h"

#include <criterion/criterion.h>

#include "tests/unit/schemas/generated.h"

enum { SEEDS = 200, BODY_MAX = 64 << 10 };

typedef struct bench {
    rp_arena arena;
    rp_buffer json, json_again, binary, binary_again;
} bench;

static bench *bench_new(void)
{
    static bench b;
    cr_assert_eq(rp_arena_init(&b.arena, 64 << 10, 4 << 20), RP_OK);
    rp_buffer *const buffers[] = {&b.json, &b.json_again, &b.binary, &b.binary_again};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        rp_buffer_init(buffers[i], BODY_MAX);
    return &b;
}

static void bench_free(bench *b)
{
    rp_arena_done(&b->arena);
    rp_buffer_done(&b->json);
    rp_buffer_done(&b->json_again);
    rp_buffer_done(&b->binary);
    rp_buffer_done(&b->binary_again);
}

static void encode(const ProtobufCMessage *message, rp_encoding encoding, rp_buffer *out)
{
    rp_error error = {0};
    rp_buffer_clear(out);
    cr_assert_eq(rp_schema_encode(message, encoding, out, &error), RP_OK, "%s", error.message);
}

static ProtobufCMessage *decode(
    bench *b, const ProtobufCMessageDescriptor *type, rp_encoding encoding, const rp_buffer *body)
{
    void *message = NULL;
    rp_refusal refusal = {0};
    rp_status status =
        rp_schema_decode(type, encoding, rp_buffer_bytes(body), &b->arena, &message, &refusal);
    cr_assert_eq(status, RP_OK, "%s: %s\n%s", type->name, refusal.detail.message,
        encoding == RP_ENCODING_JSON ? rp_buffer_string(body) : "");
    return message;
}

Test(roundtrip, every_message_is_the_same_in_both_encodings)
{
    bench *b = bench_new();
    for (size_t i = 0; i < rp_schema_messages_count; i++) {
        const ProtobufCMessageDescriptor *type = rp_schema_messages[i].type;
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            rp_arena_reset(&b->arena);
            const ProtobufCMessage *message = generated_message(type, seed, &b->arena);
            encode(message, RP_ENCODING_JSON, &b->json);
            encode(message, RP_ENCODING_PROTOBUF, &b->binary);

            const ProtobufCMessage *from_json = decode(b, type, RP_ENCODING_JSON, &b->json);
            encode(from_json, RP_ENCODING_PROTOBUF, &b->binary_again);
            cr_assert(
                rp_bytes_equal(rp_buffer_bytes(&b->binary), rp_buffer_bytes(&b->binary_again)),
                "%s, seed %d: protobuf differs after JSON: %s", type->name, (int)seed,
                rp_buffer_string(&b->json));

            const ProtobufCMessage *from_binary = decode(b, type, RP_ENCODING_PROTOBUF, &b->binary);
            encode(from_binary, RP_ENCODING_JSON, &b->json_again);
            cr_assert_str_eq(
                rp_buffer_string(&b->json), rp_buffer_string(&b->json_again), "%s", type->name);
        }
    }
    bench_free(b);
}

Test(roundtrip, a_body_cut_short_is_refused_or_another_message_and_never_a_crash)
{
    bench *b = bench_new();
    for (size_t i = 0; i < rp_schema_messages_count; i++) {
        const ProtobufCMessageDescriptor *type = rp_schema_messages[i].type;
        rp_arena_reset(&b->arena);
        encode(generated_message(type, 3, &b->arena), RP_ENCODING_JSON, &b->json);
        encode(generated_message(type, 3, &b->arena), RP_ENCODING_PROTOBUF, &b->binary);
        for (size_t len = 0; len < b->json.len; len++) {
            void *message;
            cr_assert_eq(rp_schema_decode(type, RP_ENCODING_JSON, rp_bytes_of(b->json.data, len),
                             &b->arena, &message, NULL),
                RP_INVALID);
            rp_arena_reset(&b->arena);
        }
        for (size_t len = 0; len < b->binary.len; len++) {
            void *message;
            rp_status status = rp_schema_decode(type, RP_ENCODING_PROTOBUF,
                rp_bytes_of(b->binary.data, len), &b->arena, &message, NULL);
            cr_assert(status == RP_OK || status == RP_INVALID);
            rp_arena_reset(&b->arena);
        }
    }
    bench_free(b);
}
