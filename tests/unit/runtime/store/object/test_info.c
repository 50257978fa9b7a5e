/* What objects say of themselves: in the words of other clients, in ours, and in none. */
#include "runtime/store/object/info.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define DIGEST    "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" /* of "hello" */
#define DIGEST_64 "SHA-256=LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="

static rp_status parse(const char *json, rp_object_info *info)
{
    rp_error error = {0};
    rp_status status = rp_object_info_parse(rp_bytes_text(json), info, &error);
    cr_expect_eq(status != RP_OK, error.message[0] != '\0', "%s", json);
    return status;
}

Test(store_object_info, as_nats_go_writes_it)
{
    rp_object_info info;
    cr_assert_eq(
        parse("{\"name\":\"a b\",\"options\":{\"max_chunk_size\":131072},\"bucket\":\"B\","
              "\"nuid\":\"y6IJwVTQqhP0x9OHBI8Bdf\",\"size\":5,"
              "\"mtime\":\"0001-01-01T00:00:00Z\",\"chunks\":1,\"digest\":\"" DIGEST_64 "\"}",
            &info),
        RP_OK);
    cr_expect_str_eq(info.name, "a b");
    cr_expect_str_eq(info.nuid, "y6IJwVTQqhP0x9OHBI8Bdf");
    cr_expect_eq(info.size, 5);
    cr_expect_eq(info.chunks, 1);
    cr_expect_eq(info.modified_ns, 0, "the year 1 is no time");
    cr_expect_str_eq(info.digest, DIGEST);
    cr_expect(!info.deleted && !info.link);
}

Test(store_object_info, as_nats_py_writes_it)
{
    rp_object_info info;
    cr_assert_eq(
        parse("{\"name\": \"caf\\u00e9\", \"description\": null, \"headers\": null, \"options\": "
              "{\"link\": null, \"max_chunk_size\": 131072}, \"bucket\": \"B\", \"nuid\": \"x\", "
              "\"size\": 0, \"mtime\": \"2026-11-24T07:00:00.5+00:00\", \"chunks\": 0, \"digest\": "
              "\"\", \"deleted\": true}",
            &info),
        RP_OK);
    cr_expect_str_eq(info.name, "caf\xc3\xa9");
    cr_expect_eq(info.modified_ns, UINT64_C(1795503600500000000));
    cr_expect(info.deleted && !info.link);
    cr_assert_eq(parse("{\"name\":\"l\",\"options\":{\"link\":{\"bucket\":\"C\"}}}", &info), RP_OK);
    cr_expect(info.link);
}

Test(store_object_info, what_we_write_reads_back)
{
    rp_object_info info = {.name = "quo\"te\\",
                       .nuid = "n\"1",
                       .size = 300000,
                       .chunks = 2,
                       .modified_ns = UINT64_C(1795503600123000000),
                       .digest = DIGEST},
                   again;
    rp_buffer out;
    rp_buffer_init(&out, 4096);
    rp_object_info_write(&info, "B", 262144, &out);
    cr_expect(strstr(rp_buffer_string(&out), "\"digest\":\"" DIGEST_64 "\""));
    cr_expect(strstr(rp_buffer_string(&out), "\"options\":{\"max_chunk_size\":262144}"));
    cr_expect(strstr(rp_buffer_string(&out), "\"bucket\":\"B\""));
    cr_assert_eq(parse(rp_buffer_string(&out), &again), RP_OK);
    cr_expect_eq(memcmp(&info, &again, sizeof info), 0);
    info.deleted = true;
    info.size = info.chunks = 0;
    info.digest[0] = '\0';
    rp_buffer_clear(&out);
    rp_object_info_write(&info, "B", 0, &out);
    cr_assert_eq(parse(rp_buffer_string(&out), &again), RP_OK);
    cr_expect(again.deleted);
    cr_expect_str_eq(again.nuid, "n\"1");
    rp_buffer_done(&out);
}

Test(store_object_info, what_cannot_be_is_refused)
{
    static const char *const wrong[] = {"", "[]", "{}", "null", "{\"name\":1}", "{\"name\":\"\"}",
        "{\"name\":\"a\\u0000b\"}", "{\"name\":\"a\\nb\"}", "{\"name\":\"a\",\"size\":-1}",
        "{\"name\":\"a\",\"size\":1.5,\"chunks\":1,\"nuid\":\"x\"}", "{\"name\":\"a\",\"size\":1}",
        "{\"name\":\"a\",\"chunks\":1}", "{\"name\":\"a\",\"size\":1,\"chunks\":2,\"nuid\":\"x\"}",
        "{\"name\":\"a\",\"size\":1,\"chunks\":1}", "{\"name\":\"a\",\"nuid\":\"x.y\"}",
        "{\"name\":\"a\",\"nuid\":\"*\"}", "{\"name\":\"a\",\"nuid\":\"x y\"}",
        "{\"name\":\"a\",\"size\":9007199254740993,\"chunks\":1,\"nuid\":\"x\"}",
        "{\"name\":\"a\",\"digest\":\"MD5=AA==\"}", "{\"name\":\"a\",\"digest\":\"SHA-256=AA==\"}",
        "{\"name\":\"a\",\"digest\":7}", "{\"name\":\"a\",\"deleted\":1}", "{\"name\":\"a\"} x"};
    rp_object_info info = {.name = "before"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect_eq(parse(wrong[i], &info), RP_CORRUPT, "%s", wrong[i]);
    cr_expect_str_eq(info.name, "before");
}

Test(store_object_info, names_and_lengths)
{
    char longest[RP_OBJECT_NAME_MAX + 2], json[RP_OBJECT_NAME_MAX + 32];
    rp_object_info info;
    memset(longest, 'n', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    cr_expect(!rp_object_is_name(longest));
    snprintf(json, sizeof json, "{\"name\":\"%s\"}", longest);
    cr_expect_eq(parse(json, &info), RP_CORRUPT);
    longest[RP_OBJECT_NAME_MAX] = '\0';
    cr_expect(rp_object_is_name(longest));
    cr_expect(rp_object_is_name("a b/c.d \xe2\x82\xac") && !rp_object_is_name(""));
    cr_expect(!rp_object_is_name("a\tb") && !rp_object_is_name("\xff"));
}
