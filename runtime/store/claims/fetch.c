#include "runtime/store/claims/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct rp__fetch {
    rp__claims *claims;
    rp__fetch *next, *previous;
    rp_claim_reference reference;
    rp_object_get *get; /* NULL when it has ended */
    uint8_t *body;
    size_t len, capacity;
    rp__fetch_cb done;
    void *arg;
};

static void fetch_free(rp__fetch *fetch)
{
    rp__claims *claims = fetch->claims;
    claims->fetch_count--;
    claims->fetch_bytes -= fetch->capacity;
    if (fetch->next)
        fetch->next->previous = fetch->previous;
    if (fetch->previous)
        fetch->previous->next = fetch->next;
    else
        claims->fetches = fetch->next;
    free(fetch->body);
    free(fetch);
}

static void finish(rp__fetch *fetch, rp_status status, const char *why)
{
    rp__fetch_cb done = fetch->done;
    void *arg = fetch->arg;
    uint8_t *body = fetch->body;
    size_t len = fetch->len;
    char copy[RP_ERROR_MESSAGE_MAX];
    rp__claims_count(
        status == RP_OK ? fetch->claims->metrics.fetched : fetch->claims->metrics.missing);
    snprintf(copy, sizeof copy, "%s", why);
    fetch->body = status == RP_OK ? NULL : body;
    fetch_free(fetch);
    done(arg, status, status == RP_OK ? body : NULL, status == RP_OK ? len : 0, copy);
}

/* It is given up before its end. */
static void refuse(rp__fetch *fetch, rp_status status, const char *why)
{
    rp_object_get_stop(fetch->get);
    fetch->get = NULL;
    finish(fetch, status, why);
}

/* Whether this is the body that was meant, and there is room for it. */
static void on_info(void *arg, const rp_object_info *info)
{
    rp__fetch *fetch = arg;
    char why[RP_ERROR_MESSAGE_MAX];
    if (info->size == 0 || info->size > RP_CLAIM_BYTES_MAX) {
        snprintf(why, sizeof why, "the body has %" PRIu64 " bytes; 1 to %d are possible",
            info->size, RP_CLAIM_BYTES_MAX);
        refuse(fetch, RP_LIMIT, why);
        return;
    }
    if (strcmp(info->digest, fetch->reference.digest) != 0) {
        snprintf(why, sizeof why, "the object %s is not what Rp-Body says: its SHA-256 differs",
            fetch->reference.name);
        refuse(fetch, RP_CORRUPT, why);
        return;
    }
    if (info->size > RP_CLAIMS_BYTES_MAX - fetch->claims->fetch_bytes) {
        rp__claims_count(fetch->claims->metrics.full);
        refuse(fetch, RP_UNAVAILABLE, "too many bytes are on their way");
        return;
    }
    fetch->body = malloc((size_t)info->size);
    if (!fetch->body) {
        refuse(fetch, RP_UNAVAILABLE, "out of memory");
        return;
    }
    fetch->capacity = (size_t)info->size;
    fetch->claims->fetch_bytes += fetch->capacity;
}

static void on_chunk(void *arg, rp_bytes chunk)
{
    rp__fetch *fetch = arg;
    RP_ASSERT(chunk.len <= fetch->capacity - fetch->len); /* the object looks at its size */
    memcpy(fetch->body + fetch->len, chunk.data, chunk.len);
    fetch->len += chunk.len;
}

static void on_end(void *arg, rp_status status, const char *why)
{
    rp__fetch *fetch = arg;
    char text[RP_ERROR_MESSAGE_MAX];
    fetch->get = NULL;
    snprintf(text, sizeof text, "%s", why);
    if (status == RP_NOT_FOUND)
        snprintf(text, sizeof text, "there is no object %s in %s", fetch->reference.name,
            RP_CLAIM_BUCKET);
    else if (status == RP_UNSUPPORTED)
        status = RP_CORRUPT; /* a link is no body */
    else if (status != RP_OK && status != RP_CORRUPT)
        status = RP_UNAVAILABLE;
    finish(fetch, status, text);
}

rp_status rp__fetch_start(rp__claims *claims, rp_bytes text, rp__fetch_cb done, void *arg,
    rp__fetch **ret_fetch, rp_error *reterr)
{
    rp_claim_reference reference;
    rp_status status = rp_claim_reference_parse(text, &reference, reterr);
    if (status != RP_OK)
        return status;
    if (claims->fetch_count == RP_CLAIMS_MAX) {
        rp__claims_count(claims->metrics.full);
        return RP_BUSY;
    }
    rp__fetch *fetch = calloc(1, sizeof *fetch);
    if (!fetch)
        return RP_NO_MEMORY;
    *fetch = (rp__fetch){.claims = claims,
        .next = claims->fetches,
        .reference = reference,
        .done = done,
        .arg = arg};
    if (claims->fetches)
        claims->fetches->previous = fetch;
    claims->fetches = fetch;
    claims->fetch_count++;
    rp_object_get_spec spec = {.name = fetch->reference.name,
        .on_info = on_info,
        .on_chunk = on_chunk,
        .on_end = on_end,
        .arg = fetch};
    status = rp_object_get_start(claims->blobs, &spec, &fetch->get);
    if (status != RP_OK) {
        fetch_free(fetch);
        return status == RP_NO_MEMORY ? RP_NO_MEMORY : RP_BUSY;
    }
    *ret_fetch = fetch;
    return RP_OK;
}

void rp__fetch_stop(rp__fetch *fetch)
{
    if (!fetch)
        return;
    rp_object_get_stop(fetch->get);
    fetch_free(fetch);
}
