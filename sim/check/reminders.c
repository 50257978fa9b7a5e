#include "sim/check/reminders.h"

#include "runtime/base/decimal.h"
#include "runtime/base/json.h"
#include "runtime/base/name.h"

#include <inttypes.h>

enum { BODY_BYTES_MAX = 64 << 10 };

static const char once[] = "an ask is carried out once";
static const char comes_once[] = "a timer comes once, at its time, unless it was taken back";
static const char told_once[] = "what came is told once";

/* Keys are "k0", "k1", ...: the third token of all these subjects. */
static size_t key_of(rp_bytes subject)
{
    rp_bytes token = rp_name_token(subject, 2);
    RP_ASSERT(token.len == 2 && token.data[1] - '0' < SIM_REMINDER_KEYS);
    return (size_t)(token.data[1] - '0');
}

/* The sequence that a cause names: "<stream>:<sequence>:<index>"; 0 for another stream's. */
static uint64_t cause_of(const sim_stored *stored, const char *stream)
{
    rp_bytes cause = sim_message_header(stored->message, RP_HEADER_CAUSE);
    size_t len = strlen(stream);
    uint64_t sequence = 0;
    if (cause.len < len + 2 || memcmp(cause.data, stream, len) != 0 || cause.data[len] != ':')
        return 0;
    rp_bytes rest = rp_bytes_of(cause.data + len + 1, cause.len - len - 1);
    return rp_decimal_take(&rest, &sequence) == RP_OK ? sequence : 0;
}

static sim_reminder *ask_of(sim_reminders *reminders, const sim_stored *stored)
{
    uint64_t sequence = cause_of(stored, "EXAMPLE");
    for (size_t i = 0; i < reminders->ask_count; i++) {
        if (reminders->asks[i].sequence == sequence)
            return &reminders->asks[i];
    }
    return NULL;
}

/* -- what is stored ---------------------------------------------------------------------------- */

static void asked(sim_reminders *reminders, const sim_stored *stored)
{
    rp_arena arena;
    yyjson_doc *doc;
    RP_ASSERT(reminders->ask_count < SIM_REMINDERS_MAX);
    RP_ASSERT(rp_arena_init(&arena, 1024, BODY_BYTES_MAX) == RP_OK);
    RP_ASSERT(rp_json_parse(stored->message->body, &arena, &doc, NULL) == RP_OK);
    yyjson_val *root = yyjson_doc_get_root(doc), *in = yyjson_obj_get(root, "in_ms");
    yyjson_val *text = yyjson_obj_get(root, "text");
    reminders->asks[reminders->ask_count++] = (sim_reminder){.sequence = stored->sequence,
        .at_ns = in ? stored->stored_ns + yyjson_get_uint(in) * RP_NS_PER_MS : 0,
        .text = sim_world_copy(
            reminders->server->world, rp_bytes_of(yyjson_get_str(text), yyjson_get_len(text)))};
    rp_arena_done(&arena);
}

/* What stands on a key's subject from now on. */
static void stand(sim_reminders *reminders, size_t key, sim_reminder *ask)
{
    sim_reminder *before = reminders->standing[key];
    if (before)
        before->gone_ns = sim_world_now_ns(reminders->server->world);
    if (ask)
        ask->gone_ns = 0;
    reminders->standing[key] = ask;
}

static bool is_forgotten(
    const sim_reminders *reminders, const sim_reminder *ask, uint64_t window_ns, uint64_t now_ns)
{
    bool gone_at_start = ask->gone_ns > 0 && ask->gone_ns < reminders->server->started_ns;
    return gone_at_start || now_ns >= ask->done_ns + window_ns;
}

/* A timer is set, or taken back. */
static void carried_out(
    sim_reminders *reminders, const sim_stream *stream, const sim_stored *stored)
{
    sim_reminder *ask = ask_of(reminders, stored);
    bool sets = sim_message_header(stored->message, RP_HEADER_SCHEDULE).data;
    if (!ask || sets != (ask->at_ns > 0)) {
        sim_verdict_fail(reminders->verdict, once, "TIMER #%" PRIu64 " is not what was asked for",
            stored->sequence);
        return;
    }
    if (ask->done++ > 0 &&
        !is_forgotten(reminders, ask, stream->config.duplicates_ns, stored->stored_ns))
        sim_verdict_fail(reminders->verdict, once,
            "EXAMPLE #%" PRIu64 " for the %zu. time, with TIMER #%" PRIu64, ask->sequence,
            ask->done, stored->sequence);
    ask->done_ns = stored->stored_ns;
    stand(reminders, key_of(stored->message->subject), ask);
}

static void came(sim_reminders *reminders, const sim_stored *stored)
{
    size_t key = key_of(stored->message->subject);
    sim_reminder *ask = ask_of(reminders, stored);
    if (!ask || reminders->standing[key] != ask || ++ask->due > ask->done ||
        stored->stored_ns / RP_NS_PER_MS < ask->at_ns / RP_NS_PER_MS ||
        !rp_bytes_equal(stored->message->body, ask->text))
        sim_verdict_fail(reminders->verdict, comes_once,
            "TIMER #%" PRIu64 " is %.*s, of EXAMPLE #%" PRIu64 ", %+" PRId64 " ms after its time",
            stored->sequence, (int)stored->message->body.len,
            (const char *)stored->message->body.data, ask ? ask->sequence : 0,
            ask ? (int64_t)(stored->stored_ns - ask->at_ns) / (int64_t)RP_NS_PER_MS : 0);
    stand(reminders, key, NULL);
    RP_ASSERT(reminders->reminded_count < SIM_REMINDERS_MAX);
    reminders->reminded[reminders->reminded_count++] =
        (sim_reminded){.sequence = stored->sequence, .text = stored->message->body};
}

static void told(sim_reminders *reminders, const sim_stored *stored)
{
    uint64_t sequence = cause_of(stored, "TIMER");
    for (size_t i = 0; i < reminders->reminded_count; i++) {
        sim_reminded *reminded = &reminders->reminded[i];
        if (reminded->sequence == sequence && reminded->told++ == 0 &&
            rp_bytes_equal(stored->message->body, reminded->text))
            return;
    }
    sim_verdict_fail(reminders->verdict, told_once,
        "EXAMPLE #%" PRIu64 " tells of TIMER #%" PRIu64 ": %.*s", stored->sequence, sequence,
        (int)stored->message->body.len, (const char *)stored->message->body.data);
}

void sim_reminders_stored(
    sim_reminders *reminders, const sim_stream *stream, const sim_stored *stored)
{
    rp_bytes subject = stored->message->subject;
    if (strcmp(stream->config.name, "TIMER") == 0) {
        if (rp_name_token(subject, 3).len > 0)
            came(reminders, stored);
        else
            carried_out(reminders, stream, stored);
    } else if (strcmp(stream->config.name, "EXAMPLE") == 0) {
        if (rp_bytes_is(rp_name_token(subject, 1), "remind"))
            asked(reminders, stored);
        else
            told(reminders, stored);
    }
}

/* -- at the end -------------------------------------------------------------------------------- */

static const sim_reminder *not_carried_out(const sim_reminders *reminders)
{
    for (size_t i = 0; i < reminders->ask_count; i++) {
        if (reminders->asks[i].done == 0)
            return &reminders->asks[i];
    }
    return NULL;
}

static const sim_reminder *not_come(const sim_reminders *reminders)
{
    for (size_t i = 0; i < SIM_REMINDER_KEYS; i++) {
        const sim_reminder *ask = reminders->standing[i];
        if (ask && ask->at_ns > 0)
            return ask;
    }
    return NULL;
}

static const sim_reminded *not_told(const sim_reminders *reminders)
{
    for (size_t i = 0; i < reminders->reminded_count; i++) {
        if (reminders->reminded[i].told == 0)
            return &reminders->reminded[i];
    }
    return NULL;
}

bool sim_reminders_done(const sim_reminders *reminders)
{
    return !not_carried_out(reminders) && !not_come(reminders) && !not_told(reminders);
}

void sim_reminders_tell_undone(const sim_reminders *reminders)
{
    const sim_reminder *ask = not_carried_out(reminders), *waiting = not_come(reminders);
    const sim_reminded *reminded = not_told(reminders);
    if (ask)
        sim_verdict_fail(reminders->verdict, once, "EXAMPLE #%" PRIu64 " is not", ask->sequence);
    if (waiting)
        sim_verdict_fail(reminders->verdict, comes_once, "that of EXAMPLE #%" PRIu64 " has not",
            waiting->sequence);
    if (reminded)
        sim_verdict_fail(
            reminders->verdict, told_once, "TIMER #%" PRIu64 " is not", reminded->sequence);
}
