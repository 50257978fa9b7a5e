#include "runtime/actor/fold/fold_internal.h"

#include <inttypes.h>
#include <stdio.h>

#include "runtime/base/decimal.h"
#include "runtime/base/name.h"
#include "schemas/codec.h"

enum { COMPARE_ARENA_BYTES = 16 << 10, COMPARE_BYTES_MAX = 4 << 10 };

/* -- what a fold's functions see --------------------------------------------------------------- */

uint64_t rp_fold_now_ns(const rp_fold *fold)
{
    return fold->clock_ns;
}

uint64_t rp_fold_sequence(const rp_fold *fold)
{
    return fold->sequence;
}

uint32_t rp_fold_partition(const rp_fold *fold)
{
    return fold->place.partition;
}

rp_arena *rp_fold_arena(rp_fold *fold)
{
    return &fold->arena;
}

rp_bytes rp_fold_get(const rp_fold *fold, rp_bytes key)
{
    return rp_pairs_get(fold->pairs, key);
}

void rp_fold_each(const rp_fold *fold, rp_bytes prefix,
    bool (*each)(void *arg, rp_bytes key, rp_bytes value), void *arg)
{
    rp_pairs_each(fold->pairs, prefix, each, arg);
}

bool rp_fold_epoch_holds(const rp_message *message, uint64_t epoch)
{
    uint64_t named;
    rp_bytes header = rp_message_header(message, RP_HEADER_EPOCH);
    return rp_decimal_parse(header, &named) == RP_OK && named == epoch;
}

yyjson_val *rp_fold_json(rp_fold *fold, const rp_message *message)
{
    yyjson_doc *doc;
    rp_error error = {0};
    rp_status status = rp_json_parse(message->body, &fold->arena, &doc, &error);
    if (status == RP_OK && yyjson_is_obj(yyjson_doc_get_root(doc)))
        return yyjson_doc_get_root(doc);
    if (status == RP_OK)
        rp_fold_refuse(
            fold, RP__ERROR__CODE__INVALID_ARGUMENT, NULL, NULL, "the body is JSON, but no object");
    else if (status == RP_LIMIT)
        rp_fold_refuse(fold, RP__ERROR__CODE__PAYLOAD_TOO_LARGE, NULL, NULL, "%s", error.message);
    else
        rp_fold_refuse(fold, RP__ERROR__CODE__INVALID_JSON, NULL, NULL, "%s", error.message);
    return NULL;
}

/* -- what they do ------------------------------------------------------------------------------ */

void rp_fold_refuse(rp_fold *fold, Rp__Error__Code code, const char *field, const char *limit,
    const char *format, ...)
{
    char text[RP_ERROR_MESSAGE_MAX];
    va_list arguments;
    RP_ASSERT(fold->folding);
    if (fold->refused)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    rp_refusal_set(&fold->refusal, code, field, limit, "%s", text);
    fold->refused = true;
}

/* A write did not fit. Out of memory is no refusal: another replica may have some. */
static void refuse_write(rp_fold *fold, rp_status status, const rp_error *error)
{
    if (status == RP_NO_MEMORY)
        rp__fold_break(fold, "out of memory at sequence %" PRIu64, fold->sequence);
    else if (status == RP_INVALID)
        rp_fold_refuse(
            fold, RP__ERROR__CODE__INVALID_ARGUMENT, error->field, NULL, "%s", error->message);
    else
        rp_fold_refuse(fold,
            status == RP_FULL ? RP__ERROR__CODE__OVERLOADED : RP__ERROR__CODE__PAYLOAD_TOO_LARGE,
            error->field, error->limit, "%s", error->message);
}

bool rp_fold_put(rp_fold *fold, rp_bytes key, rp_bytes value)
{
    rp_error error = {0};
    RP_ASSERT(fold->folding);
    rp_status status = rp_pairs_put(fold->pairs, key, value, &error);
    if (status != RP_OK)
        refuse_write(fold, status, &error);
    return status == RP_OK;
}

void rp_fold_remove(rp_fold *fold, rp_bytes key)
{
    rp_error error = {0};
    RP_ASSERT(fold->folding);
    rp_status status = rp_pairs_remove(fold->pairs, key, &error);
    if (status != RP_OK)
        refuse_write(fold, status, &error);
}

/* -- what follows ------------------------------------------------------------------------------ */

/* The place for one more outcome; NULL where that would be too many, and refuses the message. */
static rp_emission *draft(rp_fold *fold)
{
    char limit[RP_ERROR_LIMIT_MAX];
    size_t max = fold->spec.limits.outcomes_message_max;
    RP_ASSERT(fold->folding);
    if (fold->refused)
        return NULL;
    rp_emission *e = rp_emitter_draft(fold->emitter);
    if (e)
        return e;
    snprintf(limit, sizeof limit, "%zu outcomes", max);
    rp_fold_refuse(fold, RP__ERROR__CODE__PAYLOAD_TOO_LARGE, NULL, limit,
        "more would follow from the message than may");
    return NULL;
}

static void encode(rp_fold *fold, Rp__Outcome *outcome, rp_emission *e)
{
    rp_outcome_place place = {fold->sequence, rp_emitter_drafts(fold->emitter) - 1};
    rp_status status =
        rp_outcome_encode(outcome, fold->spec.stream, place, fold->message_subject, &e->body);
    if (status != RP_OK)
        rp_fold_refuse(fold, RP__ERROR__CODE__PAYLOAD_TOO_LARGE, NULL, "64 KiB",
            "what follows from the message cannot be written: %s",
            status == RP_INVALID ? "it is no UTF-8" : "it is too large");
}

static const char *text_of(rp_fold *fold, rp_bytes bytes)
{
    const char *text = rp_arena_text(&fold->arena, bytes);
    return text ? text : "";
}

void rp_fold_event(rp_fold *fold, const char *name, rp_bytes json)
{
    Rp__Outcome outcome = RP__OUTCOME__INIT;
    Rp__FoldEvent event = RP__FOLD_EVENT__INIT;
    rp_emission *e = draft(fold);
    if (!e)
        return;
    event.name = name;
    event.has_body = true;
    event.body = rp_schema_text(json);
    outcome.event = &event;
    encode(fold, &outcome, e);
}

/* A timer's outcome, and what the emitter has to do for it. An empty target takes it back. */
static void schedule(rp_fold *fold, rp_bytes timer, rp_bytes target, rp_bytes body, uint64_t at_ns)
{
    Rp__Outcome outcome = RP__OUTCOME__INIT;
    Rp__FoldTimer record = RP__FOLD_TIMER__INIT;
    uint64_t at_ms = at_ns / RP_NS_PER_MS + (at_ns % RP_NS_PER_MS > 0);
    bool is_set = target.len > 0;
    if (!rp_name_is_subject(timer) || (is_set && !rp_name_is_subject(target)) ||
        timer.len >= RP_WORKER_SUBJECT_BYTES || target.len >= RP_WORKER_SUBJECT_BYTES ||
        body.len > RP_OUTCOME_BYTES_MAX) {
        rp_fold_refuse(fold, RP__ERROR__CODE__INVALID_ARGUMENT, "timer", "512 bytes, 64 KiB",
            "the timer's subjects or its message cannot be");
        return;
    }
    rp_emission *e = draft(fold);
    if (!e)
        return;
    e->timed = true;
    e->at_ns = at_ms * RP_NS_PER_MS;
    rp_buffer_append(&e->timer, timer.data, timer.len);
    rp_buffer_append(&e->target, target.data, target.len);
    rp_buffer_append(&e->message, body.data, body.len);
    record.timer = text_of(fold, timer);
    record.target = is_set ? text_of(fold, target) : NULL;
    record.has_at_unix_ms = is_set;
    record.at_unix_ms = at_ms;
    outcome.timer = &record;
    encode(fold, &outcome, e);
}

void rp_fold_timer(rp_fold *fold, rp_bytes timer, rp_bytes target, rp_bytes body, uint64_t at_ns)
{
    RP_ASSERT(target.len > 0);
    schedule(fold, timer, target, body, at_ns);
}

void rp_fold_timer_cancel(rp_fold *fold, rp_bytes timer)
{
    schedule(fold, timer, rp_bytes_of(NULL, 0), rp_bytes_of(NULL, 0), 0);
}

static void refusal_outcome(rp_fold *fold)
{
    Rp__Outcome outcome = RP__OUTCOME__INIT;
    Rp__Error error;
    rp_refusal_error(&fold->refusal, &error);
    outcome.refused = &error;
    rp_emitter_discard(fold->emitter);
    rp_emission *e = rp_emitter_draft(fold->emitter);
    rp_outcome_place place = {fold->sequence, 0};
    rp_status status =
        rp_outcome_encode(&outcome, fold->spec.stream, place, fold->message_subject, &e->body);
    RP_ASSERT(status == RP_OK); /* its texts are bounded, and UTF-8 */
}

/* -- digests ----------------------------------------------------------------------------------- */

static void digest_outcome(rp_fold *fold, uint64_t sequence, uint32_t index)
{
    Rp__Outcome outcome = RP__OUTCOME__INIT;
    Rp__FoldDigest record = RP__FOLD_DIGEST__INIT;
    char text[RP_HASH128_TEXT_BYTES];
    rp_hash128 digest = rp_pairs_digest(fold->pairs);
    rp_hash128_text(digest, text);
    record.digest = text;
    record.has_pairs = true;
    record.pairs = rp_pairs_count(fold->pairs);
    outcome.digest = &record;
    rp_emission *e = rp_emitter_draft(fold->emitter);
    rp_status status = rp_outcome_encode(&outcome, fold->spec.stream,
        (rp_outcome_place){sequence, index}, rp_bytes_of(NULL, 0), &e->body);
    RP_ASSERT(status == RP_OK);
    rp_emitter_keep(fold->emitter, sequence, index);
    if (!rp_witness_own(&fold->witness, sequence, digest)) {
        rp_counter_add(fold->counts.mismatches, 1);
        rp__fold_break(fold,
            "the state at sequence %" PRIu64 " has the digest %s, and another replica had another "
            "one: one of them is damaged",
            sequence, text);
    }
}

static bool read_digest(rp_fold *fold, rp_bytes body, rp_hash128 *ret_digest)
{
    void *decoded;
    rp_arena_reset(&fold->arena);
    if (body.len > COMPARE_BYTES_MAX || rp_schema_decode(&rp__outcome__descriptor, RP_ENCODING_JSON,
                                            body, &fold->arena, &decoded, NULL) != RP_OK)
        return false;
    const Rp__Outcome *outcome = decoded;
    if (!outcome->digest)
        return false;
    return sscanf(outcome->digest->digest, "%16" SCNx64 "%16" SCNx64, &ret_digest->high,
               &ret_digest->low) == 2;
}

void rp__fold_compare(rp_fold *fold, const rp_message *outcome)
{
    rp_outcome_place place;
    rp_hash128 digest;
    rp_bytes cause = rp_message_header(outcome, RP_HEADER_CAUSE);
    if (rp_outcome_cause_parse(cause, fold->spec.stream, &place) != RP_OK || place.sequence == 0 ||
        place.sequence % RP_FOLD_DIGEST_EVERY != 0 || !read_digest(fold, outcome->body, &digest))
        return;
    if (rp_witness_stored(&fold->witness, place.sequence, digest))
        return;
    rp_counter_add(fold->counts.mismatches, 1);
    rp__fold_break(fold,
        "another replica stored another digest for sequence %" PRIu64 ": one of them is damaged",
        place.sequence);
}

/* -- one message ------------------------------------------------------------------------------- */

static bool is_ours(const rp_fold *fold, const rp_message *message)
{
    if (fold->place.partitions == 1)
        return true;
    rp_bytes token = rp_name_token(message->subject, fold->spec.name_token);
    return rp_fold_partition_of(token, fold->place.partitions) == fold->place.partition;
}

/* What the server takes away by itself, so that who comes later does not see it: it moves nothing, not
 * even the clock. */
static bool is_passing(const rp_message *message)
{
    return rp_message_header(message, RP_HEADER_SCHEDULE).data ||
           rp_message_header(message, RP_HEADER_ROLLUP).data;
}

/* Folds it; what follows lies in drafts. */
static void fold_one(rp_fold *fold, const rp_message *message)
{
    fold->folding = true;
    fold->refused = false;
    fold->message_subject = message->subject;
    rp_arena_reset(&fold->arena);
    rp_pairs_begin(fold->pairs);
    if (rp_message_header(message, RP_HEADER_BODY).data)
        rp_fold_refuse(fold, RP__ERROR__CODE__PAYLOAD_TOO_LARGE, "Rp-Body", NULL,
            "a message of a log carries its body itself: what it refers to may be gone when the "
            "log "
            "is read again");
    else
        fold->spec.fold(fold, fold->state, message);
    if (fold->refused || fold->phase == RP__FOLD_BROKEN)
        rp_pairs_revert(fold->pairs);
    else
        rp_pairs_commit(fold->pairs);
    fold->folding = false;
    rp_verdicts_folded(&fold->verdicts, fold->sequence);
    rp_counter_add(fold->counts.messages, 1);
    if (!fold->refused)
        return;
    refusal_outcome(fold);
    rp_verdicts_refused(&fold->verdicts, fold->sequence, &fold->refusal);
    rp_counter_add(fold->counts.refused, 1);
}

bool rp__fold_message(rp_fold *fold, const rp_message *message)
{
    uint64_t sequence = message->stream_sequence, before = fold->sequence;
    uint64_t due = (sequence - 1) / RP_FOLD_DIGEST_EVERY * RP_FOLD_DIGEST_EVERY;
    if (due > before) /* there is no message any more that it would stand behind */
        digest_outcome(fold, due, 0);
    fold->sequence = sequence;
    if (!is_passing(message)) {
        fold->anchor = sequence;
        if (message->timestamp_ns > fold->clock_ns)
            fold->clock_ns = message->timestamp_ns;
        if (is_ours(fold, message))
            fold_one(fold, message);
    }
    if (fold->phase == RP__FOLD_BROKEN) {
        rp_emitter_discard(fold->emitter);
        fold->sequence = before;
        return false;
    }
    uint32_t index = rp_emitter_drafts(fold->emitter);
    rp_emitter_keep(fold->emitter, sequence, 0);
    if (sequence % RP_FOLD_DIGEST_EVERY == 0)
        digest_outcome(fold, sequence, index);
    return true;
}
