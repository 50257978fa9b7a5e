/* A bucket: what is written, what is told, and what becomes of races and of lost acknowledgements. */
#include "runtime/store/kv.h"
#include "tests/unit/runtime/store/shelf.h"

#include <stdio.h>

static shelf s;
static rp_kv *kv;

/* What callbacks said last. */
static size_t written_count, got_count, entry_count, caught_up_count, end_count;
static rp_kv_written written;
static rp_status got, end_status;
static rp_kv_entry got_entry;
static bool got_null;
static char got_value[64], told[512];

static void setup(void)
{
    shelf_open(&s);
    cr_assert_eq(rp_kv_open(&s.store, "B", &kv), RP_OK);
    written_count = got_count = entry_count = caught_up_count = end_count = 0;
    told[0] = '\0';
}

static void teardown(void)
{
    rp_kv_close(kv);
    shelf_close(&s);
}

TestSuite(store_kv, .init = setup, .fini = teardown);

static void on_written(void *arg, const rp_kv_written *w)
{
    (void)arg;
    cr_assert_not_null(w->why);
    written_count++;
    written = *w;
}

static void on_got(void *arg, rp_status status, const rp_kv_entry *entry)
{
    (void)arg;
    got_count++;
    got = status;
    got_null = entry == NULL;
    got_entry = entry ? *entry : (rp_kv_entry){0};
    snprintf(got_value, sizeof got_value, "%.*s", entry ? (int)entry->value.len : 0,
        entry ? (const char *)entry->value.data : "");
}

static void on_entry(void *arg, const rp_kv_entry *entry)
{
    static const char signs[] = {[RP_KV_PUT] = '=', [RP_KV_DELETE] = '-', [RP_KV_PURGE] = '!'};
    size_t n = strlen(told);
    (void)arg;
    entry_count++;
    snprintf(told + n, sizeof told - n, "%.*s%c%.*s@%d ", (int)entry->key.len,
        (const char *)entry->key.data, signs[entry->operation], (int)entry->value.len,
        (const char *)entry->value.data, (int)entry->revision);
}

static void on_caught_up(void *arg)
{
    (void)arg;
    caught_up_count++;
    strcat(told, "| ");
}

static void on_end(void *arg, rp_status status)
{
    (void)arg;
    end_count++;
    end_status = status;
}

static rp_bytes text(const char *t)
{
    return rp_bytes_text(t);
}

/* Runs the bus; the callback of one write must have come, with this. */
static void expect_written(rp_status status, uint64_t revision)
{
    fake_bus_run(s.bus);
    cr_assert_eq(written_count, 1);
    cr_expect_eq(written.status, status, "%s", rp_status_name(written.status));
    cr_expect_eq(written.revision, revision);
    written_count = 0;
}

static void put(const char *key, const char *value)
{
    cr_assert_eq(rp_kv_put(kv, text(key), text(value), 0, on_written, &s), RP_OK);
    fake_bus_run(s.bus);
    cr_assert_eq(written.status, RP_OK);
    written_count = 0;
}

static rp_status get(const char *key)
{
    got_count = 0;
    cr_assert_eq(rp_kv_get(kv, text(key), on_got, &s), RP_OK);
    cr_assert_eq(got_count, 0, "never inside the call");
    fake_bus_run(s.bus);
    cr_assert_eq(got_count, 1);
    return got;
}

Test(store_kv, lies_in_the_layout_that_clients_know)
{
    put("a.b", "one");
    const fake_stored *m = fake_bus_at(s.bus, "$KV.B.a.b", 0);
    cr_assert_not_null(m);
    cr_expect_str_eq(m->stream, "KV_B");
    cr_expect_str_eq(m->body, "one");
    cr_expect_str_eq(fake_stored_header(m, RP_HEADER_OPERATION), "");
    cr_assert_eq(rp_kv_remove(kv, text("a.b"), 0, NULL, NULL), RP_OK);
    cr_expect_str_eq(
        fake_stored_header(fake_bus_at(s.bus, "$KV.B.a.b", 1), RP_HEADER_OPERATION), "DEL");
    cr_assert_eq(rp_kv_purge(kv, text("a.b"), 0, 60, NULL, NULL), RP_OK);
    m = fake_bus_at(s.bus, "$KV.B.a.b", 0);
    cr_expect_str_eq(fake_stored_header(m, RP_HEADER_OPERATION), "PURGE");
    cr_expect_str_eq(fake_stored_header(m, RP_HEADER_ROLLUP), "sub");
    cr_expect_str_eq(fake_stored_header(m, RP_HEADER_TTL), "60s");
    cr_expect_eq(fake_bus_count(s.bus, "$KV.B.a.b"), 1, "a purge leaves itself alone");
}

Test(store_kv, no_callback_comes_inside_the_call)
{
    cr_assert_eq(rp_kv_put(kv, text("k"), text("1"), 0, on_written, &s), RP_OK);
    cr_assert_eq(rp_kv_create(kv, text("k"), text("1"), 0, on_written, &s), RP_OK);
    cr_assert_eq(rp_kv_update(kv, text("k"), 9, text("1"), 0, on_written, &s), RP_OK);
    cr_expect_eq(written_count, 0);
    fake_bus_run(s.bus);
    cr_expect_eq(written_count, 3);
}

Test(store_kv, get_tells_value_deletion_and_nothing)
{
    cr_expect_eq(get("k"), RP_NOT_FOUND);
    cr_expect(got_null);
    put("k", "v");
    cr_expect_eq(get("k"), RP_OK);
    cr_expect_str_eq(got_value, "v");
    cr_expect_eq(got_entry.revision, 1);
    cr_assert_eq(rp_kv_remove(kv, text("k"), 1, on_written, &s), RP_OK);
    expect_written(RP_OK, 2);
    cr_expect_eq(get("k"), RP_NOT_FOUND);
    cr_expect_eq(got_entry.operation, RP_KV_DELETE);
    cr_expect_eq(got_entry.revision, 2);
    s.bus->read_status = RP_TIMEOUT;
    cr_expect_eq(get("k"), RP_TIMEOUT);
    cr_expect(got_null);
}

Test(store_kv, create_only_where_no_value_is)
{
    cr_assert_eq(rp_kv_create(kv, text("k"), text("1"), 0, on_written, &s), RP_OK);
    expect_written(RP_OK, 1);
    cr_assert_eq(rp_kv_create(kv, text("k"), text("2"), 0, on_written, &s), RP_OK);
    expect_written(RP_EXISTS, 1);
    cr_assert_eq(rp_kv_remove(kv, text("k"), 0, on_written, &s), RP_OK);
    expect_written(RP_OK, 2);
    cr_assert_eq(rp_kv_create(kv, text("k"), text("3"), 0, on_written, &s), RP_OK);
    expect_written(RP_OK, 3);
    cr_expect_eq(get("k"), RP_OK);
    cr_expect_str_eq(got_value, "3");
}

/* A key that expired in a bucket that leaves deletions: the marker stands in the way of 0. */
Test(store_kv, create_goes_on_from_a_marker)
{
    rp_publication marker = {.subject = text("$KV.B.k")};
    rp_publication_header(&marker, RP_HEADER_MARKER, text("MaxAge"));
    cr_assert_eq(rp_bus_publish(&s.bus->bus, &marker, NULL, NULL), RP_OK);
    cr_expect_eq(get("k"), RP_NOT_FOUND);
    cr_expect_eq(got_entry.operation, RP_KV_PURGE);
    cr_assert_eq(rp_kv_create(kv, text("k"), text("1"), 0, on_written, &s), RP_OK);
    expect_written(RP_OK, 2);
}

/* Somebody deletes once more before each of our tries is stored. */
Test(store_kv, create_gives_up_where_others_go_on_and_on)
{
    fake_bus_fate(s.bus, "$KV.B.k", FAKE_DELAY, RP_OK);
    cr_assert_eq(rp_kv_create(kv, text("k"), text("mine"), 0, on_written, &s), RP_OK);
    for (size_t i = 0; i < RP_KV_CREATE_TRIES_MAX; i++) {
        cr_expect_eq(written_count, 0);
        cr_assert_eq(rp_kv_remove(kv, text("k"), 0, NULL, NULL), RP_OK);
        fake_bus_run(s.bus);
        fake_bus_fate(s.bus, "$KV.B.k", FAKE_DELAY, RP_OK);
        fake_bus_let_go(s.bus);
        fake_bus_run(s.bus);
    }
    expect_written(RP_CONFLICT, RP_KV_CREATE_TRIES_MAX);
    cr_expect_eq(get("k"), RP_NOT_FOUND);
}

Test(store_kv, update_goes_on_from_one_revision)
{
    put("k", "1");
    cr_assert_eq(rp_kv_update(kv, text("k"), 1, text("2"), 0, on_written, &s), RP_OK);
    expect_written(RP_OK, 2);
    cr_assert_eq(rp_kv_update(kv, text("k"), 1, text("3"), 0, on_written, &s), RP_OK);
    expect_written(RP_CONFLICT, 2);
    cr_assert_eq(rp_kv_update(kv, text("new"), 7, text("3"), 0, on_written, &s), RP_OK);
    expect_written(RP_CONFLICT, 0);
    cr_assert_eq(rp_kv_remove(kv, text("k"), 1, on_written, &s), RP_OK);
    expect_written(RP_CONFLICT, 2);
    cr_expect_eq(get("k"), RP_OK);
    cr_expect_str_eq(got_value, "2");
}

/* The bus sends again what was not acknowledged; the expected revision does not hold any more. */
Test(store_kv, a_lost_acknowledgement_is_no_conflict)
{
    put("k", "1");
    fake_bus_fate(s.bus, "$KV.B.k", FAKE_LOSE_ACK, RP_OK);
    cr_assert_eq(rp_kv_update(kv, text("k"), 1, text("2"), 0, on_written, &s), RP_OK);
    expect_written(RP_OK, 2);
    fake_bus_fate(s.bus, "$KV.B.c", FAKE_LOSE_ACK, RP_OK);
    cr_assert_eq(rp_kv_create(kv, text("c"), text("1"), 0, on_written, &s), RP_OK);
    expect_written(RP_OK, 3);
    fake_bus_fate(s.bus, "$KV.B.c", FAKE_LOSE_ACK, RP_OK);
    cr_assert_eq(rp_kv_put(kv, text("c"), text("2"), 0, on_written, &s), RP_OK);
    expect_written(RP_OK, 4);
    cr_expect_eq(fake_bus_count(s.bus, "$KV.B.c"), 2);
}

Test(store_kv, what_the_bus_refuses_is_told)
{
    fake_bus_fate(s.bus, "$KV.B.k", FAKE_FAIL, RP_FULL);
    cr_assert_eq(rp_kv_put(kv, text("k"), text("1"), 0, on_written, &s), RP_OK);
    expect_written(RP_FULL, 0);
    fake_bus_fate(s.bus, "$KV.B.k", FAKE_REFUSE, RP_LIMIT);
    cr_expect_eq(rp_kv_put(kv, text("k"), text("1"), 0, on_written, &s), RP_LIMIT);
    put("k", "1");
    s.bus->read_status = RP_TIMEOUT;
    cr_assert_eq(rp_kv_update(kv, text("k"), 9, text("2"), 0, on_written, &s), RP_OK);
    expect_written(RP_UNAVAILABLE, 0);
    s.bus->read_refused = RP_LIMIT;
    cr_assert_eq(rp_kv_update(kv, text("k"), 9, text("2"), 0, on_written, &s), RP_OK);
    expect_written(RP_UNAVAILABLE, 0);
}

Test(store_kv, names_are_looked_at)
{
    char longest[RP_KV_KEY_MAX + 2];
    memset(longest, 'k', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    static const char *const wrong[] = {
        "", ".", "a.", ".a", "a..b", "a b", "a*", "*", ">", "a.>", "\xc3\xa4", "a\nb", "a$"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_expect_eq(rp_kv_get(kv, text(wrong[i]), on_got, &s), RP_INVALID, "%s", wrong[i]);
        cr_expect_eq(rp_kv_put(kv, text(wrong[i]), text(""), 0, NULL, NULL), RP_INVALID);
    }
    cr_expect_eq(rp_kv_get(kv, text(longest), on_got, &s), RP_INVALID);
    cr_expect(rp_kv_is_key(rp_bytes_of(longest, RP_KV_KEY_MAX)));
    cr_expect(rp_kv_is_key(text("a=2Eb/c_d-e.f")));
    cr_expect(rp_kv_is_filter(text("a.*.c")) && rp_kv_is_filter(text(">")));
    cr_expect(!rp_kv_is_filter(text("a.>.c")) && !rp_kv_is_filter(text("a*")));
    cr_expect_eq(rp_kv_put(kv, text("k"), text(""), RP_KV_TTL_MAX_S + 1, NULL, NULL), RP_INVALID);
    rp_kv *none = NULL;
    cr_expect_eq(rp_kv_open(&s.store, "a.b", &none), RP_INVALID);
    cr_expect_eq(rp_kv_open(&s.store, "", &none), RP_INVALID);
}

Test(store_kv, takes_no_more_than_its_limit)
{
    for (size_t i = 0; i < RP_KV_OPERATIONS_MAX; i++)
        cr_assert_eq(rp_kv_get(kv, text("k"), on_got, &s), RP_OK);
    cr_expect_eq(rp_kv_get(kv, text("k"), on_got, &s), RP_LIMIT);
    cr_expect_eq(rp_kv_put(kv, text("k"), text("1"), 0, on_written, &s), RP_LIMIT);
    fake_bus_step(s.bus);
    cr_expect_eq(rp_kv_get(kv, text("k"), on_got, &s), RP_OK);
    s.bus->payload_bytes_max = 3;
    cr_expect_eq(rp_kv_put(kv, text("k"), text("1234"), 0, on_written, &s), RP_LIMIT);
    fake_bus_run(s.bus);
    cr_expect_eq(got_count, RP_KV_OPERATIONS_MAX + 1);
}

Test(store_kv, a_closed_bucket_calls_nobody)
{
    rp_kv *other;
    cr_assert_eq(rp_kv_open(&s.store, "B", &other), RP_OK);
    cr_assert_eq(rp_kv_get(other, text("k"), on_got, &s), RP_OK);
    cr_assert_eq(rp_kv_put(other, text("k"), text("1"), 0, on_written, &s), RP_OK);
    rp_kv_close(other);
    fake_bus_run(s.bus);
    cr_expect_eq(got_count + written_count, 0);
    cr_expect_eq(fake_bus_count(s.bus, "$KV.B.k"), 1, "what was taken is stored");
    rp_kv_close(NULL);
}

Test(store_kv, watch_tells_what_stands_there_and_what_comes)
{
    put("a.x", "1");
    put("b.x", "2");
    put("a.x", "3");
    rp_kv_watch_spec spec = {
        .filter = text("a.>"), .on_entry = on_entry, .on_caught_up = on_caught_up, .arg = &s};
    rp_kv_watcher *watcher;
    cr_assert_eq(rp_kv_watch(kv, &spec, &watcher), RP_OK);
    cr_expect_eq(entry_count, 0, "never inside the call");
    fake_bus_run(s.bus);
    put("a.y", "4");
    put("b.y", "5");
    cr_assert_eq(rp_kv_remove(kv, text("a.x"), 0, NULL, NULL), RP_OK);
    cr_assert_eq(rp_kv_purge(kv, text("a.y"), 0, 0, NULL, NULL), RP_OK);
    fake_bus_run(s.bus);
    cr_expect_str_eq(told, "a.x=3@3 | a.y=4@4 a.x-@6 a.y!@7 ");
    rp_kv_unwatch(watcher);
    put("a.x", "8");
    cr_expect_eq(entry_count, 4);
}

Test(store_kv, watch_from_the_beginning_or_from_now)
{
    put("k", "1");
    put("k", "2");
    rp_kv_watch_spec spec = {.filter = text("k"),
        .from = RP_KV_HISTORY,
        .on_entry = on_entry,
        .on_caught_up = on_caught_up,
        .arg = &s};
    rp_kv_watcher *all, *new;
    cr_assert_eq(rp_kv_watch(kv, &spec, &all), RP_OK);
    fake_bus_run(s.bus);
    cr_expect_str_eq(told, "k=1@1 k=2@2 | ");
    rp_kv_unwatch(all);
    told[0] = '\0';
    spec.from = RP_KV_NEW;
    cr_assert_eq(rp_kv_watch(kv, &spec, &new), RP_OK);
    fake_bus_run(s.bus);
    put("k", "3");
    cr_expect_str_eq(told, "| k=3@3 ");
}

static rp_kv_watcher *own;

static void unwatch_own(void *arg, const rp_kv_entry *entry)
{
    on_entry(arg, entry);
    rp_kv_unwatch(own);
}

Test(store_kv, a_watcher_may_end_itself)
{
    put("a", "1");
    put("b", "2");
    rp_kv_watch_spec spec = {.filter = text(">"), .on_entry = unwatch_own, .arg = &s};
    cr_assert_eq(rp_kv_watch(kv, &spec, &own), RP_OK);
    fake_bus_run(s.bus);
    cr_expect_eq(entry_count, 1);
}

Test(store_kv, list_tells_values_and_ends)
{
    put("a", "1");
    put("b", "2");
    put("a", "3");
    cr_assert_eq(rp_kv_remove(kv, text("b"), 0, NULL, NULL), RP_OK);
    put("c", "5");
    cr_assert_eq(rp_kv_list(kv, text(">"), RP_KV_LAST, on_entry, on_end, &s), RP_OK);
    fake_bus_run(s.bus);
    cr_expect_str_eq(told, "a=3@3 c=5@5 ");
    cr_expect_eq(end_count, 1);
    cr_expect_eq(end_status, RP_OK);
    told[0] = '\0';
    cr_assert_eq(rp_kv_list(kv, text("b"), RP_KV_HISTORY, on_entry, on_end, &s), RP_OK);
    fake_bus_run(s.bus);
    cr_expect_str_eq(told, "b=2@2 b-@4 ");
    cr_expect_eq(end_count, 2);
    cr_expect_eq(fake_bus_followers(s.bus), 0);
}

Test(store_kv, a_list_that_hears_nothing_ends)
{
    fake_bus_cut(s.bus);
    cr_assert_eq(rp_kv_list(kv, text(">"), RP_KV_LAST, on_entry, on_end, &s), RP_OK);
    fake_host_advance(s.host, RP_KV_SILENCE_MS * RP_NS_PER_MS - 1);
    cr_expect_eq(end_count, 0);
    fake_host_advance(s.host, 1);
    cr_expect_eq(end_count, 1);
    cr_expect_eq(end_status, RP_TIMEOUT);
    cr_assert_eq(rp_kv_list(kv, text(">"), RP_KV_LAST, on_entry, on_end, &s), RP_OK);
    /* left open: closing the bucket ends it and calls nobody */
}

Test(store_kv, what_lives_for_a_while_goes)
{
    cr_assert_eq(rp_kv_put(kv, text("k"), text("1"), 2, on_written, &s), RP_OK);
    expect_written(RP_OK, 1);
    cr_expect_eq(get("k"), RP_OK);
    cr_expect_eq(got_entry.ttl_s, 2);
    shelf_wait(&s, 2000);
    cr_expect_eq(get("k"), RP_NOT_FOUND);
    cr_assert_eq(rp_kv_create(kv, text("k"), text("2"), 0, on_written, &s), RP_OK);
    expect_written(RP_OK, 2);
}
