#include "sim/client/blobs.h"

#include "runtime/base/base64.h"
#include "runtime/store/claims/reference.h"
#include "runtime/store/object/info.h"

#include <stdio.h>

enum { SUBJECT_BYTES = 320 };

static void name_meta(const char *name, char subject[SUBJECT_BYTES])
{
    char token[SUBJECT_BYTES - 16];
    RP_ASSERT(rp_base64_url(rp_bytes_text(name), token, sizeof token) == RP_OK);
    snprintf(subject, SUBJECT_BYTES, "$O.BLOBS.M.%s", token);
}

static void name_chunks(const char *nuid, char subject[SUBJECT_BYTES])
{
    snprintf(subject, SUBJECT_BYTES, "$O.BLOBS.C.%s", nuid);
}

static bool digest_of(rp_bytes body, char text[RP_SHA256_TEXT_BYTES])
{
    uint8_t digest[RP_SHA256_BYTES];
    if (rp_hash_sha256(body, digest) != RP_OK)
        return false;
    rp_sha256_text(digest, text);
    return true;
}

/* -- putting ----------------------------------------------------------------------------------- */

static void store(sim_server *server, const char *subject, rp_bytes body)
{
    rp_publication p = {.subject = rp_bytes_text(subject), .body = body};
    sim_put put = sim_server_put(server, sim_server_stream(server, "OBJ_BLOBS"),
        sim_message_new(server->world, &p, rp_bytes_of(NULL, 0)));
    RP_ASSERT(put.status == RP_OK);
}

void sim_blobs_put(sim_server *server, const char *name, rp_bytes body)
{
    char subject[SUBJECT_BYTES];
    rp_buffer text;
    rp_object_info info = {.size = body.len, .chunks = 1};
    snprintf(info.name, sizeof info.name, "%s", name);
    snprintf(info.nuid, sizeof info.nuid, "%s", name);
    RP_ASSERT(digest_of(body, info.digest));
    name_chunks(name, subject);
    store(server, subject, body);
    rp_buffer_init(&text, RP_OBJECT_INFO_BYTES_MAX);
    rp_object_info_write(&info, RP_CLAIM_BUCKET, 0, &text);
    name_meta(name, subject);
    store(server, subject, rp_buffer_bytes(&text));
    rp_buffer_done(&text);
}

/* -- getting ----------------------------------------------------------------------------------- */

static rp_bytes gather(sim_server *server, const rp_object_info *info)
{
    char subject[SUBJECT_BYTES];
    const char *const filters[SIM_FILTERS_MAX] = {subject};
    const sim_stream *stream = sim_server_stream(server, "OBJ_BLOBS");
    const sim_stored *stored;
    size_t len = 0;
    uint8_t *body = sim_world_alloc(server->world, info->size + 1);
    name_chunks(info->nuid, subject);
    for (uint64_t at = 1; (stored = sim_stream_next(stream, at, filters)) != NULL;
         at = stored->sequence + 1) {
        rp_bytes chunk = stored->message->body;
        if (chunk.len > info->size - len)
            return rp_bytes_of(NULL, 0);
        memcpy(body + len, chunk.data, chunk.len);
        len += chunk.len;
    }
    return rp_bytes_of(body, len);
}

rp_bytes sim_blobs_body(sim_server *server, rp_bytes reference, rp_bytes body)
{
    static const rp_bytes none = {0};
    char subject[SUBJECT_BYTES], digest[RP_SHA256_TEXT_BYTES];
    rp_claim_reference claim;
    rp_object_info info;
    if (!reference.data)
        return body;
    if (rp_claim_reference_parse(reference, &claim, NULL) != RP_OK)
        return none;
    name_meta(claim.name, subject);
    const sim_stored *meta =
        sim_stream_last(sim_server_stream(server, "OBJ_BLOBS"), rp_bytes_text(subject));
    if (!meta || rp_object_info_parse(meta->message->body, &info, NULL) != RP_OK)
        return none;
    rp_bytes found = gather(server, &info);
    bool right = found.data && digest_of(found, digest) && strcmp(digest, claim.digest) == 0;
    return right ? found : none;
}
