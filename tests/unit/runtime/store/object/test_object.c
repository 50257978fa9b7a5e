/* Objects: written and read in chunks, gone on from, refused where they are not what they say. */
#include "runtime/store/object/object.h"
#include "tests/unit/runtime/store/shelf.h"

#include <stdio.h>

enum { CHUNK = 10, BYTES_MAX = 4096 };

#define MS RP_NS_PER_MS

/* Somebody who puts a text, as much at a time as fits, and somebody who gets one. */
typedef struct writer {
    rp_object_put *put;
    const char *text;
    size_t written, rooms, ends, step; /* step 0 = as much as there is */
    size_t stops_at;                   /* a writer that dies there */
    rp_status status;
    rp_object_info info;
    char why[128];
} writer;

typedef struct reader {
    rp_object_get *get;
    char text[BYTES_MAX];
    size_t len, chunks, infos, ends, pauses_at, stops_at;
    rp_status status;
    char why[RP_ERROR_MESSAGE_MAX];
} reader;

static shelf s;
static rp_objects *objects;
static writer w;
static reader r;

static void setup(void)
{
    shelf_open(&s);
    s.bus->payload_bytes_max = CHUNK;
    cr_assert_eq(rp_objects_open(&s.store, "B", &objects), RP_OK);
    memset(&w, 0, sizeof w);
    memset(&r, 0, sizeof r);
}

static void teardown(void)
{
    rp_objects_close(objects);
    shelf_close(&s);
}

TestSuite(store_object, .init = setup, .fini = teardown);

/* -- writing ----------------------------------------------------------------------------------- */

static void on_room(void *arg)
{
    writer *who = arg;
    size_t len = strlen(who->text);
    who->rooms++;
    while (who->written < len) {
        if (who->stops_at && who->written >= who->stops_at) {
            rp_object_put_stop(who->put);
            who->put = NULL;
            return;
        }
        size_t n = len - who->written;
        n = who->step && who->step < n ? who->step : n;
        size_t taken = rp_object_put_write(who->put, rp_bytes_of(who->text + who->written, n));
        cr_assert_leq(taken, n);
        who->written += taken;
        if (taken < n)
            return;
    }
    rp_object_put_finish(who->put);
    cr_assert_eq(who->ends, 0, "never inside the call");
}

static void on_put(void *arg, rp_status status, const rp_object_info *info, const char *why)
{
    writer *who = arg;
    who->ends++;
    who->put = NULL;
    who->status = status;
    cr_assert_eq(status == RP_OK, info != NULL);
    if (info)
        who->info = *info;
    snprintf(who->why, sizeof who->why, "%s", why);
}

static void begin(writer *who, const char *name, const char *text, const char *digest)
{
    rp_object_put_spec spec = {
        .name = name, .digest = digest, .on_room = on_room, .on_end = on_put, .arg = who};
    *who = (writer){.text = text, .step = who->step, .stops_at = who->stops_at};
    cr_assert_eq(rp_object_put_start(objects, &spec, &who->put), RP_OK);
    cr_assert_eq(who->rooms, 0, "never inside the call");
}

static rp_status put(const char *name, const char *text, const char *digest)
{
    begin(&w, name, text, digest);
    shelf_wait(&s, 100);
    cr_assert_eq(w.ends, 1);
    return w.status;
}

static const char *digest_of(const char *text)
{
    static char out[RP_SHA256_TEXT_BYTES];
    uint8_t digest[RP_SHA256_BYTES];
    cr_assert_eq(rp_hash_sha256(rp_bytes_text(text), digest), RP_OK);
    rp_sha256_text(digest, out);
    return out;
}

/* -- reading ----------------------------------------------------------------------------------- */

static void on_info(void *arg, const rp_object_info *info)
{
    reader *who = arg;
    who->infos++;
    cr_expect(info->digest[0]);
}

static void on_chunk(void *arg, rp_bytes chunk)
{
    reader *who = arg;
    cr_assert_lt(who->len + chunk.len, sizeof who->text);
    memcpy(who->text + who->len, chunk.data, chunk.len);
    who->len += chunk.len;
    who->chunks++;
    if (who->pauses_at == who->chunks)
        rp_object_get_pause(who->get);
    if (who->stops_at == who->chunks) {
        rp_object_get_stop(who->get);
        who->get = NULL;
    }
}

static void on_got(void *arg, rp_status status, const char *why)
{
    reader *who = arg;
    who->ends++;
    who->get = NULL;
    who->status = status;
    snprintf(who->why, sizeof who->why, "%s", why);
}

static void start_get(const char *name)
{
    rp_object_get_spec spec = {
        .name = name, .on_info = on_info, .on_chunk = on_chunk, .on_end = on_got, .arg = &r};
    r = (reader){.pauses_at = r.pauses_at, .stops_at = r.stops_at};
    cr_assert_eq(rp_object_get_start(objects, &spec, &r.get), RP_OK);
}

static rp_status get(const char *name)
{
    start_get(name);
    shelf_wait(&s, 50);
    cr_assert_eq(r.ends, 1);
    return r.status;
}

static void expect_text(const char *name, const char *text)
{
    cr_expect_eq(get(name), RP_OK, "%s", r.why);
    cr_expect(rp_bytes_is(rp_bytes_of(r.text, r.len), text));
    cr_expect_eq(r.infos, 1);
}

/* A subject of the chunks of what was put last. */
static const char *chunks_of(const writer *who)
{
    static char subject[256];
    snprintf(subject, sizeof subject, "$O.B.C.%s", who->info.nuid);
    return subject;
}

static size_t chunks_stored(void)
{
    size_t count = 0;
    for (size_t i = 0; i < s.bus->stored_count; i++)
        count += !s.bus->stored[i].gone && strncmp(s.bus->stored[i].subject, "$O.B.C.", 7) == 0;
    return count;
}

static const char text25[] = "0123456789abcdefghijABCDE";

/* -- writing and reading ----------------------------------------------------------------------- */

Test(store_object, lies_in_the_layout_that_clients_know)
{
    cr_assert_eq(put("name?>", text25, NULL), RP_OK);
    const fake_stored *m = fake_bus_at(s.bus, "$O.B.M.bmFtZT8-", 0);
    cr_assert_not_null(m);
    cr_expect_str_eq(m->stream, "OBJ_B");
    cr_expect_str_eq(fake_stored_header(m, RP_HEADER_ROLLUP), "sub");
    cr_expect(strstr(m->body, "\"size\":25") && strstr(m->body, "\"chunks\":3"));
    cr_expect_eq(w.info.revision, m->sequence);
    cr_expect_eq(fake_bus_count(s.bus, chunks_of(&w)), 3);
    cr_expect_str_eq(fake_bus_at(s.bus, chunks_of(&w), 0)->body, "0123456789");
    cr_expect_str_eq(fake_bus_at(s.bus, chunks_of(&w), 2)->body, "ABCDE");
    expect_text("name?>", text25);
    cr_expect_eq(r.chunks, 3);
}

Test(store_object, of_every_length_and_in_every_step)
{
    for (size_t len = 0; len <= 31; len++) {
        for (w.step = 0; w.step < 13; w.step += 4) {
            char text[32], name[16];
            snprintf(text, sizeof text, "%.*s", (int)len, "The quick brown fox jumps over i");
            snprintf(name, sizeof name, "n%zu", len);
            cr_assert_eq(put(name, text, w.step == 4 ? digest_of(text) : NULL), RP_OK);
            cr_expect_eq(w.info.size, len);
            cr_expect_eq(w.info.chunks, (len + CHUNK - 1) / CHUNK);
            expect_text(name, text);
        }
    }
}

Test(store_object, a_new_one_takes_the_place_of_the_old)
{
    cr_assert_eq(put("a", "the first text", NULL), RP_OK);
    cr_assert_eq(put("a", "the second", NULL), RP_OK);
    expect_text("a", "the second");
    cr_expect_eq(chunks_stored(), 1, "the old chunks go");
}

Test(store_object, one_chunk_is_on_its_way_and_one_is_held)
{
    fake_bus_fate(s.bus, "$O.B.C.", FAKE_HOLD, RP_OK);
    begin(&w, "a", "0123456789abcdefghijABCDEFGHIJ", NULL);
    shelf_wait(&s, 50);
    cr_expect_eq(w.written, 2 * CHUNK);
    cr_expect_eq(w.rooms, 1);
    fake_bus_let_go(s.bus);
    shelf_wait(&s, 50);
    cr_expect_eq(w.status, RP_OK);
    cr_expect_geq(w.rooms, 2);
}

Test(store_object, lost_acknowledgements_and_connections_store_nothing_twice)
{
    fake_bus_fate(s.bus, "$O.B.C.", FAKE_LOSE_ACK, RP_OK);
    fake_bus_fate(s.bus, "$O.B.M.", FAKE_LOSE_ACK, RP_OK);
    cr_assert_eq(put("a", text25, NULL), RP_OK);
    cr_expect_eq(fake_bus_count(s.bus, chunks_of(&w)), 3);
    expect_text("a", text25);
    begin(&w, "b", text25, NULL);
    fake_bus_step(s.bus);
    fake_bus_cut(s.bus);
    shelf_wait(&s, 60 * 1000);
    cr_expect_eq(w.ends, 0);
    fake_bus_mend(s.bus);
    shelf_wait(&s, 50);
    cr_expect_eq(w.status, RP_OK);
    expect_text("b", text25);
}

Test(store_object, a_full_outbox_is_waited_for)
{
    fake_bus_fate(s.bus, "$O.B.C.", FAKE_REFUSE, RP_LIMIT);
    fake_bus_fate(s.bus, "$O.B.C.", FAKE_REFUSE, RP_LIMIT);
    fake_bus_fate(s.bus, "$O.B.M.", FAKE_REFUSE, RP_LIMIT);
    cr_assert_eq(put("a", text25, NULL), RP_OK);
    expect_text("a", text25);
}

Test(store_object, a_failure_is_told_and_leaves_nothing)
{
    fake_bus_fate(s.bus, "$O.B.M.", FAKE_FAIL, RP_FULL);
    cr_expect_eq(put("a", text25, NULL), RP_FULL);
    cr_expect_str_eq(w.why, "as the test says");
    cr_expect_eq(chunks_stored(), 0);
    fake_bus_fate(s.bus, "$O.B.C.", FAKE_REFUSE, RP_INVALID);
    cr_expect_eq(put("a", text25, NULL), RP_INVALID);
    cr_expect_eq(get("a"), RP_NOT_FOUND);
    w.stops_at = 20;
    begin(&w, "a", text25, NULL);
    shelf_wait(&s, 50);
    cr_expect_eq(chunks_stored(), 0);
    cr_expect_eq(w.ends, 0);
}

/* Two put under one name at once: one after the other takes it, and the first one's chunks go. */
Test(store_object, two_writers_of_one_name)
{
    static writer other;
    memset(&other, 0, sizeof other);
    begin(&w, "a", "of the first", NULL);
    begin(&other, "a", "of the second", NULL);
    shelf_wait(&s, 50);
    cr_expect(w.status == RP_OK && other.status == RP_OK && w.ends == 1 && other.ends == 1);
    expect_text("a", w.info.revision > other.info.revision ? "of the first" : "of the second");
    cr_expect_eq(chunks_stored(), 2);
}

/* -- content addressing ------------------------------------------------------------------------ */

Test(store_object, content_that_is_there_is_not_asked_for)
{
    cr_assert_eq(put("a", text25, digest_of(text25)), RP_OK);
    size_t published = s.bus->published_count;
    cr_assert_eq(put("a", text25, digest_of(text25)), RP_OK);
    cr_expect_eq(w.rooms, 0);
    cr_expect_eq(s.bus->published_count, published);
    cr_expect_eq(w.info.size, 25);
}

Test(store_object, content_that_is_too_old_is_written_again)
{
    rp_object_put_spec spec = {.name = "a",
        .digest = digest_of(text25),
        .fresh_ns = 60 * RP_NS_PER_S,
        .on_room = on_room,
        .on_end = on_put,
        .arg = &w};
    for (size_t i = 0; i < 3; i++) {
        w = (writer){.text = text25};
        cr_assert_eq(rp_object_put_start(objects, &spec, &w.put), RP_OK);
        shelf_wait(&s, 50);
        cr_assert_eq(w.status, RP_OK);
        cr_expect_eq(w.rooms > 0, i != 1);
        if (i == 1)
            fake_host_advance(s.host, 60 * RP_NS_PER_S);
    }
    cr_expect_eq(chunks_stored(), 6, "somebody may still read the old ones");
    expect_text("a", text25);
}

Test(store_object, what_a_dead_writer_left_is_gone_on_from)
{
    w.stops_at = 20;
    begin(&w, "a", text25, digest_of(text25));
    shelf_wait(&s, 50);
    size_t left = chunks_stored();
    cr_assert_gt(left, 0);
    cr_expect_eq(get("a"), RP_NOT_FOUND);
    w.stops_at = 0;
    size_t published = s.bus->published_count;
    cr_assert_eq(put("a", text25, digest_of(text25)), RP_OK);
    cr_expect_eq(s.bus->published_count - published, 3 - left + 1, "the rest, and the name");
    expect_text("a", text25);
}

Test(store_object, two_writers_of_one_content_share_the_work)
{
    static writer other;
    memset(&other, 0, sizeof other);
    w.step = 5;
    begin(&w, "a", text25, digest_of(text25));
    begin(&other, "a", text25, digest_of(text25));
    shelf_wait(&s, 50);
    cr_expect_eq(w.status, RP_OK, "%s", w.why);
    cr_expect_eq(other.status, RP_OK, "%s", other.why);
    cr_expect_eq(chunks_stored(), 3);
    expect_text("a", text25);
}

Test(store_object, bytes_that_are_not_what_was_said_are_refused)
{
    cr_expect_eq(put("a", "something else", digest_of(text25)), RP_CORRUPT);
    cr_expect_eq(chunks_stored(), 0, "they would stand in the way of the true ones");
    cr_expect_eq(put("a", text25, digest_of(text25)), RP_OK);
    expect_text("a", text25);
}

Test(store_object, chunks_deleted_in_the_middle_are_a_conflict)
{
    fake_bus_fate(s.bus, "$O.B.C.", FAKE_HOLD, RP_OK);
    begin(&w, "a", text25, digest_of(text25));
    shelf_wait(&s, 50);
    for (size_t i = 0; i < s.bus->stored_count; i++)
        s.bus->stored[i].gone = true;
    fake_bus_let_go(s.bus);
    shelf_wait(&s, 50);
    cr_expect_eq(w.status, RP_CONFLICT);
}

/* -- what is not what it says ------------------------------------------------------------------ */

static fake_stored *chunk(size_t index)
{
    return (fake_stored *)(uintptr_t)fake_bus_at(s.bus, chunks_of(&w), index);
}

Test(store_object, corrupted_ones_are_refused)
{
    cr_assert_eq(put("a", text25, NULL), RP_OK);
    chunk(1)->body[3] ^= 1;
    cr_expect_eq(get("a"), RP_CORRUPT);
    cr_expect(strstr(r.why, "SHA-256 differs"), "%s", r.why);
    chunk(1)->body[3] ^= 1;
    chunk(1)->body_len = 9;
    cr_expect_eq(get("a"), RP_CORRUPT);
    cr_expect(strstr(r.why, "fewer bytes"), "%s", r.why);
    chunk(1)->body_len = 10;
    chunk(2)->headers[RP_HEADER_CHUNK][0] = '1';
    cr_expect_eq(get("a"), RP_CORRUPT);
    cr_expect(strstr(r.why, "not where it should be"), "%s", r.why);
    chunk(2)->headers[RP_HEADER_CHUNK][0] = '2';
    chunk(0)->gone = true;
    chunk(0)->headers[RP_HEADER_CHUNK][0] = '0';
    chunk(1)->headers[RP_HEADER_CHUNK][0] = '1';
    cr_expect_eq(get("a"), RP_CORRUPT);
    cr_expect(strstr(r.why, "chunks are missing"), "%s", r.why);
}

Test(store_object, one_with_more_than_it_says_is_refused)
{
    cr_assert_eq(put("a", text25, NULL), RP_OK);
    rp_publication more = {.subject = rp_bytes_text(chunks_of(&w)), .body = rp_bytes_text("x")};
    cr_assert_eq(rp_bus_publish(&s.bus->bus, &more, NULL, NULL), RP_OK);
    cr_expect_eq(get("a"), RP_CORRUPT);
    cr_expect(strstr(r.why, "more chunks"), "%s", r.why);
    cr_expect_eq(r.chunks, 2, "known before the last one is handed over");
    cr_assert_eq(put("b", text25, NULL), RP_OK);
    fake_stored *m = (fake_stored *)(uintptr_t)fake_bus_at(s.bus, "$O.B.M.Yg==", 0);
    *strstr(m->body, "25") = '1';
    cr_expect_eq(get("b"), RP_CORRUPT);
    cr_expect(strstr(r.why, "more bytes"), "%s", r.why);
}

static void say(const char *subject, const char *json)
{
    rp_publication p = {.subject = rp_bytes_text(subject), .body = rp_bytes_text(json)};
    cr_assert_eq(rp_bus_publish(&s.bus->bus, &p, NULL, NULL), RP_OK);
}

Test(store_object, names_that_say_something_else_are_refused)
{
    say("$O.B.M.YQ==", "{\"name\":\"b\"}");
    cr_expect_eq(get("a"), RP_CORRUPT);
    say("$O.B.M.YQ==", "nonsense");
    cr_expect_eq(get("a"), RP_CORRUPT);
    say("$O.B.M.YQ==", "{\"name\":\"a\",\"nuid\":\"x\",\"size\":1,\"chunks\":1}");
    cr_expect_eq(get("a"), RP_CORRUPT);
    cr_expect(strstr(r.why, "no SHA-256"));
    say("$O.B.M.YQ==", "{\"name\":\"a\",\"options\":{\"link\":{\"bucket\":\"C\"}}}");
    cr_expect_eq(get("a"), RP_UNSUPPORTED);
    cr_expect_eq(put("a", text25, NULL), RP_OK, "and can be replaced");
    expect_text("a", text25);
}

Test(store_object, a_pause_holds_chunks_back)
{
    cr_assert_eq(put("a", text25, NULL), RP_OK);
    for (r.pauses_at = 1; r.pauses_at <= 3; r.pauses_at++) {
        start_get("a");
        shelf_wait(&s, 100);
        cr_expect_eq(r.chunks, r.pauses_at);
        cr_expect_eq(fake_bus_followers(s.bus), 0);
        fake_host_advance(s.host, 2 * RP_OBJECT_SILENCE_MS * MS);
        cr_expect_eq(r.ends, 0);
        rp_object_get_resume(r.get);
        shelf_wait(&s, 50);
        cr_expect_eq(r.status, RP_OK);
        cr_expect(rp_bytes_is(rp_bytes_of(r.text, r.len), text25));
    }
}

Test(store_object, a_reader_may_stop)
{
    cr_assert_eq(put("a", text25, NULL), RP_OK);
    for (r.stops_at = 1; r.stops_at <= 3; r.stops_at++) {
        start_get("a");
        shelf_wait(&s, 50);
        cr_expect_eq(r.chunks, r.stops_at);
        cr_expect_eq(r.ends, 0);
    }
}

Test(store_object, silence_ends_a_get)
{
    cr_assert_eq(put("a", text25, NULL), RP_OK);
    r.pauses_at = 1;
    start_get("a");
    shelf_wait(&s, 50);
    fake_bus_cut(s.bus);
    rp_object_get_resume(r.get);
    fake_host_advance(s.host, (RP_OBJECT_SILENCE_MS - 100) * MS);
    cr_expect_eq(r.ends, 0);
    fake_host_advance(s.host, 200 * MS);
    cr_expect_eq(r.status, RP_TIMEOUT);
}

static char listed[256];
static rp_status stat_status, list_status, delete_status;
static size_t answers;

static void on_stat(void *arg, rp_status status, const rp_object_info *info)
{
    (void)arg;
    answers++;
    stat_status = status;
    cr_expect_eq(status == RP_OK, info != NULL);
}

static void on_listed(void *arg, const rp_object_info *info)
{
    (void)arg;
    size_t n = strlen(listed);
    snprintf(listed + n, sizeof listed - n, "%s:%d ", info->name, (int)info->size);
}

static void on_list_end(void *arg, rp_status status)
{
    (void)arg;
    answers++;
    list_status = status;
}

static void on_deleted(void *arg, rp_status status)
{
    (void)arg;
    answers++;
    delete_status = status;
}

static rp_status delete (const char *name)
{
    answers = 0;
    cr_assert_eq(rp_object_delete(objects, name, on_deleted, NULL), RP_OK);
    cr_assert_eq(answers, 0);
    fake_bus_run(s.bus);
    cr_assert_eq(answers, 1);
    return delete_status;
}

Test(store_object, stat_list_and_delete)
{
    cr_assert_eq(put("a", "12345", NULL), RP_OK);
    cr_assert_eq(put("b", text25, NULL), RP_OK);
    cr_assert_eq(put("c", "", NULL), RP_OK);
    say("$O.B.M.ZA==", "nonsense");
    cr_assert_eq(rp_object_list(objects, on_listed, on_list_end, NULL), RP_OK);
    fake_bus_run(s.bus);
    cr_expect_str_eq(listed, "a:5 b:25 c:0 ");
    cr_expect_eq(list_status, RP_OK);
    cr_expect_eq(delete ("b"), RP_OK);
    cr_expect_eq(chunks_stored(), 1);
    cr_expect_eq(delete ("b"), RP_NOT_FOUND);
    cr_expect_eq(delete ("c"), RP_OK);
    cr_expect_eq(delete ("nobody"), RP_NOT_FOUND);
    cr_assert_eq(rp_object_stat(objects, "b", on_stat, NULL), RP_OK);
    fake_bus_run(s.bus);
    cr_expect_eq(stat_status, RP_NOT_FOUND);
    cr_assert_eq(rp_object_stat(objects, "a", on_stat, NULL), RP_OK);
    fake_bus_run(s.bus);
    cr_expect_eq(stat_status, RP_OK);
    listed[0] = '\0';
    cr_assert_eq(rp_object_list(objects, on_listed, on_list_end, NULL), RP_OK);
    fake_bus_run(s.bus);
    cr_expect_str_eq(listed, "a:5 ");
    cr_expect_eq(get("b"), RP_NOT_FOUND);
    cr_expect_eq(put("b", text25, NULL), RP_OK, "and may be put again");
    expect_text("b", text25);
    fake_bus_fate(s.bus, "$O.B.M.", FAKE_LOSE_ACK, RP_OK);
    cr_expect_eq(delete ("b"), RP_OK, "a lost acknowledgement is no other deletion");
    cr_expect_eq(chunks_stored(), 1);
}

Test(store_object, what_cannot_be_is_refused)
{
    rp_object_put_spec spec = {.name = "", .on_room = on_room, .on_end = on_put, .arg = &w};
    rp_object_get_spec want = {.name = "a\n", .on_chunk = on_chunk, .on_end = on_got, .arg = &r};
    rp_objects *none = NULL;
    cr_expect_eq(rp_object_put_start(objects, &spec, &w.put), RP_INVALID);
    spec.name = "a";
    spec.digest = "abc";
    cr_expect_eq(rp_object_put_start(objects, &spec, &w.put), RP_INVALID);
    cr_expect_eq(rp_object_get_start(objects, &want, &r.get), RP_INVALID);
    cr_expect_eq(rp_object_stat(objects, "", on_stat, NULL), RP_INVALID);
    cr_expect_eq(rp_object_delete(objects, "", on_deleted, NULL), RP_INVALID);
    cr_expect_eq(rp_objects_open(&s.store, "a b", &none), RP_INVALID);
    s.bus->read_refused = RP_LIMIT;
    spec.digest = digest_of("x");
    cr_expect_eq(rp_object_put_start(objects, &spec, &w.put), RP_LIMIT);
    want.name = "a";
    cr_expect_eq(rp_object_get_start(objects, &want, &r.get), RP_LIMIT);
}

Test(store_object, a_closed_bucket_calls_nobody)
{
    rp_objects *other = objects;
    cr_assert_eq(put("a", text25, NULL), RP_OK);
    cr_assert_eq(rp_objects_open(&s.store, "B", &objects), RP_OK);
    answers = 0;
    begin(&w, "b", text25, digest_of(text25));
    start_get("a");
    cr_assert_eq(rp_object_stat(objects, "a", on_stat, NULL), RP_OK);
    cr_assert_eq(rp_object_list(objects, on_listed, on_list_end, NULL), RP_OK);
    cr_assert_eq(rp_object_delete(objects, "a", on_deleted, NULL), RP_OK);
    fake_bus_step(s.bus);
    rp_objects_close(objects);
    objects = other;
    shelf_wait(&s, 50);
    cr_expect_eq(w.ends + r.ends + answers, 0);
}
