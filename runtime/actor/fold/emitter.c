#include "runtime/actor/fold/emitter.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    AGAIN_MS = 250,       /* after a refusal, and where the outbox was full */
    KEPT_BYTES = 1 << 10, /* a slot's buffer that is larger is given back */
    DIGESTS = 2,          /* that may stand before and behind the outcomes of a message */
    WHY_BYTES = 256
};

/* What is on its way. One thing at a time: each waits for the one before. */
typedef enum step {
    STEP_NONE,
    STEP_LOOK_AT_TIMER, /* what lies on the timer's subject? */
    STEP_PUT_TIMER,
    STEP_PUT_OUTCOME,
    STEP_LOOK_AT_HEAD
} step;

struct rp_emitter {
    rp_emitter_spec spec;
    char subject[RP_OUTCOME_SUBJECT_BYTES];
    rp_follower *follower;
    rp_timer *again;
    rp_emission *slots; /* a ring of outcomes_max */
    size_t first, count, drafts, bytes;
    bool was_full;

    bool known;            /* the chain has been read */
    bool foreign;          /* its last message is no outcome of this log, and none is known */
    rp_outcome_place head; /* of the chain */
    bool begun;            /* head holds one; else the chain is empty */
    uint64_t sequence;     /* in OUTCOME, of the chain's last message */

    bool emit;
    step doing;
    bool waiting;                  /* until `again` */
    rp_outcome_place sent;         /* what is on its way */
    rp_outcome_place timer_is_put; /* the timer of this one lies in the log */
    bool timer_put;
    char why[WHY_BYTES];
};

static void go_on(rp_emitter *emitter);

static rp_emission *slot_at(const rp_emitter *emitter, size_t index)
{
    return &emitter->slots[(emitter->first + index) % emitter->spec.outcomes_max];
}

/* -- the ring ---------------------------------------------------------------------------------- */

static size_t bytes_of(const rp_emission *e)
{
    return e->body.len + e->timer.len + e->target.len + e->message.len;
}

static void empty(rp_buffer *buffer, size_t bytes_max)
{
    if (buffer->capacity > KEPT_BYTES)
        rp_buffer_done(buffer);
    if (!buffer->data)
        rp_buffer_init(buffer, bytes_max);
    rp_buffer_clear(buffer);
}

static void clear(rp_emission *e)
{
    empty(&e->body, RP_OUTCOME_BYTES_MAX);
    empty(&e->timer, RP_WORKER_SUBJECT_BYTES);
    empty(&e->target, RP_WORKER_SUBJECT_BYTES);
    empty(&e->message, RP_OUTCOME_BYTES_MAX);
    e->timed = false;
    e->at_ns = 0;
}

rp_emission *rp_emitter_draft(rp_emitter *emitter)
{
    if (emitter->drafts == emitter->spec.drafts_max)
        return NULL;
    RP_ASSERT(emitter->count + emitter->drafts < emitter->spec.outcomes_max);
    rp_emission *e = slot_at(emitter, emitter->count + emitter->drafts++);
    clear(e);
    return e;
}

uint32_t rp_emitter_drafts(const rp_emitter *emitter)
{
    return (uint32_t)emitter->drafts;
}

void rp_emitter_discard(rp_emitter *emitter)
{
    emitter->drafts = 0;
}

static bool is_stored(const rp_emitter *emitter, rp_outcome_place place)
{
    return emitter->begun && !rp_outcome_is_before(emitter->head, place);
}

static void pop_stored(rp_emitter *emitter)
{
    while (emitter->count > 0 && is_stored(emitter, slot_at(emitter, 0)->place)) {
        emitter->bytes -= bytes_of(slot_at(emitter, 0));
        emitter->first = (emitter->first + 1) % emitter->spec.outcomes_max;
        emitter->count--;
    }
}

void rp_emitter_keep(rp_emitter *emitter, uint64_t sequence, uint32_t first_index)
{
    for (size_t i = 0; i < emitter->drafts; i++) {
        rp_emission *e = slot_at(emitter, emitter->count + i);
        e->place = (rp_outcome_place){sequence, first_index + (uint32_t)i};
        emitter->bytes += bytes_of(e);
    }
    emitter->count += emitter->drafts;
    emitter->drafts = 0;
    pop_stored(emitter);
    emitter->was_full |= rp_emitter_full(emitter);
    go_on(emitter);
}

bool rp_emitter_full(const rp_emitter *emitter)
{
    return emitter->count + emitter->spec.drafts_max + DIGESTS > emitter->spec.outcomes_max ||
           emitter->bytes > RP_EMITTER_BYTES_MAX;
}

size_t rp_emitter_count(const rp_emitter *emitter)
{
    return emitter->count;
}

uint64_t rp_emitter_unstored(const rp_emitter *emitter)
{
    return emitter->count > 0 ? slot_at(emitter, 0)->place.sequence : UINT64_MAX;
}

void rp_emitter_reset(rp_emitter *emitter)
{
    emitter->count = emitter->drafts = emitter->bytes = 0;
    emitter->was_full = false;
    emitter->timer_put = false;
}

/* Drops what the chain holds. */
static void drop_stored(rp_emitter *emitter)
{
    size_t before = emitter->count;
    pop_stored(emitter);
    if (emitter->count == before)
        return;
    emitter->spec.on_moved(emitter->spec.arg);
    if (emitter->was_full && emitter->count <= emitter->spec.outcomes_max / 2 &&
        emitter->bytes <= RP_EMITTER_BYTES_MAX / 2) {
        emitter->was_full = false;
        emitter->spec.on_room(emitter->spec.arg);
    }
}

/* -- the chain --------------------------------------------------------------------------------- */

static void set_why(rp_emitter *emitter, const char *why)
{
    snprintf(emitter->why, sizeof emitter->why, "%s", why);
}

const char *rp_emitter_trouble(const rp_emitter *emitter)
{
    return emitter->why[0] ? emitter->why : NULL;
}

bool rp_emitter_head(const rp_emitter *emitter, rp_outcome_place *ret_place)
{
    if (!emitter->known)
        return false;
    *ret_place = emitter->begun ? emitter->head : (rp_outcome_place){0};
    return true;
}

/* The chain has come to `place`, which lies at `sequence` of OUTCOME. */
static void advance(rp_emitter *emitter, uint64_t sequence, rp_outcome_place place)
{
    if (sequence <= emitter->sequence)
        return;
    emitter->sequence = sequence;
    emitter->head = place;
    emitter->begun = true;
    emitter->foreign = false;
    emitter->why[0] = '\0';
    drop_stored(emitter);
}

/* Takes the last message of the chain, as it was followed or read. False where it is no outcome. */
static bool take_last(rp_emitter *emitter, const rp_message *message)
{
    rp_outcome_place place;
    rp_bytes cause = rp_message_header(message, RP_HEADER_CAUSE);
    if (rp_outcome_cause_parse(cause, emitter->spec.log, &place) == RP_OK) {
        advance(emitter, message->stream_sequence, place);
        return true;
    }
    rp_log_warn(emitter->spec.env->log, "outcome_foreign",
        rp_log_bytes("subject", message->subject),
        rp_log_count("sequence", message->stream_sequence), rp_log_bytes("cause", cause));
    return false;
}

static void on_message(void *arg, const rp_message *message)
{
    rp_emitter *emitter = arg;
    if (take_last(emitter, message)) {
        emitter->spec.on_outcome(emitter->spec.arg, message);
    } else if (message->stream_sequence > emitter->sequence) {
        emitter->sequence = message->stream_sequence; /* the chain goes on behind it */
        emitter->foreign = !emitter->begun;
        if (emitter->foreign)
            set_why(emitter,
                "what stands last on the outcome subject is no outcome of this log: how "
                "far its outcomes have come cannot be told; purge the subject");
    }
    go_on(emitter);
}

static void on_caught_up(void *arg)
{
    rp_emitter *emitter = arg;
    emitter->known = true;
    emitter->spec.on_moved(emitter->spec.arg);
    go_on(emitter);
}

static void on_lost(void *arg, uint64_t expected, uint64_t first)
{
    rp_emitter *emitter = arg;
    (void)first;
    if (expected > 0)
        return; /* OUTCOME keeps so many; its newest is there */
    rp_log_warn(emitter->spec.env->log, "outcome_stream_replaced",
        rp_log_text("subject", emitter->subject));
    emitter->known = emitter->begun = emitter->foreign = false;
    emitter->sequence = 0;
}

/* -- one step after the other ------------------------------------------------------------------ */

static void wait(rp_emitter *emitter)
{
    emitter->waiting = true;
    rp_timer_set(emitter->again, AGAIN_MS * RP_NS_PER_MS, 0);
}

static void on_again(void *arg)
{
    rp_emitter *emitter = arg;
    emitter->waiting = false;
    go_on(emitter);
}

/* The bus did not take a call. */
static void put_off(rp_emitter *emitter, rp_status status)
{
    emitter->doing = STEP_NONE;
    if (status != RP_LIMIT)
        set_why(emitter, rp_status_text(status));
    wait(emitter);
}

static void on_head(void *arg, rp_status status, const rp_message *message)
{
    rp_emitter *emitter = arg;
    emitter->doing = STEP_NONE;
    if (status == RP_NOT_FOUND)
        emitter->sequence = 0; /* the subject was purged; the chain goes on where it was */
    bool behind = status == RP_OK && message->stream_sequence < emitter->sequence;
    if ((status != RP_OK && status != RP_NOT_FOUND) || behind)
        wait(emitter);
    else if (status == RP_OK && message->stream_sequence > emitter->sequence &&
             !take_last(emitter, message))
        wait(emitter); /* it comes through the follower, too */
    else
        go_on(emitter);
}

static void look_at_head(rp_emitter *emitter)
{
    emitter->doing = STEP_LOOK_AT_HEAD;
    rp_status status =
        rp_bus_last(emitter->spec.env->bus, RP_OUTCOME_STREAM, emitter->subject, on_head, emitter);
    if (status != RP_OK)
        put_off(emitter, status);
}

static void refused(rp_emitter *emitter, const char *what, const rp_published *published)
{
    char why[WHY_BYTES];
    emitter->doing = STEP_NONE;
    snprintf(why, sizeof why, "%s cannot be stored: %s", what,
        published->why && *published->why ? published->why : rp_status_text(published->status));
    if (strcmp(why, emitter->why) != 0)
        rp_log_warn(emitter->spec.env->log, "outcome_put_off",
            rp_log_text("subject", emitter->subject), rp_log_text("why", why));
    set_why(emitter, why);
    wait(emitter);
}

static void on_published(void *arg, const rp_published *published)
{
    rp_emitter *emitter = arg;
    if (published->status == RP_OK) {
        emitter->doing = STEP_NONE;
        advance(emitter, published->sequence, emitter->sent);
        go_on(emitter);
    } else if (published->status == RP_CONFLICT || published->status == RP_DUPLICATE) {
        look_at_head(emitter);
    } else {
        refused(emitter, "an outcome", published);
    }
}

static void put_outcome(rp_emitter *emitter, const rp_emission *e)
{
    char cause[RP_OUTCOME_CAUSE_BYTES];
    rp_publication p = {.subject = rp_bytes_text(emitter->subject),
        .body = rp_buffer_bytes(&e->body),
        .expect = true,
        .expected_sequence = emitter->sequence};
    rp_outcome_cause(emitter->spec.log, e->place, cause);
    rp_publication_header(&p, RP_HEADER_CAUSE, rp_bytes_text(cause));
    rp_publication_header(&p, RP_HEADER_BUILD, rp_bytes_text(emitter->spec.env->build));
    emitter->doing = STEP_PUT_OUTCOME;
    emitter->sent = e->place;
    rp_status status = rp_bus_publish(emitter->spec.env->bus, &p, on_published, emitter);
    if (status != RP_OK)
        put_off(emitter, status);
}

/* -- timers ------------------------------------------------------------------------------------ */

static void timer_done(rp_emitter *emitter)
{
    emitter->doing = STEP_NONE;
    emitter->timer_is_put = emitter->sent;
    emitter->timer_put = true;
    go_on(emitter);
}

static void on_timer_put(void *arg, const rp_published *published)
{
    rp_emitter *emitter = arg;
    if (published->status == RP_OK || published->status == RP_DUPLICATE) {
        timer_done(emitter);
    } else if (published->status == RP_CONFLICT) {
        emitter->doing = STEP_NONE; /* something else lies there by now */
        go_on(emitter);
    } else {
        refused(emitter, "a timer", published);
    }
}

static void put_timer(rp_emitter *emitter, const rp_emission *e, uint64_t expected)
{
    char cause[RP_OUTCOME_CAUSE_BYTES], text[RP_CLOCK_TEXT_BYTES], when[RP_CLOCK_TEXT_BYTES + 8];
    rp_publication p = {.subject = rp_buffer_bytes(&e->timer),
        .body = rp_buffer_bytes(&e->message),
        .expect = true,
        .expected_sequence = expected};
    rp_outcome_cause(emitter->spec.log, e->place, cause);
    rp_publication_header(&p, RP_HEADER_CAUSE, rp_bytes_text(cause));
    if (e->target.len > 0) {
        rp_clock_text(e->at_ns, text);
        snprintf(when, sizeof when, "@at %s", text);
        rp_publication_header(&p, RP_HEADER_SCHEDULE, rp_bytes_text(when));
        rp_publication_header(&p, RP_HEADER_TARGET, rp_buffer_bytes(&e->target));
    } else {
        rp_publication_header(&p, RP_HEADER_ROLLUP, rp_bytes_text("sub"));
    }
    emitter->doing = STEP_PUT_TIMER;
    rp_status status = rp_bus_publish(emitter->spec.env->bus, &p, on_timer_put, emitter);
    if (status != RP_OK)
        put_off(emitter, status);
}

static void on_timer_seen(void *arg, rp_status status, const rp_message *message)
{
    rp_emitter *emitter = arg;
    rp_outcome_place place;
    emitter->doing = STEP_NONE;
    bool moved =
        emitter->count == 0 || rp_outcome_is_before(emitter->sent, slot_at(emitter, 0)->place);
    if (moved) {
        go_on(emitter); /* somebody else has stored it meanwhile */
    } else if ((status != RP_OK && status != RP_NOT_FOUND) ||
               !emitter->spec.holds(emitter->spec.arg)) {
        wait(emitter);
    } else if (status == RP_OK &&
               rp_outcome_cause_parse(rp_message_header(message, RP_HEADER_CAUSE),
                   emitter->spec.log, &place) == RP_OK &&
               !rp_outcome_is_before(place, emitter->sent)) {
        timer_done(emitter); /* this one, or a later one in its place */
    } else {
        put_timer(emitter, slot_at(emitter, 0), status == RP_OK ? message->stream_sequence : 0);
    }
}

static void look_at_timer(rp_emitter *emitter, const rp_emission *e)
{
    emitter->doing = STEP_LOOK_AT_TIMER;
    emitter->sent = e->place;
    rp_status status = rp_bus_last(emitter->spec.env->bus, emitter->spec.log,
        rp_buffer_string(&e->timer), on_timer_seen, emitter);
    if (status != RP_OK)
        put_off(emitter, status);
}

static void go_on(rp_emitter *emitter)
{
    if (!emitter->emit || !emitter->known || emitter->foreign || emitter->waiting ||
        emitter->doing != STEP_NONE || emitter->count == 0)
        return;
    const rp_emission *e = slot_at(emitter, 0);
    bool is_put = emitter->timer_put && emitter->timer_is_put.sequence == e->place.sequence &&
                  emitter->timer_is_put.index == e->place.index;
    if (e->timed && !is_put)
        look_at_timer(emitter, e);
    else
        put_outcome(emitter, e);
}

void rp_emitter_emit(rp_emitter *emitter, bool emit)
{
    emitter->emit = emit;
    if (!emit)
        emitter->timer_put = false;
    go_on(emitter);
}

/* -- its life ---------------------------------------------------------------------------------- */

static rp_status open(rp_emitter *emitter)
{
    const rp_worker_env *env = emitter->spec.env;
    rp_follower_spec follow = {.stream = RP_OUTCOME_STREAM,
        .filter = emitter->subject,
        .from = RP_FOLLOW_LAST_PER_SUBJECT,
        .on_message = on_message,
        .on_caught_up = on_caught_up,
        .on_lost = on_lost,
        .arg = emitter};
    rp_status status = rp_timer_new(env->host, on_again, emitter, &emitter->again);
    return status == RP_OK ? rp_bus_follow(env->bus, &follow, &emitter->follower) : status;
}

rp_status rp_emitter_new(const rp_emitter_spec *spec, rp_emitter **ret_emitter)
{
    if (spec->drafts_max == 0 || spec->drafts_max + DIGESTS >= spec->outcomes_max ||
        strlen(spec->subject) >= RP_OUTCOME_SUBJECT_BYTES)
        return RP_INVALID;
    rp_emitter *emitter = calloc(1, sizeof *emitter);
    if (!emitter)
        return RP_NO_MEMORY;
    emitter->spec = *spec;
    snprintf(emitter->subject, sizeof emitter->subject, "%s", spec->subject);
    emitter->slots = calloc(spec->outcomes_max, sizeof *emitter->slots);
    rp_status status = emitter->slots ? open(emitter) : RP_NO_MEMORY;
    if (status != RP_OK) {
        rp_emitter_free(emitter);
        return status;
    }
    *ret_emitter = emitter;
    return RP_OK;
}

void rp_emitter_free(rp_emitter *emitter)
{
    if (!emitter)
        return;
    rp_bus_forget(emitter->spec.env->bus, emitter);
    if (emitter->follower)
        rp_bus_unfollow(emitter->spec.env->bus, emitter->follower);
    rp_timer_free(emitter->again);
    for (size_t i = 0; emitter->slots && i < emitter->spec.outcomes_max; i++) {
        rp_buffer_done(&emitter->slots[i].body);
        rp_buffer_done(&emitter->slots[i].timer);
        rp_buffer_done(&emitter->slots[i].target);
        rp_buffer_done(&emitter->slots[i].message);
    }
    free(emitter->slots);
    free(emitter);
}
