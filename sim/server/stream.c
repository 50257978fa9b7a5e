#include "sim/server/stream.h"

#include "runtime/base/decimal.h"
#include "runtime/base/hash.h"
#include "sim/server/schedule.h"

#include <stdlib.h>

enum { STORED_START = 64, IDS_START = 64, MESSAGES_MAX = 1 << 20 };

void sim_stream_init(sim_stream *stream, sim_world *world, const sim_stream_config *config)
{
    sim_stored *stored = stream->stored;
    sim_known_id *ids = stream->ids;
    size_t capacity = stream->capacity, id_capacity = stream->id_capacity;
    *stream = (sim_stream){.world = world,
        .config = *config,
        .stored = stored,
        .capacity = capacity,
        .ids = ids,
        .id_capacity = id_capacity,
        .base = 1,
        .first = 1,
        .next_expiry_ns = UINT64_MAX,
        .created_ns = SIM_EPOCH_NS};
}

void sim_stream_done(sim_stream *stream)
{
    free(stream->stored);
    free(stream->ids);
    *stream = (sim_stream){0};
}

/* -- subjects ---------------------------------------------------------------------------------- */

bool sim_stream_takes(const sim_stream *stream, rp_bytes subject)
{
    for (size_t i = 0; i < SIM_FILTERS_MAX && stream->config.subjects[i]; i++) {
        if (sim_subject_matches(subject, stream->config.subjects[i]))
            return true;
    }
    return false;
}

/* Mappings have one form, "a.b.>" to "c.>". */
static rp_bytes mapped(const sim_stream *stream, rp_bytes subject)
{
    const sim_stream_config *c = &stream->config;
    if (!c->mapped_from)
        return subject;
    size_t from = strlen(c->mapped_from), to = strlen(c->mapped_to);
    RP_ASSERT(from > 0 && to > 0 && c->mapped_from[from - 1] == '>' && c->mapped_to[to - 1] == '>');
    size_t rest = subject.len - (from - 1);
    uint8_t *text = sim_world_alloc(stream->world, to - 1 + rest);
    memcpy(text, c->mapped_to, to - 1);
    memcpy(text + to - 1, subject.data + from - 1, rest);
    return rp_bytes_of(text, to - 1 + rest);
}

static bool matches_any(rp_bytes subject, const char *const filters[SIM_FILTERS_MAX])
{
    for (size_t i = 0; i < SIM_FILTERS_MAX && filters[i]; i++) {
        if (sim_subject_matches(subject, filters[i]))
            return true;
    }
    return false;
}

/* -- what is there ----------------------------------------------------------------------------- */

static sim_stored *at(const sim_stream *stream, uint64_t sequence)
{
    if (sequence < stream->base || sequence - stream->base >= stream->count)
        return NULL;
    sim_stored *stored = &stream->stored[sequence - stream->base];
    return stored->message ? stored : NULL;
}

const sim_stored *sim_stream_at(const sim_stream *stream, uint64_t sequence)
{
    return at(stream, sequence);
}

const sim_stored *sim_stream_next(
    const sim_stream *stream, uint64_t sequence, const char *const filters[SIM_FILTERS_MAX])
{
    if (sequence < stream->first)
        sequence = stream->first;
    for (; sequence <= stream->last; sequence++) {
        const sim_stored *stored = at(stream, sequence);
        if (stored && matches_any(stored->message->subject, filters))
            return stored;
    }
    return NULL;
}

uint64_t sim_stream_pending(
    const sim_stream *stream, uint64_t sequence, const char *const filters[SIM_FILTERS_MAX])
{
    uint64_t count = 0;
    const sim_stored *stored;
    while ((stored = sim_stream_next(stream, sequence, filters)) != NULL) {
        count++;
        sequence = stored->sequence + 1;
    }
    return count;
}

const sim_stored *sim_stream_last(const sim_stream *stream, rp_bytes subject)
{
    uint64_t hash = rp_hash_xxh3_64(subject);
    for (uint64_t s = stream->last; s >= stream->first && s > 0; s--) {
        const sim_stored *stored = at(stream, s);
        if (stored && stored->subject_hash == hash &&
            rp_bytes_equal(stored->message->subject, subject))
            return stored;
    }
    return NULL;
}

/* -- what goes --------------------------------------------------------------------------------- */

static void settle_first(sim_stream *stream)
{
    while (stream->first <= stream->last && !at(stream, stream->first))
        stream->first++;
    /* What is gone from the front is moved away when it is most of it. */
    size_t gone = stream->first - stream->base;
    if (gone > STORED_START && gone > stream->count / 2) {
        memmove(
            stream->stored, stream->stored + gone, (stream->count - gone) * sizeof *stream->stored);
        stream->count -= gone;
        stream->base += gone;
    }
}

static void take_away(sim_stream *stream, sim_stored *stored)
{
    stream->messages--;
    stream->bytes -= stored->bytes;
    stored->message = NULL;
}

static void expire(sim_stream *stream, uint64_t now_ns)
{
    uint64_t next_ns = UINT64_MAX;
    for (uint64_t s = stream->first; s <= stream->last; s++) {
        sim_stored *stored = at(stream, s);
        if (!stored || stored->expires_ns == 0)
            continue;
        if (stored->expires_ns <= now_ns)
            take_away(stream, stored);
        else if (stored->expires_ns < next_ns)
            next_ns = stored->expires_ns;
    }
    stream->next_expiry_ns = next_ns;
    settle_first(stream);
}

void sim_stream_age(sim_stream *stream, uint64_t now_ns)
{
    uint64_t max_age_ns = stream->config.max_age_ns;
    for (sim_stored *oldest; max_age_ns && (oldest = at(stream, stream->first)) != NULL &&
                             oldest->stored_ns + max_age_ns <= now_ns;) {
        take_away(stream, oldest);
        settle_first(stream);
    }
    if (stream->next_expiry_ns <= now_ns)
        expire(stream, now_ns);
}

uint64_t sim_stream_purge(sim_stream *stream, const char *filter, uint64_t keep_from)
{
    uint64_t purged = 0;
    for (uint64_t s = stream->first; s <= stream->last && s < keep_from; s++) {
        sim_stored *stored = at(stream, s);
        if (!stored || (filter && !sim_subject_matches(stored->message->subject, filter)))
            continue;
        take_away(stream, stored);
        purged++;
    }
    settle_first(stream);
    /* Beyond the end everything goes, and the next message is the one that was named. */
    if (!filter && keep_from > stream->last + 1) {
        stream->count = 0;
        stream->base = stream->first = keep_from;
        stream->last = keep_from - 1;
    }
    return purged;
}

void sim_stream_remove(sim_stream *stream, uint64_t sequence)
{
    sim_stored *stored = at(stream, sequence);
    if (stored)
        take_away(stream, stored);
    settle_first(stream);
}

void sim_stream_spoil(sim_stream *stream, uint64_t sequence, rp_bytes body)
{
    sim_stored *stored = at(stream, sequence);
    RP_ASSERT(stored);
    sim_message *spoilt =
        sim_message_again(stream->world, stored->message, stored->message->subject, NULL, 0);
    spoilt->body = body;
    stored->message = spoilt;
}

void sim_stream_cut(sim_stream *stream, uint64_t last)
{
    while (stream->last > last) {
        sim_stored *stored = at(stream, stream->last);
        if (stored)
            take_away(stream, stored);
        if (stream->count > 0)
            stream->count--;
        stream->last--;
    }
    if (stream->first > stream->last + 1)
        stream->first = stream->base = stream->last + 1;
    sim_stream_restarted(stream);
}

void sim_stream_restarted(sim_stream *stream)
{
    size_t kept = 0;
    for (size_t i = 0; i < stream->id_count; i++) {
        if (at(stream, stream->ids[i].sequence))
            stream->ids[kept++] = stream->ids[i];
    }
    stream->id_count = kept;
}

/* -- what is stored ---------------------------------------------------------------------------- */

static const sim_known_id *known_id(const sim_stream *stream, uint64_t hash, uint64_t now_ns)
{
    for (size_t i = stream->id_count; i > 0; i--) {
        const sim_known_id *id = &stream->ids[i - 1];
        if (id->stored_ns + stream->config.duplicates_ns <= now_ns)
            return NULL; /* those before are older still */
        if (id->hash == hash)
            return id;
    }
    return NULL;
}

static void remember_id(sim_stream *stream, uint64_t hash, uint64_t sequence, uint64_t now_ns)
{
    if (stream->id_count == stream->id_capacity) {
        stream->id_capacity = stream->id_capacity ? 2 * stream->id_capacity : IDS_START;
        RP_ASSERT(stream->id_capacity <= MESSAGES_MAX);
        stream->ids = realloc(stream->ids, stream->id_capacity * sizeof *stream->ids);
        RP_ASSERT(stream->ids);
    }
    stream->ids[stream->id_count++] = (sim_known_id){hash, sequence, now_ns};
}

static sim_stored *append(sim_stream *stream)
{
    if (stream->count == stream->capacity) {
        stream->capacity = stream->capacity ? 2 * stream->capacity : STORED_START;
        RP_ASSERT(stream->capacity <= MESSAGES_MAX);
        stream->stored = realloc(stream->stored, stream->capacity * sizeof *stream->stored);
        RP_ASSERT(stream->stored);
    }
    return &stream->stored[stream->count++];
}

/* Nats-TTL: seconds, or a number with a unit; "never". */
static rp_status read_ttl(
    const sim_stream *stream, const sim_message *message, uint64_t now_ns, uint64_t *ret_expires_ns)
{
    rp_bytes text = sim_message_header(message, RP_HEADER_TTL);
    uint64_t number;
    *ret_expires_ns = 0;
    if (!text.data || rp_bytes_is(text, "never"))
        return RP_OK;
    if (!stream->config.message_ttl)
        return RP_INVALID;
    if (rp_decimal_take(&text, &number) != RP_OK || number == 0)
        return RP_INVALID;
    uint64_t unit_ns = 0;
    if (text.len == 0 || rp_bytes_is(text, "s"))
        unit_ns = RP_NS_PER_S;
    else if (rp_bytes_is(text, "m"))
        unit_ns = 60 * RP_NS_PER_S;
    else if (rp_bytes_is(text, "h"))
        unit_ns = 3600 * RP_NS_PER_S;
    if (unit_ns == 0)
        return RP_INVALID;
    *ret_expires_ns = now_ns + number * unit_ns;
    return RP_OK;
}

/* Whether there is room for `bytes` more. A message that takes the place of its subject's only one
 * needs room for the difference alone. */
static bool has_room(const sim_stream *stream, rp_bytes subject, size_t bytes)
{
    const sim_stream_config *c = &stream->config;
    const sim_stored *last = NULL;
    if (!c->discard_new || c->max_bytes == 0)
        return true;
    if (c->per_subject_max == 1)
        last = sim_stream_last(stream, subject);
    return stream->bytes + bytes < c->max_bytes + (last ? last->bytes : 0);
}

/* The limits of a stream that drops its oldest, and those a subject. */
static void enforce(sim_stream *stream, const sim_stored *newest)
{
    const sim_stream_config *c = &stream->config;
    uint64_t sequence = newest->sequence, hash = newest->subject_hash;
    rp_bytes subject = newest->message->subject;
    int64_t of_subject = 0;
    for (uint64_t s = sequence; c->per_subject_max > 0 && s >= stream->first && s > 0; s--) {
        sim_stored *stored = at(stream, s);
        if (!stored || stored->subject_hash != hash ||
            !rp_bytes_equal(stored->message->subject, subject))
            continue;
        if (++of_subject > c->per_subject_max)
            take_away(stream, stored);
    }
    for (uint64_t s = stream->first;
         c->max_bytes && !c->discard_new && stream->bytes > c->max_bytes && s < sequence; s++) {
        sim_stored *stored = at(stream, s);
        if (stored)
            take_away(stream, stored);
    }
    settle_first(stream);
}

/* "sub" leaves the message alone on its subject, "all" alone in the stream. */
static rp_status check_rollup(const sim_stream *stream, const sim_message *message)
{
    rp_bytes rollup = sim_message_header(message, RP_HEADER_ROLLUP);
    if (!rollup.data)
        return RP_OK;
    bool known = rp_bytes_is(rollup, "sub") || rp_bytes_is(rollup, "all");
    return stream->config.rollup && known ? RP_OK : RP_INVALID;
}

/* A schedule takes the place of the one before. */
static rp_bytes rolled_up(const sim_message *message)
{
    bool scheduled = sim_message_header(message, RP_HEADER_SCHEDULE).data;
    return scheduled ? rp_bytes_text("sub") : sim_message_header(message, RP_HEADER_ROLLUP);
}

static void roll_up(sim_stream *stream, const sim_message *message, uint64_t sequence)
{
    rp_bytes rollup = rolled_up(message);
    rp_bytes subject = at(stream, sequence)->message->subject;
    for (uint64_t s = stream->first; rollup.data && s < sequence; s++) {
        sim_stored *stored = at(stream, s);
        if (stored &&
            (rp_bytes_is(rollup, "all") || rp_bytes_equal(stored->message->subject, subject)))
            take_away(stream, stored);
    }
    settle_first(stream);
}

static const sim_stored *store(sim_stream *stream, const sim_message *message, uint64_t previous,
    uint64_t expires_ns, uint64_t now_ns)
{
    sim_stored *stored = append(stream);
    *stored = (sim_stored){.message = message,
        .sequence = ++stream->last,
        .stored_ns = now_ns,
        .expires_ns = expires_ns,
        .subject_hash = rp_hash_xxh3_64(message->subject),
        .previous = previous,
        .bytes = sim_message_bytes(message)};
    if (expires_ns && expires_ns < stream->next_expiry_ns)
        stream->next_expiry_ns = expires_ns;
    stream->messages++;
    stream->bytes += stored->bytes;
    return stored;
}

static sim_put refused(rp_status status, const char *why)
{
    return (sim_put){.status = status, .why = why};
}

sim_put sim_stream_put(sim_stream *stream, const sim_message *message, uint64_t now_ns)
{
    uint64_t expires_ns;
    rp_bytes id = sim_message_header(message, RP_HEADER_MESSAGE_ID);
    uint64_t id_hash = id.data ? rp_hash_xxh3_64(id) : 0;
    rp_bytes subject = mapped(stream, message->subject);
    sim_stream_age(stream, now_ns);
    const sim_stored *last = sim_stream_last(stream, subject);
    uint64_t previous = last ? last->sequence : 0;
    if (message->expects && message->expected_sequence != previous)
        return refused(RP_CONFLICT, "wrong last sequence");
    const sim_known_id *known = id.data ? known_id(stream, id_hash, now_ns) : NULL;
    if (known)
        return (sim_put){.status = RP_DUPLICATE, .sequence = known->sequence, .why = ""};
    if (read_ttl(stream, message, now_ns, &expires_ns) != RP_OK)
        return refused(RP_INVALID, "per-message TTL is disabled or invalid");
    if (check_rollup(stream, message) != RP_OK)
        return refused(RP_INVALID, "rollup not permitted");
    if (!sim_schedule_is_right(stream, message))
        return refused(RP_INVALID, "message schedules are disabled, or this one is invalid");
    if (stream->config.mapped_from)
        message = sim_message_again(stream->world, message, subject, NULL, 0);
    if (!has_room(stream, subject, sim_message_bytes(message)))
        return refused(RP_FULL, "maximum bytes exceeded");
    uint64_t sequence = store(stream, message, previous, expires_ns, now_ns)->sequence;
    if (id.data)
        remember_id(stream, id_hash, sequence, now_ns);
    roll_up(stream, message, sequence);
    enforce(stream, at(stream, sequence));
    return (sim_put){
        .status = RP_OK, .sequence = sequence, .why = "", .stored = at(stream, sequence)};
}
