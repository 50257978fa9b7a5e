/* What an object says of itself: one JSON message, in the form that every NATS client writes.
 *
 *     {"name":"a","bucket":"B","nuid":"x","size":5,"mtime":"2026-11-24T07:00:00.000Z","chunks":1,
 *      "digest":"SHA-256=<base64url>","options":{"max_chunk_size":262144}}
 *
 * A deleted object says "deleted":true. A link ("options":{"link":...}) names another object; ours
 * write none and read none. Whatever else stands there is other clients' business.
 */
#ifndef RUNTIME_STORE_OBJECT_INFO_H
#define RUNTIME_STORE_OBJECT_INFO_H

#include "runtime/base/buffer.h"
#include "runtime/base/bytes.h"
#include "runtime/base/hash.h"
#include "runtime/base/status.h"

enum {
    RP_OBJECT_NAME_MAX = 200, /* bytes of UTF-8 */
    RP_OBJECT_NUID_MAX = 128,
    RP_OBJECT_INFO_BYTES_MAX = 64 << 10
};

#define RP_OBJECT_BYTES_MAX (UINT64_C(1) << 53) /* what JSON's numbers hold */

typedef struct rp_object_info {
    char name[RP_OBJECT_NAME_MAX + 1];
    char nuid[RP_OBJECT_NUID_MAX +
              1];  /* the token of its chunks' subject; "" of one that has none */
    uint64_t size; /* bytes */
    uint64_t chunks;
    uint64_t modified_ns;              /* Unix time, as its writer had it; 0 = it does not say */
    char digest[RP_SHA256_TEXT_BYTES]; /* lower-case hexadecimal; "" = it does not say */
    bool deleted, link;
    uint64_t revision; /* the sequence of the message that says this */
} rp_object_info;

/* Whether an object can have this name: 1 to RP_OBJECT_NAME_MAX bytes of UTF-8, no control
 * characters. */
bool rp_object_is_name(const char *name);

/* Reads what an object says; `revision` stays 0. RP_CORRUPT with what is wrong: no JSON object, a
 * field of another type, a name or nuid that cannot be, numbers that contradict one another.
 * RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_object_info_parse(
    rp_bytes json, rp_object_info *ret_info, rp_error *reterr);

/* Appends it; `chunk_bytes` 0 leaves the options out. */
void rp_object_info_write(
    const rp_object_info *info, const char *bucket, uint32_t chunk_bytes, rp_buffer *out);

#endif
