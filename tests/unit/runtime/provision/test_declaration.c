/* The declaration: what the items say, their names, and what is refused. */
#include "runtime/provision/declaration.h"

#include "runtime/base/name.h"

#include <criterion/criterion.h>

static rp_arena arena;
static rp_item *items;
static size_t count;

static void setup(void)
{
    cr_assert_eq(rp_arena_init(&arena, 64 << 10, 8 << 20), RP_OK);
    items = NULL;
    count = 0;
}

static void teardown(void)
{
    rp_arena_done(&arena);
}

TestSuite(declaration, .init = setup, .fini = teardown);

static const rp_item *find(const char *stream, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        bool same = name ? items[i].name && strcmp(items[i].name, name) == 0 : !items[i].name;
        if (same && strcmp(items[i].stream, stream) == 0)
            return &items[i];
    }
    cr_assert(false, "no item %s %s", stream, name ? name : "");
    return NULL;
}

static yyjson_val *field(const rp_item *item, const char *name)
{
    yyjson_val *value = yyjson_obj_get(item->config, name);
    cr_assert_not_null(value, "%s has no %s", item->stream, name);
    return value;
}

static bool is_text(const rp_item *item, const char *name, const char *text)
{
    return yyjson_equals_str(field(item, name), text);
}

static void build(const rp_declaration_spec *spec)
{
    rp_error error = {0};
    cr_assert_eq(
        rp_declaration_build(spec, &arena, &items, &count, &error), RP_OK, "%s", error.message);
}

Test(declaration, every_stream_is_a_bounded_file_stream)
{
    build(&(rp_declaration_spec){0});
    cr_assert_eq(count, rp_declaration_streams_count + rp_declaration_durables_count);
    uint64_t total = 0;
    for (size_t i = 0; i < rp_declaration_streams_count; i++) {
        cr_expect(is_text(&items[i], "storage", "file"));
        cr_expect(is_text(&items[i], "retention", "limits"));
        cr_expect_gt(yyjson_get_sint(field(&items[i], "max_bytes")), 0);
        cr_expect(yyjson_is_true(field(&items[i], "allow_direct")));
        cr_expect(items[i].keeps_max_bytes && items[i].keeps_replicas);
        uint64_t window = yyjson_get_uint(field(&items[i], "duplicate_window"));
        uint64_t age = yyjson_get_uint(field(&items[i], "max_age"));
        cr_expect(age == 0 || window <= age, "the server refuses it: %s", items[i].stream);
        total += yyjson_get_uint(field(&items[i], "max_bytes"));
    }
    cr_expect_lt(total, UINT64_C(4) << 30, "too much for a laptop");
}

Test(declaration, the_streams_that_recipes_fix)
{
    build(&(rp_declaration_spec){0});
    const rp_item *request = find("REQUEST", NULL), *reply = find("REPLY", NULL),
                  *actors = find("KV_ACTORS", NULL);
    cr_expect(is_text(request, "discard", "new"));
    cr_expect_eq(yyjson_get_uint(field(request, "duplicate_window")), UINT64_C(100000000));
    cr_expect(is_text(reply, "discard", "old"));
    cr_expect_eq(yyjson_get_uint(field(reply, "max_age")), UINT64_C(3600000000000));
    cr_expect(
        yyjson_equals_str(yyjson_obj_get(field(reply, "subject_transform"), "src"), "put.reply.>"));
    cr_expect(yyjson_equals_str(yyjson_obj_get(field(reply, "republish"), "dest"), "reply.>"));
    /* A stock bucket, and no marker setting, which would raise short TTLs. */
    cr_expect_eq(yyjson_get_sint(field(actors, "max_msgs_per_subject")), 1);
    cr_expect(yyjson_is_true(field(actors, "allow_rollup_hdrs")));
    cr_expect(yyjson_is_true(field(actors, "allow_msg_ttl")));
    cr_expect(yyjson_is_true(field(actors, "deny_delete")));
    cr_expect_eq(yyjson_get_uint(field(actors, "subject_delete_marker_ttl")), 0);
    cr_expect_eq(yyjson_get_uint(field(actors, "max_age")), 0);
}

Test(declaration, durables)
{
    rp_model_version models[] = {{"gemma3", "4b1c22d0a9ef", 2}, {"v1.2/x", "a b", 1}};
    build(&(rp_declaration_spec){.models = models, .models_count = 2});
    const rp_item *tokenizer = find("REQUEST", "tokenizer");
    cr_expect_eq(yyjson_arr_size(field(tokenizer, "filter_subjects")), 2);
    cr_expect(is_text(tokenizer, "ack_policy", "explicit"));
    cr_expect_eq(yyjson_get_uint(field(tokenizer, "ack_wait")), UINT64_C(5000000000));
    cr_expect_eq(yyjson_get_sint(field(tokenizer, "max_deliver")), -1);
    cr_expect_eq(yyjson_get_sint(field(tokenizer, "max_ack_pending")), -1);
    const rp_item *lane = find("EXEC", "executor-gemma3-4b1c22d0a9ef-normal-1");
    cr_expect(is_text(lane, "filter_subject", "exec.gemma3.4b1c22d0a9ef.normal-1"));
    cr_expect(lane->filter_is_identity);
    find("EXEC", "executor-gemma3-4b1c22d0a9ef-normal-0");
    const rp_item *odd = find("EXEC", "executor-v1=2E2=2Fx-a=20b-normal-0");
    cr_expect(is_text(odd, "filter_subject", "exec.v1=2E2=2Fx.a=20b.normal-0"));
}

Test(declaration, sizes_scale_together)
{
    build(&(rp_declaration_spec){.bytes_total = UINT64_C(100) << 30, .replicas = 3});
    uint64_t total = 0;
    for (size_t i = 0; i < rp_declaration_streams_count; i++) {
        total += yyjson_get_uint(field(&items[i], "max_bytes"));
        cr_expect_eq(yyjson_get_uint(field(&items[i], "num_replicas")), 3);
        cr_expect(!items[i].keeps_max_bytes && !items[i].keeps_replicas);
    }
    cr_expect_leq(total, UINT64_C(100) << 30);
    cr_expect_geq(total, UINT64_C(99) << 30);
}

static void refused(const rp_declaration_spec *spec, rp_status status, const char *name)
{
    rp_error error = {0};
    cr_expect_eq(rp_declaration_build(spec, &arena, &items, &count, &error), status, "%s", name);
    cr_expect_str_eq(error.field, name, "%s", error.message);
}

Test(declaration, refuses)
{
    char long_name[RP_NAME_MAX + 2], dots[RP_NAME_MAX + 1];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    memset(dots, '.', sizeof dots - 1); /* three bytes each when encoded */
    dots[sizeof dots - 1] = '\0';
    rp_model_version too_long = {long_name, "1", 1}, encoded = {dots, "1", 1},
                     no_name = {"", "1", 1}, no_version = {"a", "", 1}, no_lanes = {"a", "1", 0},
                     many_lanes = {"a", "1", 17};
    rp_model_version twice[] = {{"a", "1", 1}, {"a", "1", 1}};
    rp_model_version alike[] = {{"a-b", "c", 1}, {"a", "b-c", 1}};
    refused(&(rp_declaration_spec){&too_long, 1, 0, 0}, RP_LIMIT, "model");
    refused(&(rp_declaration_spec){&encoded, 1, 0, 0}, RP_LIMIT, "model");
    refused(&(rp_declaration_spec){&no_name, 1, 0, 0}, RP_INVALID, "model");
    refused(&(rp_declaration_spec){&no_version, 1, 0, 0}, RP_INVALID, "version");
    refused(&(rp_declaration_spec){&no_lanes, 1, 0, 0}, RP_LIMIT, "lanes");
    refused(&(rp_declaration_spec){&many_lanes, 1, 0, 0}, RP_LIMIT, "lanes");
    refused(&(rp_declaration_spec){twice, 2, 0, 0}, RP_INVALID, "model");
    refused(&(rp_declaration_spec){alike, 2, 0, 0}, RP_INVALID, "model");
    refused(&(rp_declaration_spec){.bytes_total = 1}, RP_LIMIT, "max-bytes");
    refused(&(rp_declaration_spec){.replicas = 6}, RP_LIMIT, "replicas");
}
