#include "sim/plant/plant.h"

#include "schemas/codec.h"
#include "schemas/reprise/v1/exec.pb-c.h"
#include "sim/bus/internal.h"

#include <stdlib.h>

enum { BODY_BYTES_MAX = 1 << 20, CREDIT_FACTOR = 1000, CHUNK_CHOICES = 3 };

/* -- settle before the output is stored -------------------------------------------------------- */

/* A mailbox whose messages pass through our hands first. */
typedef struct tapped {
    sim_bus *bus;
    rp_mailbox_spec spec;
} tapped;

static rp_status open_tapped(rp_bus *b, const rp_mailbox_spec *spec, rp_mailbox **ret_mailbox,
    void (*on_message)(void *arg, rp_message *message))
{
    tapped *t = sim_world_alloc(sim_bus_of(b)->spec.world, sizeof *t);
    rp_mailbox_spec tapped_spec = *spec;
    *t = (tapped){sim_bus_of(b), *spec};
    tapped_spec.on_message = on_message;
    tapped_spec.on_trouble = NULL;
    tapped_spec.arg = t;
    return sim_mailbox_open(b, &tapped_spec, ret_mailbox);
}

static void settle_early(void *arg, rp_message *message)
{
    tapped *t = arg;
    sim_mailbox_settle(&t->bus->bus, message, RP_SETTLE_DONE, 0, NULL);
    t->spec.on_message(t->spec.arg, message);
}

static rp_status open_settling_early(
    rp_bus *bus, const rp_mailbox_spec *spec, rp_mailbox **ret_mailbox)
{
    return open_tapped(bus, spec, ret_mailbox, settle_early);
}

static void plant_settle_early(rp_bus_ops *ops)
{
    ops->mailbox_open = open_settling_early;
}

/* -- an output's id without its index ---------------------------------------------------------- */

/* <stream>:<sequence>:<index>... up to the second colon. */
static rp_bytes without_index(rp_bytes id)
{
    size_t colons = 0, len = 0;
    while (len < id.len && (id.data[len] != ':' || ++colons < 2))
        len++;
    return rp_bytes_of(id.data, len);
}

static rp_status publish_without_index(
    rp_bus *bus, const rp_publication *publication, rp_published_cb callback, void *arg)
{
    rp_publication changed = *publication;
    for (size_t i = 0; i < changed.header_count; i++) {
        if (changed.headers[i].header == RP_HEADER_MESSAGE_ID)
            changed.headers[i].value = without_index(changed.headers[i].value);
    }
    return sim_outbox_publish(bus, &changed, callback, arg);
}

static void plant_id_without_index(rp_bus_ops *ops)
{
    ops->publish = publish_without_index;
}

/* -- a chunk stored wherever the chain stands -------------------------------------------------- */

/* What goes to one of these subjects is stored whatever stands there. */
static rp_status publish_anywhere(rp_bus *bus, const char *subjects,
    const rp_publication *publication, rp_published_cb callback, void *arg)
{
    rp_publication changed = *publication;
    if (sim_subject_matches(publication->subject, subjects))
        changed.expect = false;
    return sim_outbox_publish(bus, &changed, callback, arg);
}

static rp_status publish_without_expectation(
    rp_bus *bus, const rp_publication *publication, rp_published_cb callback, void *arg)
{
    return publish_anywhere(bus, ">", publication, callback, arg);
}

static void plant_no_expected_sequence(rp_bus_ops *ops)
{
    ops->publish = publish_without_expectation;
}

/* -- chunks that end by the clock -------------------------------------------------------------- */

/* A message with another body; it takes the first one along. */
typedef struct rewritten {
    sim_delivery delivery; /* first: the bus takes it for one of its own */
    rp_message *original;
    rp_buffer body;
} rewritten;

static void free_rewritten(rp_message *message)
{
    rewritten *r = (rewritten *)message;
    rp_message_free(r->original);
    rp_buffer_done(&r->body);
    free(r);
}

static rp_message *with_chunk_tokens(rp_message *message, uint32_t chunk_tokens)
{
    rp_arena arena;
    void *decoded = NULL;
    rewritten *r = calloc(1, sizeof *r);
    RP_ASSERT(r && rp_arena_init(&arena, 4096, BODY_BYTES_MAX) == RP_OK);
    r->delivery = *(const sim_delivery *)message;
    r->original = message;
    rp_buffer_init(&r->body, BODY_BYTES_MAX);
    if (rp_schema_decode(&rp__exec__descriptor, RP_ENCODING_PROTOBUF, message->body, &arena,
            &decoded, NULL) == RP_OK) {
        ((Rp__Exec *)decoded)->chunk_tokens = chunk_tokens;
        if (rp_schema_encode(decoded, RP_ENCODING_PROTOBUF, &r->body, NULL) == RP_OK)
            r->delivery.message.body = rp_buffer_bytes(&r->body);
    }
    rp_arena_done(&arena);
    r->delivery.message.free = free_rewritten;
    return &r->delivery.message;
}

static void chunk_by_time(void *arg, rp_message *message)
{
    tapped *t = arg;
    uint64_t ms = sim_bus_now_ns(t->bus) / RP_NS_PER_MS;
    if (rp_bytes_is(message->stream, "EXEC"))
        message = with_chunk_tokens(message, 1 + (uint32_t)(ms % CHUNK_CHOICES));
    t->spec.on_message(t->spec.arg, message);
}

static rp_status open_chunking_by_time(
    rp_bus *bus, const rp_mailbox_spec *spec, rp_mailbox **ret_mailbox)
{
    return open_tapped(bus, spec, ret_mailbox, chunk_by_time);
}

static void plant_chunk_by_time(rp_bus_ops *ops)
{
    ops->mailbox_open = open_chunking_by_time;
}

/* -- a mailbox without a bound ----------------------------------------------------------------- */

static void credit_without_bound(rp_mailbox *mailbox, size_t credit)
{
    sim_mailbox_credit(mailbox, credit * CREDIT_FACTOR);
}

static void plant_unbounded_mailbox(rp_bus_ops *ops)
{
    ops->mailbox_credit = credit_without_bound;
}

/* -- a lease without fencing ------------------------------------------------------------------- */

/* Whoever believes to hold the lease writes outcomes wherever the chain stands. */
static rp_status publish_unfenced(
    rp_bus *bus, const rp_publication *publication, rp_published_cb callback, void *arg)
{
    return publish_anywhere(bus, "outcome.>", publication, callback, arg);
}

static void plant_lease_without_fencing(rp_bus_ops *ops)
{
    ops->publish = publish_unfenced;
}

/* -- a lease that is taken from its holder ----------------------------------------------------- */

static rp_status publish_leases_anywhere(
    rp_bus *bus, const rp_publication *publication, rp_published_cb callback, void *arg)
{
    return publish_anywhere(bus, "$KV.LEASES.>", publication, callback, arg);
}

static void plant_lease_without_condition(rp_bus_ops *ops)
{
    ops->publish = publish_leases_anywhere;
}

/* -- a snapshot without its sequence ----------------------------------------------------------- */

/* Who does not know where the snapshot was taken goes on with what comes. */
static rp_status follow_what_comes(
    rp_bus *bus, const rp_follower_spec *spec, rp_follower **ret_follower)
{
    rp_follower_spec changed = *spec;
    if (strcmp(spec->stream, "COUNTER") == 0 && spec->sequence > 1)
        changed.from = RP_FOLLOW_NEW;
    return sim_follow(bus, &changed, ret_follower);
}

static void plant_snapshot_without_sequence(rp_bus_ops *ops)
{
    ops->follow = follow_what_comes;
}

/* -- a janitor that purges one message too many ------------------------------------------------ */

static rp_status purge_one_more(rp_bus *bus, const char *stream, const char *subject,
    uint64_t keep_from, rp_purged_cb callback, void *arg)
{
    return sim_outbox_purge(bus, stream, subject, keep_from ? keep_from + 1 : 0, callback, arg);
}

static void plant_purge_one_more(rp_bus_ops *ops)
{
    ops->purge = purge_one_more;
}

/* -- a timer without a message id -------------------------------------------------------------- */

static rp_status publish_timers_without_id(
    rp_bus *bus, const rp_publication *publication, rp_published_cb callback, void *arg)
{
    rp_publication changed = *publication;
    changed.header_count = 0;
    for (size_t i = 0; i < publication->header_count; i++) {
        if (publication->headers[i].header != RP_HEADER_MESSAGE_ID ||
            !sim_subject_matches(publication->subject, "timer.>"))
            changed.headers[changed.header_count++] = publication->headers[i];
    }
    return sim_outbox_publish(bus, &changed, callback, arg);
}

static void plant_timer_without_id(rp_bus_ops *ops)
{
    ops->publish = publish_timers_without_id;
}

/* -- all of them ------------------------------------------------------------------------------- */

/* clang-format off */
const sim_plant sim_plants[] = {
    {"settle-early", "an input is settled before its outputs are stored", plant_settle_early},
    {"id-without-index", "an output's identity leaves out its index", plant_id_without_index},
    {"no-expected-sequence", "a chunk is stored wherever the chain stands",
        plant_no_expected_sequence},
    {"chunk-by-time", "where a chunk ends depends on the clock", plant_chunk_by_time},
    {"unbounded-mailbox", "a mailbox asks for more than there is room for",
        plant_unbounded_mailbox},
    {"lease-without-fencing", "fold: outcomes are stored wherever their chain stands",
        plant_lease_without_fencing},
    {"lease-without-condition", "fold: a lease is written whoever holds it",
        plant_lease_without_condition},
    {"snapshot-without-sequence", "fold: behind a snapshot a replica reads what comes, wherever that is",
        plant_snapshot_without_sequence},
    {"purge-one-more", "a janitor takes away one message that it must keep", plant_purge_one_more},
    {"timer-without-id", "reminder: a timer that is set again is another one",
        plant_timer_without_id},
    {0}};
/* clang-format on */

const sim_plant *sim_plant_find(const char *name)
{
    for (const sim_plant *plant = sim_plants; plant->name; plant++) {
        if (strcmp(plant->name, name) == 0)
            return plant;
    }
    return NULL;
}
