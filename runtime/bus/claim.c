#include "runtime/bus/claim.h"

#include <stdio.h>
#include <stdlib.h>

struct rp__claims {
    uv_loop_t *loop;
    const rp_endpoint *endpoint;
    size_t on_their_way;
    bool freed;
    uv_mutex_t lock; /* of the connection, between worker threads */
    natsConnection *connection;
    jsCtx *js;
    objStore *store;
};

typedef struct claim {
    rp__claims *claims;
    uv_work_t work;
    bool put;
    rp__claim_reference reference;
    void *body; /* of a put, a copy; of a get, what came */
    size_t len;
    rp_status status;
    char why[RP_ERROR_MESSAGE_MAX];
    rp__claim_cb callback;
    void *arg;
} claim;

/* -- references -------------------------------------------------------------------------------- */

static bool is_digest(rp_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return text.len == RP_SHA256_TEXT_BYTES - 1;
}

static bool is_name(rp_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~')
            return false;
    }
    return text.len > 0 && text.len <= RP__CLAIM_NAME_MAX;
}

rp_status rp__claim_parse(rp_bytes text, rp__claim_reference *ret_reference, rp_error *reterr)
{
    static const char prefix[] = RP__CLAIM_BUCKET "/";
    const size_t start = sizeof prefix - 1;
    const uint8_t *semicolon = text.len ? memchr(text.data, ';', text.len) : NULL;
    if (text.len < start || memcmp(text.data, prefix, start) != 0 || !semicolon)
        return rp_error_set(reterr, RP_INVALID, "Rp-Body",
            "Rp-Body takes %s/<name>;<SHA-256 in lower-case hexadecimal>", RP__CLAIM_BUCKET);
    size_t end = (size_t)(semicolon - text.data);
    rp_bytes name = rp_bytes_of(text.data + start, end - start);
    rp_bytes digest = rp_bytes_of(semicolon + 1, text.len - end - 1);
    if (!is_name(name) || !is_digest(digest))
        return rp_error_set(reterr, RP_INVALID, "Rp-Body",
            "Rp-Body's name has 1 to %d printable characters, its SHA-256 64 hexadecimal digits",
            RP__CLAIM_NAME_MAX);
    *ret_reference = (rp__claim_reference){0};
    memcpy(ret_reference->name, name.data, name.len);
    memcpy(ret_reference->digest, digest.data, digest.len);
    return RP_OK;
}

void rp__claim_text(const rp__claim_reference *reference, char text[RP__CLAIM_TEXT_BYTES])
{
    snprintf(text, RP__CLAIM_TEXT_BYTES, "%s/%s;%s", RP__CLAIM_BUCKET, reference->name,
        reference->digest);
}

/* -- on a worker thread, under the lock -------------------------------------------------------- */

static void close_store(rp__claims *claims)
{
    objStore_Destroy(claims->store);
    jsCtx_Destroy(claims->js);
    natsConnection_Destroy(claims->connection);
    claims->store = NULL;
    claims->js = NULL;
    claims->connection = NULL;
}

static natsStatus connect_store(rp__claims *claims, natsOptions *options)
{
    natsStatus s = natsConnection_Connect(&claims->connection, options);
    if (s == NATS_OK)
        s = natsConnection_JetStream(&claims->js, claims->connection, NULL);
    if (s == NATS_OK)
        s = js_ObjectStore(&claims->store, claims->js, RP__CLAIM_BUCKET);
    return s;
}

static rp_status open_store(rp__claims *claims, claim *c)
{
    natsOptions *options = NULL;
    rp_error error = {0};
    if (claims->store && !natsConnection_IsClosed(claims->connection))
        return RP_OK;
    close_store(claims);
    if (natsOptions_Create(&options) != NATS_OK)
        return RP_NO_MEMORY;
    rp_status status = rp_endpoint_options(claims->endpoint, options, &error);
    if (status == RP_OK) {
        (void)natsOptions_SetAllowReconnect(options, false);
        natsStatus s = connect_store(claims, options);
        if (s != NATS_OK) {
            (void)rp_endpoint_error(claims->endpoint, s, "object store", &error);
            close_store(claims);
            status = RP_UNAVAILABLE;
        }
    }
    natsOptions_Destroy(options);
    snprintf(c->why, sizeof c->why, "%.300s", error.message);
    return status;
}

static rp_status digest_text(rp_bytes body, char text[RP_SHA256_TEXT_BYTES])
{
    uint8_t digest[RP_SHA256_BYTES];
    rp_status status = rp_hash_sha256(body, digest);
    if (status == RP_OK)
        rp_sha256_text(digest, text);
    return status;
}

/* An object that stands there already is the same one: its name is its digest. */
static rp_status put(rp__claims *claims, claim *c)
{
    objStoreInfo *info = NULL;
    natsStatus s = objStore_GetInfo(&info, claims->store, c->reference.name, NULL);
    bool there = s == NATS_OK && info->Size == c->len;
    objStoreInfo_Destroy(info);
    if (there)
        return RP_OK;
    s = objStore_PutBytes(NULL, claims->store, c->reference.name, c->body, (int)c->len);
    if (s == NATS_OK)
        return RP_OK;
    snprintf(c->why, sizeof c->why, "the object store does not take the body: %.200s",
        natsStatus_GetText(s));
    return RP_UNAVAILABLE;
}

static rp_status look_up(rp__claims *claims, claim *c)
{
    objStoreInfo *info = NULL;
    natsStatus s = objStore_GetInfo(&info, claims->store, c->reference.name, NULL);
    uint64_t size = s == NATS_OK ? info->Size : 0;
    objStoreInfo_Destroy(info);
    if (s == NATS_NOT_FOUND) {
        snprintf(c->why, sizeof c->why, "there is no object %s in %s", c->reference.name,
            RP__CLAIM_BUCKET);
        return RP_NOT_FOUND;
    }
    if (s != NATS_OK) {
        snprintf(c->why, sizeof c->why, "the object store does not answer: %.200s",
            natsStatus_GetText(s));
        return RP_UNAVAILABLE;
    }
    if (size == 0 || size > RP__CLAIM_BYTES_MAX) {
        snprintf(c->why, sizeof c->why, "the body has %llu bytes; 1 to %d are possible",
            (unsigned long long)size, RP__CLAIM_BYTES_MAX);
        return RP_LIMIT;
    }
    return RP_OK;
}

static rp_status get(rp__claims *claims, claim *c)
{
    char digest[RP_SHA256_TEXT_BYTES];
    int len = 0;
    rp_status status = look_up(claims, c);
    if (status != RP_OK)
        return status;
    natsStatus s = objStore_GetBytes(&c->body, &len, claims->store, c->reference.name, NULL);
    if (s != NATS_OK) {
        snprintf(c->why, sizeof c->why, "the body cannot be read: %.200s", natsStatus_GetText(s));
        return s == NATS_NOT_FOUND ? RP_NOT_FOUND : RP_UNAVAILABLE;
    }
    c->len = len > 0 ? (size_t)len : 0;
    status = digest_text(rp_bytes_of(c->body, c->len), digest);
    if (status == RP_OK && strcmp(digest, c->reference.digest) != 0) {
        snprintf(c->why, sizeof c->why,
            "the object %s is not what Rp-Body says: its SHA-256 differs", c->reference.name);
        status = RP_CORRUPT;
    }
    return status;
}

static void run(uv_work_t *work)
{
    claim *c = work->data;
    rp__claims *claims = c->claims;
    if (c->put) {
        c->status = digest_text(rp_bytes_of(c->body, c->len), c->reference.digest);
        memcpy(c->reference.name, c->reference.digest, sizeof c->reference.digest);
        if (c->status != RP_OK)
            return;
    }
    uv_mutex_lock(&claims->lock);
    c->status = open_store(claims, c);
    if (c->status == RP_OK)
        c->status = c->put ? put(claims, c) : get(claims, c);
    if (c->status == RP_UNAVAILABLE)
        close_store(claims); /* the next one tries afresh */
    uv_mutex_unlock(&claims->lock);
}

/* -- on the loop's thread ---------------------------------------------------------------------- */

static void release(rp__claims *claims)
{
    if (!claims->freed || claims->on_their_way > 0)
        return;
    close_store(claims);
    uv_mutex_destroy(&claims->lock);
    free(claims);
}

static void on_done(uv_work_t *work, int status)
{
    claim *c = work->data;
    rp__claims *claims = c->claims;
    claims->on_their_way--;
    if (status != 0)
        c->status = RP_UNAVAILABLE;
    if (c->put || c->status != RP_OK) {
        free(c->body);
        c->body = NULL;
        c->len = 0;
    }
    if (claims->freed) {
        free(c->body);
        release(claims);
    } else {
        c->callback(c->arg, c->status, &c->reference, rp_bytes_of(c->body, c->len), c->why);
    }
    free(c);
}

static rp_status start(rp__claims *claims, claim *c, rp__claim_cb callback, void *arg)
{
    c->claims = claims;
    c->callback = callback;
    c->arg = arg;
    c->work.data = c;
    if (uv_queue_work(claims->loop, &c->work, run, on_done) != 0) {
        free(c->body);
        free(c);
        return RP_NO_MEMORY;
    }
    claims->on_their_way++;
    return RP_OK;
}

rp_status rp__claim_put(rp__claims *claims, rp_bytes body, rp__claim_cb callback, void *arg)
{
    if (body.len > RP__CLAIM_BYTES_MAX)
        return RP_LIMIT;
    if (claims->on_their_way == RP__CLAIMS_MAX)
        return RP_BUSY;
    claim *c = calloc(1, sizeof *c);
    void *copy = malloc(body.len ? body.len : 1);
    if (!c || !copy) {
        free(c);
        free(copy);
        return RP_NO_MEMORY;
    }
    memcpy(copy, body.data, body.len);
    c->put = true;
    c->body = copy;
    c->len = body.len;
    return start(claims, c, callback, arg);
}

rp_status rp__claim_get(
    rp__claims *claims, const rp__claim_reference *reference, rp__claim_cb callback, void *arg)
{
    if (claims->on_their_way == RP__CLAIMS_MAX)
        return RP_BUSY;
    claim *c = calloc(1, sizeof *c);
    if (!c)
        return RP_NO_MEMORY;
    c->reference = *reference;
    return start(claims, c, callback, arg);
}

rp_status rp__claims_new(uv_loop_t *loop, const rp_endpoint *endpoint, rp__claims **ret_claims)
{
    rp__claims *claims = calloc(1, sizeof *claims);
    if (!claims)
        return RP_NO_MEMORY;
    if (uv_mutex_init(&claims->lock) != 0) {
        free(claims);
        return RP_NO_MEMORY;
    }
    claims->loop = loop;
    claims->endpoint = endpoint;
    *ret_claims = claims;
    return RP_OK;
}

void rp__claims_free(rp__claims *claims)
{
    if (!claims)
        return;
    claims->freed = true;
    release(claims);
}
