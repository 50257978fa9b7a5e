/* Snapshots: written, read, and refused wherever a byte is another one. */
#include "runtime/actor/fold/snapshot.h"

#include <criterion/criterion.h>

/* Of nothing. */
#define SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const rp_pairs_limits limits = {.pairs_max = 64,
    .key_bytes_max = 16,
    .value_bytes_max = 64,
    .bytes_max = 1 << 12,
    .writes_max = 1};

static rp_pairs *pairs_new(void)
{
    rp_pairs *pairs;
    cr_assert_eq(rp_pairs_new(&limits, &pairs), RP_OK);
    return pairs;
}

static rp_snapshot_head head_of(uint64_t sequence)
{
    return (rp_snapshot_head){.kind = rp_bytes_text("counter"),
        .stream = rp_bytes_text("COUNTER"),
        .partition = 2,
        .partitions = 3,
        .created_ns = 77,
        .sequence = sequence,
        .clock_ns = 99};
}

/* Three pairs, written down. */
static rp_buffer made(void)
{
    rp_buffer out;
    rp_pairs *pairs = pairs_new();
    rp_snapshot_head head = head_of(4711);
    const char *const keys[] = {"b", "a", "ab"};
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq(
            rp_pairs_put(pairs, rp_bytes_text(keys[i]), rp_bytes_text("value"), NULL), RP_OK);
    rp_buffer_init(&out, 1 << 12);
    cr_assert_eq(rp_snapshot_write(&head, pairs, &out), RP_OK);
    rp_pairs_free(pairs);
    return out;
}

static rp_status read_of(rp_bytes bytes)
{
    rp_snapshot_head head;
    rp_error error = {0};
    rp_pairs *pairs = pairs_new();
    rp_status status = rp_snapshot_read(bytes, pairs, &head, &error);
    cr_expect(status == RP_OK || (rp_pairs_count(pairs) == 0 && error.message[0]));
    rp_pairs_free(pairs);
    return status;
}

Test(snapshot, what_is_written_is_read)
{
    rp_snapshot_head head;
    rp_buffer out = made();
    rp_pairs *pairs = pairs_new();
    cr_assert_eq(rp_pairs_put(pairs, rp_bytes_text("gone"), rp_bytes_text(""), NULL), RP_OK);
    cr_assert_eq(rp_snapshot_read(rp_buffer_bytes(&out), pairs, &head, NULL), RP_OK);
    cr_expect_eq(rp_pairs_count(pairs), 3);
    cr_expect(rp_bytes_is(rp_pairs_get(pairs, rp_bytes_text("ab")), "value"));
    cr_expect(rp_bytes_is(head.kind, "counter") && rp_bytes_is(head.stream, "COUNTER"));
    cr_expect(head.partition == 2 && head.partitions == 3 && head.sequence == 4711);
    cr_expect(head.created_ns == 77 && head.clock_ns == 99);
    rp_pairs_free(pairs);
    rp_buffer_done(&out);
}

Test(snapshot, an_empty_state_is_one_too)
{
    rp_buffer out;
    rp_pairs *pairs = pairs_new();
    rp_snapshot_head head = head_of(0);
    rp_buffer_init(&out, 1 << 12);
    cr_assert_eq(rp_snapshot_write(&head, pairs, &out), RP_OK);
    cr_expect_eq(out.len, RP_SNAPSHOT_HEAD_BYTES + strlen("counterCOUNTER"));
    cr_expect_eq(read_of(rp_buffer_bytes(&out)), RP_OK);
    head.kind.len = 0;
    cr_expect_eq(rp_snapshot_write(&head, pairs, &out), RP_INVALID);
    rp_buffer_done(&out);
    rp_buffer_init(&out, 90);
    head = head_of(0);
    cr_expect_eq(rp_snapshot_write(&head, pairs, &out), RP_LIMIT);
    rp_buffer_done(&out);
    rp_pairs_free(pairs);
}

Test(snapshot, every_cut_and_every_changed_byte_of_the_pairs_is_found)
{
    rp_buffer out = made();
    for (size_t len = 0; len < out.len; len++)
        cr_expect_eq(read_of(rp_bytes_of(out.data, len)), RP_CORRUPT, "%zu bytes", len);
    rp_buffer_byte(&out, 0);
    cr_expect_eq(read_of(rp_buffer_bytes(&out)), RP_CORRUPT, "one byte more");
    rp_buffer_cut(&out, out.len - 1);
    for (size_t i = 56; i < out.len; i++) { /* counts, digest, names, pairs */
        bool is_name = i >= RP_SNAPSHOT_HEAD_BYTES && i < RP_SNAPSHOT_HEAD_BYTES + 14;
        out.data[i] ^= 0x40;
        cr_expect(is_name || read_of(rp_buffer_bytes(&out)) != RP_OK, "byte %zu", i);
        out.data[i] ^= 0x40;
    }
    cr_expect_eq(read_of(rp_buffer_bytes(&out)), RP_OK);
    out.data[8] = 2;
    cr_expect_eq(read_of(rp_buffer_bytes(&out)), RP_UNSUPPORTED);
    rp_buffer_done(&out);
}

Test(snapshot, lengths_that_would_overflow)
{
    static const size_t at[] = {12, 16, RP_SNAPSHOT_HEAD_BYTES + 14, RP_SNAPSHOT_HEAD_BYTES + 18};
    rp_buffer out = made();
    for (size_t i = 0; i < 4; i++) {
        uint8_t kept[4];
        memcpy(kept, out.data + at[i], 4);
        memset(out.data + at[i], 0xFF, 4);
        cr_expect_eq(read_of(rp_buffer_bytes(&out)), RP_CORRUPT);
        memcpy(out.data + at[i], kept, 4);
    }
    rp_buffer_done(&out);
}

Test(snapshot, keys_out_of_order_are_found_though_the_sum_is_right)
{
    rp_buffer out = made();
    size_t first = RP_SNAPSHOT_HEAD_BYTES + 14 + RP_PAIRS_HEAD_BYTES, last = out.len - 6;
    cr_assert(out.data[first] == 'a' && out.data[last] == 'b');
    out.data[first] = 'b';
    out.data[last] = 'a';
    cr_expect_eq(read_of(rp_buffer_bytes(&out)), RP_CORRUPT);
    rp_buffer_done(&out);
}

Test(snapshot, what_does_not_fit_is_refused)
{
    rp_buffer out = made();
    rp_snapshot_head head;
    rp_pairs *pairs;
    rp_pairs_limits small = limits;
    small.pairs_max = 2;
    cr_assert_eq(rp_pairs_new(&small, &pairs), RP_OK);
    cr_expect_eq(rp_snapshot_read(rp_buffer_bytes(&out), pairs, &head, NULL), RP_FULL);
    cr_expect_eq(rp_pairs_count(pairs), 0);
    rp_pairs_free(pairs);
    rp_buffer_done(&out);
}

Test(snapshot, names)
{
    char name[RP_SNAPSHOT_NAME_BYTES], hex[RP_SHA256_TEXT_BYTES];
    uint8_t sha256[RP_SHA256_BYTES];
    uint64_t sequence = 0;
    cr_assert_eq(rp_hash_sha256(rp_bytes_text(""), sha256), RP_OK);
    cr_assert_eq(rp_snapshot_name("counter", 2, 4711, sha256, name), RP_OK);
    cr_expect_str_eq(name, "counter.2.4711." SHA256);
    cr_expect(rp_snapshot_name_parse(rp_bytes_text(name), "counter", 2, &sequence, hex));
    cr_expect(sequence == 4711 && strcmp(hex, strrchr(name, '.') + 1) == 0);
    cr_expect(!rp_snapshot_name_parse(rp_bytes_text(name), "counter", 20, &sequence, hex));
    cr_expect(!rp_snapshot_name_parse(rp_bytes_text(name), "count", 2, &sequence, hex));
    static const char
        no_number[] = "counter.2.." SHA256,
        large[] = "counter.2.99999999999999999999." SHA256,
        upper_case[] =
            "counter.2.1.E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855";
    const char *const none[] = {"", "counter", "counter.2.", "counter.2.x.e3", "counter.2.1.e3",
        no_number, large, upper_case};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        cr_expect(!rp_snapshot_name_parse(rp_bytes_text(none[i]), "counter", 2, &sequence, hex));
    cr_expect_eq(rp_snapshot_name("", 0, 1, sha256, name), RP_INVALID);
}
