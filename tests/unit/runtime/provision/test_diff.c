/* The diff: what counts as equal, what can be updated, and what would destroy data. No server. */
#include "runtime/provision/diff.h"

#include <criterion/criterion.h>
#include <stdio.h>

static rp_arena arena;
static rp_item *items;
static size_t count;

static void setup(void)
{
    static const rp_model_version model = {"gemma3", "v1", 1};
    cr_assert_eq(rp_arena_init(&arena, 64 << 10, 8 << 20), RP_OK);
    cr_assert_eq(rp_declaration_build(&(rp_declaration_spec){.models = &model, .models_count = 1},
                     &arena, &items, &count, NULL),
        RP_OK);
}

static void teardown(void)
{
    rp_arena_done(&arena);
}

TestSuite(diff, .init = setup, .fini = teardown);

static rp_item *find(const char *stream, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        bool same = name ? items[i].name && strcmp(items[i].name, name) == 0 : !items[i].name;
        if (same && strcmp(items[i].stream, stream) == 0)
            return &items[i];
    }
    cr_assert(false, "no item %s", stream);
    return NULL;
}

static yyjson_val *parse(const char *text)
{
    yyjson_doc *doc = NULL;
    rp_error error = {0};
    cr_assert_eq(rp_json_parse(rp_bytes_text(text), &arena, &doc, &error), RP_OK, "%s: %s", text,
        error.message);
    return yyjson_doc_get_root(doc);
}

/* The item's own configuration with `field` set to a JSON text; NULL leaves the field out. */
static yyjson_val *altered(const rp_item *item, const char *field, const char *value)
{
    size_t index, n;
    yyjson_val *key, *own;
    rp_buffer out;
    rp_buffer_init(&out, 1 << 16);
    rp_buffer_text(&out, "{\"metadata\":{\"of\":\"others\"}");
    yyjson_obj_foreach(item->config, index, n, key, own)
    {
        char *text = yyjson_val_write(own, 0, NULL);
        bool this_one = strcmp(yyjson_get_str(key), field) == 0;
        if (!this_one || value)
            rp_buffer_printf(&out, ",\"%s\":%s", yyjson_get_str(key), this_one ? value : text);
        free(text);
    }
    rp_buffer_text(&out, "}");
    yyjson_val *root = parse(rp_buffer_string(&out));
    rp_buffer_done(&out);
    return root;
}

static rp_change compare(const rp_item *item, yyjson_val *have, const char *state)
{
    rp_change change;
    cr_assert_eq(
        rp_diff_compare(item, have, state ? parse(state) : NULL, &arena, &change, NULL), RP_OK);
    return change;
}

static void expect(const rp_item *item, const char *field, const char *value, const char *state,
    rp_change_action action, bool destroys)
{
    rp_change change = compare(item, altered(item, field, value), state);
    cr_expect_eq(change.action, action, "%s = %s: %s", field, value ? value : "(absent)",
        rp_change_action_name(change.action));
    cr_expect_eq(change.destroys, destroys, "%s = %s", field, value ? value : "(absent)");
    if (action != RP_CHANGE_NONE) {
        cr_assert_eq(change.fields_count, 1);
        cr_expect_str_eq(change.fields[0].field, field);
    }
}

Test(diff, what_is_missing_is_created)
{
    rp_change change = compare(find("REPLY", NULL), NULL, NULL);
    cr_assert_eq(change.action, RP_CHANGE_CREATE);
    cr_assert(!change.destroys);
    cr_assert(yyjson_equals(parse(change.body), find("REPLY", NULL)->config));
}

Test(diff, itself_is_unchanged)
{
    for (size_t i = 0; i < count; i++) {
        rp_change change = compare(&items[i], altered(&items[i], "", NULL), NULL);
        cr_expect_eq(change.action, RP_CHANGE_NONE);
        cr_expect_null(change.body);
    }
}

Test(diff, the_server_leaves_out_what_is_nothing)
{
    const rp_item *reply = find("REPLY", NULL), *durable = find("REQUEST", "tokenizer");
    expect(reply, "sealed", NULL, NULL, RP_CHANGE_NONE, false);
    expect(reply, "mirror", NULL, NULL, RP_CHANGE_NONE, false);
    expect(reply, "subject_delete_marker_ttl", NULL, NULL, RP_CHANGE_NONE, false);
    expect(durable, "deliver_subject", NULL, NULL, RP_CHANGE_NONE, false);
    expect(durable, "filter_subject", NULL, NULL, RP_CHANGE_NONE, false);
    expect(reply, "allow_direct", NULL, NULL, RP_CHANGE_UPDATE, false);
    expect(reply, "republish", NULL, NULL, RP_CHANGE_UPDATE, false);
}

Test(diff, order_of_sets_does_not_matter)
{
    expect(find("REQUEST", NULL), "subjects", "[\"embed.*.*\",\"infer.*.*\"]", NULL, RP_CHANGE_NONE,
        false);
    expect(find("REQUEST", NULL), "subjects", "[\"embed.*.*\"]", NULL, RP_CHANGE_UPDATE, false);
    expect(find("REQUEST", "tokenizer"), "filter_subjects", "[\"embed.*.*\",\"infer.*.*\"]", NULL,
        RP_CHANGE_NONE, false);
}

Test(diff, numbers_that_nobody_gave_stay)
{
    rp_item *reply = find("REPLY", NULL);
    expect(reply, "max_bytes", "1", NULL, RP_CHANGE_NONE, false);
    expect(reply, "num_replicas", "3", NULL, RP_CHANGE_NONE, false);
    reply->keeps_max_bytes = reply->keeps_replicas = false;
    expect(reply, "max_bytes", "1", NULL, RP_CHANGE_UPDATE, false);
    expect(reply, "num_replicas", "3", NULL, RP_CHANGE_UPDATE, false);
}

Test(diff, tightening_over_data_destroys)
{
    rp_item *reply = find("REPLY", NULL);
    const char *empty = "{\"messages\":0,\"bytes\":0}";
    const char *full = "{\"messages\":5,\"bytes\":9000000000}";
    reply->keeps_max_bytes = false;
    expect(reply, "max_age", "0", full, RP_CHANGE_UPDATE, true);
    expect(reply, "max_age", "7200000000000", full, RP_CHANGE_UPDATE, true);
    expect(reply, "max_age", "7200000000000", empty, RP_CHANGE_UPDATE, false);
    expect(reply, "max_age", "60000000000", full, RP_CHANGE_UPDATE, false);
    expect(reply, "max_bytes", "-1", full, RP_CHANGE_UPDATE, true);
    expect(reply, "max_bytes", "-1", "{\"messages\":5,\"bytes\":100}", RP_CHANGE_UPDATE, false);
    expect(find("CONTROL", NULL), "max_msgs_per_subject", "-1", full, RP_CHANGE_UPDATE, true);
    expect(find("CONTROL", NULL), "max_msgs_per_subject", "-1", empty, RP_CHANGE_UPDATE, false);
}

Test(diff, what_never_changes_is_made_anew)
{
    const rp_item *actors = find("KV_ACTORS", NULL), *reply = find("REPLY", NULL);
    const rp_item *lane = find("EXEC", "executor-gemma3-v1-normal-0");
    expect(reply, "storage", "\"memory\"", NULL, RP_CHANGE_RECREATE, true);
    expect(reply, "retention", "\"workqueue\"", NULL, RP_CHANGE_RECREATE, true);
    expect(reply, "allow_msg_ttl", "true", NULL, RP_CHANGE_RECREATE, true);
    expect(actors, "allow_msg_ttl", "false", NULL, RP_CHANGE_UPDATE, false);
    expect(lane, "ack_policy", "\"none\"", NULL, RP_CHANGE_RECREATE, true);
    expect(lane, "ack_wait", "30000000000", NULL, RP_CHANGE_UPDATE, false);
    expect(lane, "filter_subject", "\"exec.other.v1.normal-0\"", NULL, RP_CHANGE_RECREATE, true);
    expect(find("REQUEST", "tokenizer"), "filter_subjects", "[\"infer.*.*\"]", NULL,
        RP_CHANGE_UPDATE, false);
}

Test(diff, an_update_keeps_what_others_added)
{
    rp_item *reply = find("REPLY", NULL);
    rp_change change = compare(reply, altered(reply, "max_bytes", "77"), NULL);
    cr_assert_eq(change.action, RP_CHANGE_NONE);
    change = compare(reply, altered(reply, "description", "\"by hand\""), NULL);
    cr_assert_eq(change.action, RP_CHANGE_UPDATE);
    yyjson_val *body = parse(change.body);
    cr_expect_not_null(yyjson_obj_get(body, "metadata"));
    cr_expect(yyjson_equals(
        yyjson_obj_get(body, "description"), yyjson_obj_get(reply->config, "description")));
}

Test(diff, reports)
{
    rp_buffer out;
    const rp_item *reply = find("REPLY", NULL);
    rp_change changes[] = {compare(reply, NULL, NULL),
        compare(reply, altered(reply, "max_age", "0"), "{\"messages\":1}"),
        compare(reply, altered(reply, "", NULL), NULL)};
    rp_diff diff = {changes, 3, {1, 1, 1, 0}, 1};
    cr_assert(!rp_diff_is_empty(&diff));
    rp_buffer_init(&out, 1 << 20);
    rp_diff_text(&diff, &out);
    cr_expect_not_null(strstr(rp_buffer_string(&out), "+ create   stream REPLY\n"));
    cr_expect_not_null(strstr(rp_buffer_string(&out), "max_age: 0 -> 3600000000000\n"));
    cr_expect_not_null(strstr(rp_buffer_string(&out), "destroys data"));
    cr_expect_not_null(strstr(rp_buffer_string(&out), "1 unchanged"));
    rp_buffer_clear(&out);
    rp_diff_json(&diff, &out);
    yyjson_val *json = parse(rp_buffer_string(&out));
    cr_expect_eq(yyjson_arr_size(yyjson_obj_get(json, "changes")), 3);
    cr_expect_eq(yyjson_get_uint(yyjson_obj_get(json, "create")), 1);
    cr_expect_eq(yyjson_get_uint(yyjson_obj_get(json, "destroying")), 1);
    rp_buffer_done(&out);
}
