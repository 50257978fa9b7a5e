#include "actors/cli/dead/retrial.h"

#include "actors/cli/shared/cause.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

/* -- names and headers ------------------------------------------------------------------------- */

void rp_retrial_name(const char *old, uint32_t random, char name[RP_REQUEST_ID_MAX + 1])
{
    enum { RANDOM_PART = sizeof "-retry-12345678" - 1 };
    snprintf(name, RP_REQUEST_ID_MAX + 1, "%.*s-retry-%08" PRIx32, RP_REQUEST_ID_MAX - RANDOM_PART,
        *old ? old : "request", random);
}

static bool is_one_of(rp_bytes name, const rp_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *header = rp_header_name(headers[i]);
        if (name.len == strlen(header) &&
            strncasecmp((const char *)name.data, header, name.len) == 0)
            return true;
    }
    return false;
}

bool rp_retrial_keeps(rp_bytes name)
{
    static const rp_header own[] = {
        RP_HEADER_CAUSE, RP_HEADER_TRY, RP_HEADER_BUILD, RP_HEADER_JOURNAL};
    bool is_the_servers = name.len >= 5 && strncasecmp((const char *)name.data, "Nats-", 5) == 0;
    return !is_the_servers && !is_one_of(name, own, sizeof own / sizeof own[0]);
}

bool rp_retrial_keeps_of_request(rp_bytes name)
{
    static const rp_header old[] = {
        RP_HEADER_REQUEST, RP_HEADER_REPLY_TO, RP_HEADER_DEADLINE, RP_HEADER_EPOCH};
    return rp_retrial_keeps(name) && !is_one_of(name, old, sizeof old / sizeof old[0]);
}

/* -- what is published again ------------------------------------------------------------------- */

/* Of work in EXEC, the request: its sequence stands in the work's cause. */
static rp_status find_request(
    rp_client *client, uint64_t exec_sequence, rp_message **ret_message, rp_error *reterr)
{
    rp_message *work = NULL;
    rp_status status = rp_letter_message(client, "EXEC", exec_sequence, &work, reterr);
    if (status != RP_OK)
        return status;
    uint64_t sequence = rp_cause_sequence(work, "REQUEST");
    rp_message_free(work);
    if (!sequence)
        return rp_error_set(reterr, RP_UNSUPPORTED, "Rp-Cause",
            "EXEC:%" PRIu64 " does not say which request it came from, so that there is nothing to "
            "publish again",
            exec_sequence);
    return rp_letter_message(client, "REQUEST", sequence, ret_message, reterr);
}

static rp_status copy_token(rp_bytes subject, size_t index, char token[RP_NAME_TOKEN_BYTES])
{
    rp_bytes found = rp_name_token(subject, index);
    if (found.len == 0 || found.len >= RP_NAME_TOKEN_BYTES)
        return RP_INVALID;
    memcpy(token, found.data, found.len);
    token[found.len] = '\0';
    return RP_OK;
}

static rp_status name_request(rp_retrial *retrial, uint32_t random, rp_error *reterr)
{
    rp_bytes subject = retrial->source->subject;
    if (copy_token(subject, 1, retrial->tenant) != RP_OK ||
        copy_token(subject, 2, retrial->model) != RP_OK)
        return rp_error_set(reterr, RP_UNSUPPORTED, "subject",
            "REQUEST:%" PRIu64 " has the subject of no request", retrial->source->stream_sequence);
    rp_retrial_name(retrial->letter->request, random, retrial->request);
    snprintf(
        retrial->reply, sizeof retrial->reply, "reply.%s.%s", retrial->tenant, retrial->request);
    return RP_OK;
}

rp_status rp_retrial_prepare(rp_client *client, const rp_letter *letter, uint32_t random,
    rp_retrial *ret_retrial, rp_error *reterr)
{
    const Rp__Dead *dead = letter->dead;
    rp_retrial retrial = {.letter = letter};
    if (!dead)
        return rp_error_set(reterr, RP_UNSUPPORTED, "DEAD",
            "DEAD:%" PRIu64 " is no dead letter that this build can read", letter->sequence);
    bool is_work = strcmp(dead->stream, "EXEC") == 0;
    retrial.is_request = is_work || strcmp(dead->stream, "REQUEST") == 0;
    retrial.stream = retrial.is_request ? "REQUEST" : dead->stream;
    snprintf(retrial.cause, sizeof retrial.cause, "DEAD:%" PRIu64 ":0", letter->sequence);
    rp_status status =
        is_work ? find_request(client, dead->sequence, &retrial.source, reterr)
                : rp_letter_message(client, dead->stream, dead->sequence, &retrial.source, reterr);
    if (status == RP_OK && retrial.is_request)
        status = name_request(&retrial, random, reterr);
    if (status != RP_OK) {
        rp_retrial_done(&retrial);
        return status;
    }
    *ret_retrial = retrial;
    return RP_OK;
}

rp_status rp_retrial_publish(
    rp_client *client, const rp_retrial *retrial, uint64_t *ret_sequence, rp_error *reterr)
{
    rp_publication p = {.subject = retrial->source->subject, .body = retrial->source->body};
    rp_publication_header(&p, RP_HEADER_CAUSE, rp_bytes_text(retrial->cause));
    if (retrial->is_request)
        rp_publication_header(&p, RP_HEADER_REQUEST, rp_bytes_text(retrial->request));
    rp_status status = rp_client_publish_copy(client, &p, retrial->source,
        retrial->is_request ? rp_retrial_keeps_of_request : rp_retrial_keeps, ret_sequence, reterr);
    return status == RP_DUPLICATE ? RP_OK : status;
}

void rp_retrial_done(rp_retrial *retrial)
{
    rp_message_free(retrial->source);
    retrial->source = NULL;
}
