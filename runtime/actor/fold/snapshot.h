/* A snapshot: the state of a fold's partition at a sequence of its log, as bytes.
 *
 * All numbers are little-endian. A head of RP_SNAPSHOT_HEAD_BYTES:
 *
 *     0   "REPRFOLD"
 *     8   version, 32 bits: 1
 *    12   bytes of the kind, 32 bits
 *    16   bytes of the log's name, 32 bits
 *    20   partition, number of partitions, 32 bits each
 *    28   zero, 32 bits
 *    32   when the log was created, Unix time in ns, 64 bits: a stream made anew is another one
 *    40   the last sequence of the log that is in it, 64 bits
 *    48   the highest timestamp folded, Unix time in ns, 64 bits
 *    56   number of pairs, bytes of all their encodings, 64 bits each
 *    72   the digest, low half and high half, 64 bits each
 *
 * then the kind, the log's name, and the pairs in the order of their keys, each in the encoding of
 * runtime/store/pairs.h. Equal states of one log at one sequence give equal bytes.
 *
 * It lies in the object store as `<kind>.<partition>.<sequence>.<sha256>`, so its name says what the
 * content must be. What is read is checked all the same as if anybody had written it: lengths in
 * 64-bit arithmetic, the keys' order, the counts, the digest.
 */
#ifndef RUNTIME_ACTOR_FOLD_SNAPSHOT_H
#define RUNTIME_ACTOR_FOLD_SNAPSHOT_H

#include "runtime/base/buffer.h"
#include "runtime/store/pairs.h"

enum {
    RP_SNAPSHOT_HEAD_BYTES = 88,
    RP_SNAPSHOT_VERSION = 1,
    RP_SNAPSHOT_KIND_MAX = 64,   /* bytes */
    RP_SNAPSHOT_STREAM_MAX = 64, /* likewise */
    RP_SNAPSHOT_NAME_BYTES = 192 /* of an object's name, and a NUL */
};

/* What it is of. The views are borrowed. */
typedef struct rp_snapshot_head {
    rp_bytes kind, stream;
    uint32_t partition, partitions;
    uint64_t created_ns;
    uint64_t sequence;
    uint64_t clock_ns;
} rp_snapshot_head;

/* Appends the snapshot of `pairs`. RP_LIMIT where `out` cannot hold it; RP_INVALID for a name that
 * is empty or too long. */
RP_MUST_USE rp_status rp_snapshot_write(
    const rp_snapshot_head *head, const rp_pairs *pairs, rp_buffer *out);

/* Reads the head alone; its views point into `bytes`. RP_CORRUPT, RP_UNSUPPORTED (another version).
 */
RP_MUST_USE rp_status rp_snapshot_head_read(
    rp_bytes bytes, rp_snapshot_head *ret_head, rp_error *reterr);

/* Reads it whole into `pairs`, which are emptied first and on failure afterwards. Also RP_LIMIT,
 * where they cannot hold it, and RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_snapshot_read(
    rp_bytes bytes, rp_pairs *pairs, rp_snapshot_head *ret_head, rp_error *reterr);

/* -- names ------------------------------------------------------------------------------------- */

/* Names a snapshot by its content. RP_INVALID, RP_INTERNAL. */
RP_MUST_USE rp_status rp_snapshot_name(const char *kind, uint32_t partition, uint64_t sequence,
    const uint8_t sha256[RP_SHA256_BYTES], char name[RP_SNAPSHOT_NAME_BYTES]);

/* Whether `name` is that of a snapshot of this kind and partition, and of which sequence. `ret_sha256`
 * is lower-case hex. */
bool rp_snapshot_name_parse(rp_bytes name, const char *kind, uint32_t partition,
    uint64_t *ret_sequence, char ret_sha256[RP_SHA256_TEXT_BYTES]);

#endif
