#include "sim/server/schedule.h"

#include "runtime/base/decimal.h"
#include "sim/server/server.h"

enum { LATE_MAX_MS = 250 };

/* One that waits. */
typedef struct schedule {
    sim_server *server;
    sim_stream *stream;
    const sim_message *message; /* gone from its sequence: it does not come */
    uint64_t sequence;
    uint64_t at_ns, every_ns; /* Unix time; 0 = once */
} schedule;

/* -- what they say ----------------------------------------------------------------------------- */

static bool begins(rp_bytes text, const char *with, rp_bytes *ret_rest)
{
    size_t len = strlen(with);
    if (text.len < len || memcmp(text.data, with, len) != 0)
        return false;
    *ret_rest = rp_bytes_of(text.data + len, text.len - len);
    return true;
}

static rp_status read_pattern(rp_bytes text, uint64_t *ret_at_ns, uint64_t *ret_every_ns)
{
    rp_bytes rest;
    uint64_t seconds;
    *ret_at_ns = *ret_every_ns = 0;
    if (begins(text, "@at ", &rest))
        return rp_clock_parse(rest, ret_at_ns);
    if (!begins(text, "@every ", &rest) || rp_decimal_take(&rest, &seconds) != RP_OK ||
        !rp_bytes_is(rest, "s") || seconds == 0)
        return RP_INVALID;
    *ret_every_ns = seconds * RP_NS_PER_S;
    return RP_OK;
}

bool sim_schedule_is_right(const sim_stream *stream, const sim_message *message)
{
    uint64_t at_ns, every_ns;
    rp_bytes pattern = sim_message_header(message, RP_HEADER_SCHEDULE);
    rp_bytes target = sim_message_header(message, RP_HEADER_TARGET);
    if (!pattern.data)
        return true;
    return stream->config.schedules && target.data && sim_stream_takes(stream, target) &&
           !rp_bytes_equal(target, message->subject) &&
           read_pattern(pattern, &at_ns, &every_ns) == RP_OK;
}

/* -- when it is time --------------------------------------------------------------------------- */

/* What comes: the message without what was for the server alone. */
static sim_message *due_message(sim_world *world, const sim_message *scheduled)
{
    static const rp_header dropped[] = {RP_HEADER_MESSAGE_ID, RP_HEADER_ROLLUP, RP_HEADER_TTL,
        RP_HEADER_SCHEDULE, RP_HEADER_TARGET, RP_HEADER_SCHEDULE_TTL, RP_HEADER_SCHEDULE_ZONE};
    rp_header_value ttl = {RP_HEADER_TTL, sim_message_header(scheduled, RP_HEADER_SCHEDULE_TTL)};
    rp_bytes target = sim_message_header(scheduled, RP_HEADER_TARGET);
    sim_message *due =
        sim_message_without(world, scheduled, target, dropped, sizeof dropped / sizeof *dropped);
    due->expects = false;
    return ttl.value.data ? sim_message_again(world, due, target, &ttl, 1) : due;
}

static void wait(schedule *s);

static void on_due(void *arg)
{
    schedule *s = arg;
    const sim_stored *stored = sim_stream_at(s->stream, s->sequence);
    if (!stored || stored->message != s->message)
        return;
    if (sim_server_unix_ns(s->server) < s->at_ns) { /* the clock was set back */
        wait(s);
        return;
    }
    sim_server_put(s->server, s->stream, due_message(s->server->world, s->message));
    if (s->every_ns > 0) {
        s->at_ns += s->every_ns;
        wait(s);
    } else {
        sim_stream_remove(s->stream, s->sequence);
    }
}

static void wait(schedule *s)
{
    sim_world *world = s->server->world;
    uint64_t now_ns = sim_server_unix_ns(s->server);
    uint64_t late_ns = sim_world_draw(world, SIM_CHANCE_SERVER, LATE_MAX_MS * RP_NS_PER_MS);
    sim_world_after(
        world, s->server->owner, (s->at_ns > now_ns ? s->at_ns - now_ns : 0) + late_ns, on_due, s);
}

void sim_schedule_stored(sim_server *server, sim_stream *stream, const sim_stored *stored)
{
    uint64_t at_ns, every_ns;
    rp_bytes pattern = sim_message_header(stored->message, RP_HEADER_SCHEDULE);
    if (!pattern.data || read_pattern(pattern, &at_ns, &every_ns) != RP_OK)
        return;
    schedule *s = sim_world_alloc(server->world, sizeof *s);
    *s = (schedule){.server = server,
        .stream = stream,
        .message = stored->message,
        .sequence = stored->sequence,
        .at_ns = every_ns > 0 ? stored->stored_ns + every_ns : at_ns,
        .every_ns = every_ns};
    wait(s);
}

void sim_schedule_restarted(sim_server *server)
{
    for (size_t i = 0; i < server->catalog->stream_count; i++) {
        sim_stream *stream = &server->streams[i];
        for (uint64_t s = stream->first; stream->config.schedules && s <= stream->last; s++) {
            const sim_stored *stored = sim_stream_at(stream, s);
            if (stored)
                sim_schedule_stored(server, stream, stored);
        }
    }
}
