/* Publishes: a body that the inner bus does not take is hashed, stored as an object, and then the
 * message goes out, which says where it lies. What comes later on the same subject waits for it. */
#include "runtime/base/name.h"
#include "runtime/store/claims/internal.h"

#include <stdlib.h>

enum {
    SLICE_BYTES = 1 << 20, /* hashed in one go */
    FULL_WAIT_MS = 20      /* of an outbox */
};

typedef enum parcel_state { HASHING, HASHED, STORING, READY } parcel_state;

/* A message that waits to be published. */
struct rp__parcel {
    rp__claims *claims;
    rp__parcel *next;
    parcel_state state;
    rp_publication publication; /* its views lie behind the parcel; the body apart */
    uint8_t *body;              /* that is stored as an object; NULL when it is, or is none */
    size_t body_len, hashed, written;
    rp_sha256 sha;
    rp_claim_reference reference;
    char text[RP_CLAIM_TEXT_BYTES];
    rp_object_put *put;
    rp_published_cb callback;
    void *arg;
};

/* -- parcels ----------------------------------------------------------------------------------- */

static rp_bytes keep(uint8_t **end, rp_bytes bytes)
{
    rp_bytes kept = rp_bytes_of(*end, bytes.len);
    if (bytes.len)
        memcpy(*end, bytes.data, bytes.len);
    *end += bytes.len;
    return kept;
}

static void free_body(rp__parcel *parcel)
{
    if (!parcel->body)
        return;
    parcel->claims->body_count--;
    parcel->claims->body_bytes -= parcel->body_len;
    free(parcel->body);
    parcel->body = NULL;
}

/* Out of the list, and gone; what was on its way of it is given up. */
static void parcel_free(rp__parcel *parcel)
{
    rp__parcel **link = &parcel->claims->parcels;
    while (*link != parcel)
        link = &(*link)->next;
    *link = parcel->next;
    parcel->claims->parcel_count--;
    rp_object_put_stop(parcel->put);
    rp_sha256_done(&parcel->sha);
    free_body(parcel);
    free(parcel);
}

/* A copy at the end of the list; NULL out of memory. */
static rp__parcel *parcel_new(rp__claims *claims, const rp_publication *publication, bool large)
{
    size_t bytes = publication->subject.len + (large ? 0 : publication->body.len);
    for (size_t i = 0; i < publication->header_count; i++)
        bytes += publication->headers[i].value.len;
    rp__parcel *parcel = calloc(1, sizeof *parcel + bytes);
    uint8_t *body = large ? malloc(publication->body.len) : NULL;
    if (!parcel || (large && (!body || rp_sha256_init(&parcel->sha) != RP_OK))) {
        free(parcel);
        free(body);
        return NULL;
    }
    uint8_t *end = (uint8_t *)(parcel + 1);
    parcel->claims = claims;
    parcel->publication = *publication;
    parcel->publication.subject = keep(&end, publication->subject);
    for (size_t i = 0; i < publication->header_count; i++)
        parcel->publication.headers[i].value = keep(&end, publication->headers[i].value);
    parcel->publication.body = rp_bytes_of(NULL, 0);
    if (large) {
        memcpy(body, publication->body.data, publication->body.len);
        parcel->body = body;
        parcel->body_len = publication->body.len;
        claims->body_count++;
        claims->body_bytes += parcel->body_len;
    } else {
        parcel->publication.body = keep(&end, publication->body);
    }
    rp__parcel **link = &claims->parcels;
    while (*link)
        link = &(*link)->next;
    *link = parcel;
    claims->parcel_count++;
    return parcel;
}

static void fail(rp__parcel *parcel, rp_status status, const char *why)
{
    rp_published published = {.status = status, .why = why};
    rp_published_cb callback = parcel->callback;
    void *arg = parcel->arg;
    parcel_free(parcel);
    if (callback)
        callback(arg, &published);
}

/* -- publishing what is ready ------------------------------------------------------------------ */

/* Whether something before `end` is to go to this subject. */
static bool waits_before(const rp__claims *claims, rp_bytes subject, const rp__parcel *end)
{
    for (const rp__parcel *p = claims->parcels; p != end; p = p->next) {
        if (rp_bytes_equal(p->publication.subject, subject))
            return true;
    }
    return false;
}

static rp__parcel *first_ready(const rp__claims *claims)
{
    for (rp__parcel *p = claims->parcels; p; p = p->next) {
        if (p->state == READY && !waits_before(claims, p->publication.subject, p))
            return p;
    }
    return NULL;
}

static void work_later(rp__claims *claims)
{
    rp_timer_set(claims->publish_timer, FULL_WAIT_MS * RP_NS_PER_MS, 0);
}

static void send_ready(rp__claims *claims)
{
    rp__parcel *p;
    while ((p = first_ready(claims)) != NULL) {
        rp_status status = rp_bus_publish(claims->inner, &p->publication, p->callback, p->arg);
        if (status == RP_LIMIT) {
            work_later(claims);
            return;
        }
        if (status == RP_OK)
            parcel_free(p);
        else
            fail(p, status, rp_status_text(status));
    }
}

/* -- storing a body ---------------------------------------------------------------------------- */

static void on_room(void *arg)
{
    rp__parcel *parcel = arg;
    parcel->written += rp_object_put_write(parcel->put,
        rp_bytes_of(parcel->body + parcel->written, parcel->body_len - parcel->written));
    if (parcel->written == parcel->body_len)
        rp_object_put_finish(parcel->put);
}

static void on_stored(void *arg, rp_status status, const rp_object_info *info, const char *why)
{
    rp__parcel *parcel = arg;
    rp__claims *claims = parcel->claims;
    (void)info;
    parcel->put = NULL;
    if (status != RP_OK) {
        fail(parcel, status == RP_FULL || status == RP_DENIED ? status : RP_UNAVAILABLE, why);
    } else {
        rp__claims_count(claims->metrics.stored);
        free_body(parcel);
        rp_claim_reference_text(&parcel->reference, parcel->text);
        rp_publication_header(&parcel->publication, RP_HEADER_BODY, rp_bytes_text(parcel->text));
        parcel->state = READY;
    }
    send_ready(claims);
}

static rp_status store(rp__parcel *parcel)
{
    rp_object_put_spec spec = {.name = parcel->reference.name,
        .digest = parcel->reference.digest,
        .fresh_ns = RP_CLAIM_FRESH_S * RP_NS_PER_S,
        .on_room = on_room,
        .on_end = on_stored,
        .arg = parcel};
    rp_status status = rp_object_put_start(parcel->claims->blobs, &spec, &parcel->put);
    if (status == RP_OK)
        parcel->state = STORING;
    return status;
}

/* Hashes on; at the end of the body, its name is known. */
static rp_status hash_slice(rp__parcel *parcel)
{
    uint8_t digest[RP_SHA256_BYTES];
    size_t left = parcel->body_len - parcel->hashed;
    size_t n = left < SLICE_BYTES ? left : SLICE_BYTES;
    rp_status status =
        rp_sha256_update(&parcel->sha, rp_bytes_of(parcel->body + parcel->hashed, n));
    parcel->hashed += n;
    if (status != RP_OK || n < left)
        return status;
    status = rp_sha256_final(&parcel->sha, digest);
    rp_sha256_text(digest, parcel->reference.digest);
    memcpy(parcel->reference.name, parcel->reference.digest, sizeof parcel->reference.digest);
    parcel->state = HASHED;
    return status;
}

/* One slice of one body a turn of the loop, and whatever can be begun. */
void rp__claims_publish_work(void *arg)
{
    rp__claims *claims = arg;
    rp__parcel *p = claims->parcels;
    while (p && p->state != HASHING && p->state != HASHED)
        p = p->next;
    if (p) {
        rp_status status = p->state == HASHING ? hash_slice(p) : RP_OK;
        if (status == RP_OK && p->state == HASHED)
            status = store(p);
        if (status == RP_OK)
            rp_timer_set(claims->publish_timer, 0, 0);
        else if (status == RP_LIMIT)
            work_later(claims);
        else
            fail(p, RP_UNAVAILABLE, rp_status_text(status));
    }
    send_ready(claims);
}

/* -- the calls --------------------------------------------------------------------------------- */

static bool has_room(const rp__claims *claims, size_t body_bytes, bool large)
{
    if (claims->parcel_count == RP_CLAIMS_HELD_MAX)
        return false;
    return !large || (claims->body_count < RP_CLAIMS_MAX &&
                         body_bytes <= RP_CLAIMS_BYTES_MAX - claims->body_bytes);
}

rp_status rp__claims_publish(
    rp_bus *bus, const rp_publication *publication, rp_published_cb callback, void *arg)
{
    rp__claims *claims = rp__claims_of(bus);
    size_t bytes = publication->body.len;
    bool large = bytes > rp_bus_payload_bytes_max(claims->inner);
    if (!large && !waits_before(claims, publication->subject, NULL))
        return rp_bus_publish(claims->inner, publication, callback, arg);
    if (!rp_name_is_subject(publication->subject) ||
        publication->header_count + large > RP_PUBLICATION_HEADERS_MAX)
        return RP_INVALID;
    if (bytes > RP_CLAIM_BYTES_MAX || !has_room(claims, bytes, large)) {
        rp__claims_count(claims->metrics.full);
        return RP_LIMIT;
    }
    rp__parcel *parcel = parcel_new(claims, publication, large);
    if (!parcel)
        return RP_NO_MEMORY;
    parcel->callback = callback;
    parcel->arg = arg;
    parcel->state = large ? HASHING : READY;
    if (large)
        rp_timer_set(claims->publish_timer, 0, 0);
    return RP_OK;
}

void rp__claims_publish_forget(rp__claims *claims, void *arg)
{
    for (rp__parcel *p = claims->parcels; p; p = p->next) {
        if (p->arg == arg)
            p->callback = NULL;
    }
}

void rp__claims_publish_done(rp__claims *claims)
{
    while (claims->parcels)
        parcel_free(claims->parcels);
}
