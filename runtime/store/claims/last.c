/* Last messages: the answer waits for its body. */
#include "runtime/store/claims/internal.h"

#include <stdlib.h>

struct rp__claims_last {
    rp__claims *claims;
    rp__claims_last *next, *previous;
    rp_answer_cb callback;
    void *arg;
    rp__claimed *claimed; /* once it is there without its body */
    rp__fetch *fetch;
};

static void last_free(rp__claims_last *last)
{
    if (last->next)
        last->next->previous = last->previous;
    if (last->previous)
        last->previous->next = last->next;
    else
        last->claims->lasts = last->next;
    rp__fetch_stop(last->fetch);
    if (last->claimed)
        rp_message_free(&last->claimed->message);
    last->next = last->claims->spare_lasts;
    last->claims->spare_lasts = last;
}

/* There are as many as were ever asked at once, which the outbox bounds. */
static rp__claims_last *last_new(rp__claims *claims)
{
    rp__claims_last *last = claims->spare_lasts;
    if (!last)
        return malloc(sizeof *last);
    claims->spare_lasts = last->next;
    return last;
}

static void answer(rp__claims_last *last, rp_status status, const rp_message *message)
{
    rp__claims_last copy = *last;
    last->claimed = NULL;
    last_free(last);
    copy.callback(copy.arg, status, message);
    if (copy.claimed)
        rp_message_free(&copy.claimed->message);
}

static void on_body(void *arg, rp_status status, uint8_t *body, size_t len, const char *why)
{
    rp__claims_last *last = arg;
    last->fetch = NULL;
    if (status == RP_UNAVAILABLE) {
        answer(last, RP_UNAVAILABLE, NULL);
        return;
    }
    rp__claimed_fill(last->claimed, status, body, len, why);
    answer(last, RP_OK, &last->claimed->message);
}

static void on_answer(void *arg, rp_status status, const rp_message *message)
{
    rp__claims_last *last = arg;
    rp_bytes text =
        status == RP_OK ? rp_message_header(message, RP_HEADER_BODY) : rp_bytes_of(NULL, 0);
    rp_error error = {0};
    if (!text.data) {
        answer(last, status, message);
        return;
    }
    last->claimed = rp__claimed_copy(message);
    status = last->claimed
                 ? rp__fetch_start(last->claims, text, on_body, last, &last->fetch, &error)
                 : RP_NO_MEMORY;
    if (status != RP_OK)
        on_body(last, status == RP_INVALID ? RP_INVALID : RP_UNAVAILABLE, NULL, 0, error.message);
}

rp_status rp__claims_last_ask(
    rp_bus *bus, const char *stream, const char *subject, rp_answer_cb callback, void *arg)
{
    rp__claims *claims = rp__claims_of(bus);
    rp__claims_last *last = last_new(claims);
    if (!last)
        return RP_NO_MEMORY;
    *last = (rp__claims_last){
        .claims = claims, .next = claims->lasts, .callback = callback, .arg = arg};
    if (claims->lasts)
        claims->lasts->previous = last;
    claims->lasts = last;
    rp_status status = rp_bus_last(claims->inner, stream, subject, on_answer, last);
    if (status != RP_OK)
        last_free(last);
    return status;
}

void rp__claims_lasts_forget(rp__claims *claims, void *arg)
{
    rp__claims_last *next;
    for (rp__claims_last *last = claims->lasts; last; last = next) {
        next = last->next;
        if (last->arg != arg)
            continue;
        rp_bus_forget(claims->inner, last);
        last_free(last);
    }
}

void rp__claims_lasts_done(rp__claims *claims)
{
    while (claims->lasts) {
        rp_bus_forget(claims->inner, claims->lasts);
        last_free(claims->lasts);
    }
    while (claims->spare_lasts) {
        rp__claims_last *last = claims->spare_lasts;
        claims->spare_lasts = last->next;
        free(last);
    }
}
