#include "runtime/actor/fold/snapshot.h"

#include <inttypes.h>
#include <stdio.h>

#include "runtime/base/decimal.h"

static const char magic[8] = {'R', 'E', 'P', 'R', 'F', 'O', 'L', 'D'};

/* Offsets in the head. */
enum {
    AT_VERSION = 8,
    AT_KIND_BYTES = 12,
    AT_STREAM_BYTES = 16,
    AT_PARTITION = 20,
    AT_PARTITIONS = 24,
    AT_ZERO = 28,
    AT_CREATED = 32,
    AT_SEQUENCE = 40,
    AT_CLOCK = 48,
    AT_PAIRS = 56,
    AT_PAIRS_BYTES = 64,
    AT_DIGEST_LOW = 72,
    AT_DIGEST_HIGH = 80
};

/* -- writing ----------------------------------------------------------------------------------- */

static void put_u32(uint8_t *head, size_t at, uint32_t value)
{
    memcpy(head + at, &value, sizeof value);
}

static void put_u64(uint8_t *head, size_t at, uint64_t value)
{
    memcpy(head + at, &value, sizeof value);
}

static void append(void *arg, rp_bytes encoding)
{
    rp_buffer_append(arg, encoding.data, encoding.len);
}

static size_t pairs_bytes(const rp_pairs *pairs)
{
    return rp_pairs_bytes(pairs) + rp_pairs_count(pairs) * RP_PAIRS_HEAD_BYTES;
}

rp_status rp_snapshot_write(const rp_snapshot_head *head, const rp_pairs *pairs, rp_buffer *out)
{
    uint8_t bytes[RP_SNAPSHOT_HEAD_BYTES] = {0};
    rp_hash128 digest = rp_pairs_digest(pairs);
    if (head->kind.len == 0 || head->kind.len > RP_SNAPSHOT_KIND_MAX || head->stream.len == 0 ||
        head->stream.len > RP_SNAPSHOT_STREAM_MAX)
        return RP_INVALID;
    memcpy(bytes, magic, sizeof magic);
    put_u32(bytes, AT_VERSION, RP_SNAPSHOT_VERSION);
    put_u32(bytes, AT_KIND_BYTES, (uint32_t)head->kind.len);
    put_u32(bytes, AT_STREAM_BYTES, (uint32_t)head->stream.len);
    put_u32(bytes, AT_PARTITION, head->partition);
    put_u32(bytes, AT_PARTITIONS, head->partitions);
    put_u64(bytes, AT_CREATED, head->created_ns);
    put_u64(bytes, AT_SEQUENCE, head->sequence);
    put_u64(bytes, AT_CLOCK, head->clock_ns);
    put_u64(bytes, AT_PAIRS, rp_pairs_count(pairs));
    put_u64(bytes, AT_PAIRS_BYTES, pairs_bytes(pairs));
    put_u64(bytes, AT_DIGEST_LOW, digest.low);
    put_u64(bytes, AT_DIGEST_HIGH, digest.high);
    if (!rp_buffer_reserve(
            out, sizeof bytes + head->kind.len + head->stream.len + pairs_bytes(pairs)))
        return RP_LIMIT;
    rp_buffer_append(out, bytes, sizeof bytes);
    rp_buffer_append(out, head->kind.data, head->kind.len);
    rp_buffer_append(out, head->stream.data, head->stream.len);
    rp_pairs_each_encoded(pairs, append, out);
    return RP_OK;
}

/* -- reading ----------------------------------------------------------------------------------- */

static rp_status corrupt(rp_error *reterr, const char *what)
{
    return rp_error_set(reterr, RP_CORRUPT, "snapshot", "the snapshot is damaged: %s", what);
}

rp_status rp_snapshot_head_read(rp_bytes bytes, rp_snapshot_head *ret_head, rp_error *reterr)
{
    const uint8_t *head = bytes.data;
    if (bytes.len < RP_SNAPSHOT_HEAD_BYTES)
        return corrupt(reterr, "it is shorter than a head");
    if (memcmp(head, magic, sizeof magic) != 0)
        return corrupt(reterr, "it does not begin as one does");
    if (rp_load_u32(head + AT_VERSION) != RP_SNAPSHOT_VERSION)
        return rp_error_set(reterr, RP_UNSUPPORTED, "snapshot",
            "the snapshot has version %" PRIu32 ", and this build reads version %d",
            rp_load_u32(head + AT_VERSION), RP_SNAPSHOT_VERSION);
    uint32_t kind = rp_load_u32(head + AT_KIND_BYTES), stream = rp_load_u32(head + AT_STREAM_BYTES);
    if (kind == 0 || kind > RP_SNAPSHOT_KIND_MAX || stream == 0 ||
        stream > RP_SNAPSHOT_STREAM_MAX || rp_load_u32(head + AT_ZERO) != 0)
        return corrupt(reterr, "its head makes no sense");
    if (bytes.len - RP_SNAPSHOT_HEAD_BYTES < (size_t)kind + stream)
        return corrupt(reterr, "it ends in its head");
    *ret_head = (rp_snapshot_head){.kind = rp_bytes_of(head + RP_SNAPSHOT_HEAD_BYTES, kind),
        .stream = rp_bytes_of(head + RP_SNAPSHOT_HEAD_BYTES + kind, stream),
        .partition = rp_load_u32(head + AT_PARTITION),
        .partitions = rp_load_u32(head + AT_PARTITIONS),
        .created_ns = rp_load_u64(head + AT_CREATED),
        .sequence = rp_load_u64(head + AT_SEQUENCE),
        .clock_ns = rp_load_u64(head + AT_CLOCK)};
    return RP_OK;
}

static bool is_behind(rp_bytes key, rp_bytes before)
{
    size_t shared = key.len < before.len ? key.len : before.len;
    int order = memcmp(key.data, before.data, shared);
    return order > 0 || (order == 0 && key.len > before.len);
}

/* Takes one pair off the front of `rest`. */
static rp_status take_pair(rp_bytes *rest, rp_bytes *last_key, rp_pairs *pairs, rp_error *reterr)
{
    if (rest->len < RP_PAIRS_HEAD_BYTES)
        return corrupt(reterr, "it ends in a pair");
    uint64_t key_bytes = rp_load_u32(rest->data), value_bytes = rp_load_u32(rest->data + 4);
    if (key_bytes == 0 || key_bytes + value_bytes > rest->len - RP_PAIRS_HEAD_BYTES)
        return corrupt(reterr, "it ends in a pair");
    rp_bytes key = rp_bytes_of(rest->data + RP_PAIRS_HEAD_BYTES, key_bytes);
    rp_bytes value = rp_bytes_of(key.data + key.len, value_bytes);
    if (last_key->len && !is_behind(key, *last_key))
        return corrupt(reterr, "its keys are not in order");
    *last_key = key;
    size_t taken = RP_PAIRS_HEAD_BYTES + key.len + value.len;
    *rest = rp_bytes_of(rest->data + taken, rest->len - taken);
    return rp_pairs_put(pairs, key, value, reterr);
}

static rp_status take_pairs(rp_bytes bytes, rp_bytes rest, rp_pairs *pairs, rp_error *reterr)
{
    rp_status status = RP_OK;
    rp_bytes last_key = {0};
    uint64_t count = rp_load_u64(bytes.data + AT_PAIRS);
    if (rest.len != rp_load_u64(bytes.data + AT_PAIRS_BYTES))
        return corrupt(reterr, "its length is another one than it says");
    while (rest.len > 0 && status == RP_OK)
        status = take_pair(&rest, &last_key, pairs, reterr);
    if (status != RP_OK)
        return status;
    rp_hash128 digest = rp_pairs_digest(pairs);
    if (rp_pairs_count(pairs) != count || digest.low != rp_load_u64(bytes.data + AT_DIGEST_LOW) ||
        digest.high != rp_load_u64(bytes.data + AT_DIGEST_HIGH))
        return corrupt(reterr, "its pairs are not those that it says");
    return RP_OK;
}

rp_status rp_snapshot_read(
    rp_bytes bytes, rp_pairs *pairs, rp_snapshot_head *ret_head, rp_error *reterr)
{
    rp_snapshot_head head;
    rp_pairs_clear(pairs);
    rp_status status = rp_snapshot_head_read(bytes, &head, reterr);
    if (status != RP_OK)
        return status;
    size_t at = RP_SNAPSHOT_HEAD_BYTES + head.kind.len + head.stream.len;
    status = take_pairs(bytes, rp_bytes_of(bytes.data + at, bytes.len - at), pairs, reterr);
    if (status != RP_OK)
        rp_pairs_clear(pairs);
    else
        *ret_head = head;
    return status;
}

/* -- names ------------------------------------------------------------------------------------- */

rp_status rp_snapshot_name(const char *kind, uint32_t partition, uint64_t sequence,
    const uint8_t sha256[RP_SHA256_BYTES], char name[RP_SNAPSHOT_NAME_BYTES])
{
    char hex[RP_SHA256_TEXT_BYTES];
    size_t len = strlen(kind);
    if (len == 0 || len > RP_SNAPSHOT_KIND_MAX)
        return RP_INVALID;
    rp_sha256_text(sha256, hex);
    snprintf(name, RP_SNAPSHOT_NAME_BYTES, "%s.%" PRIu32 ".%" PRIu64 ".%s", kind, partition,
        sequence, hex);
    return RP_OK;
}

static bool is_hex(rp_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return text.len == RP_SHA256_TEXT_BYTES - 1;
}

bool rp_snapshot_name_parse(rp_bytes name, const char *kind, uint32_t partition,
    uint64_t *ret_sequence, char ret_sha256[RP_SHA256_TEXT_BYTES])
{
    char front[RP_SNAPSHOT_KIND_MAX + 16];
    int n =
        snprintf(front, sizeof front, "%.*s.%" PRIu32 ".", RP_SNAPSHOT_KIND_MAX, kind, partition);
    size_t len = (size_t)n;
    uint64_t sequence;
    if (name.len < len || memcmp(name.data, front, len) != 0)
        return false;
    rp_bytes rest = rp_bytes_of(name.data + len, name.len - len);
    if (rp_decimal_take(&rest, &sequence) != RP_OK || rest.len == 0 || rest.data[0] != '.')
        return false;
    rest = rp_bytes_of(rest.data + 1, rest.len - 1);
    if (!is_hex(rest))
        return false;
    memcpy(ret_sha256, rest.data, rest.len);
    ret_sha256[rest.len] = '\0';
    *ret_sequence = sequence;
    return true;
}
