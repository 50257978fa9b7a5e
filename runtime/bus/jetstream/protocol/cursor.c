#include "runtime/bus/jetstream/protocol/cursor.h"

void rp__cursor_init(
    rp__cursor *c, rp_follow_from from, uint64_t sequence, uint64_t created_ns, bool holds)
{
    *c = (rp__cursor){.from = from,
        .holds = holds,
        .created_ns = created_ns,
        .next = from == RP_FOLLOW_SEQUENCE ? sequence : 0};
}

uint64_t rp__cursor_open(rp__cursor *c)
{
    c->consumer_next = 1;
    c->waiting = c->cleared = c->held = 0;
    c->behind = c->caught_up = false;
    c->overlaps = c->seen > 0 && c->seen + 1 == c->next;
    if (c->next == 0)
        return c->from == RP_FOLLOW_SEQUENCE ? 1 : 0;
    return c->overlaps ? c->seen : c->next;
}

void rp__cursor_opened(rp__cursor *c, uint64_t pending, uint64_t delivered)
{
    c->waiting = pending;
    c->behind = pending > 0;
    /* The newest of each subject come in their order, but what lies between them does not. */
    if (c->next == 0 && c->from != RP_FOLLOW_LAST_PER_SUBJECT)
        c->next = delivered + 1;
}

static bool is_another(const rp__cursor *c, const rp__wire_stream *stream)
{
    return c->rewritten || (c->created_ns != 0 && c->created_ns != stream->created_ns) ||
           (c->next > 1 && stream->last_sequence < c->next - 1);
}

rp__cursor_verdict rp__cursor_check(
    rp__cursor *c, const rp__wire_stream *stream, uint64_t queued, rp__cursor_loss *ret_loss)
{
    bool another = is_another(c, stream);
    uint64_t first = stream->first_sequence;
    c->created_ns = stream->created_ns;
    if (another) {
        c->rewritten = false;
        c->seen = c->held = 0;
        c->next = c->from == RP_FOLLOW_LAST_PER_SUBJECT ? 0 : first;
        *ret_loss = (rp__cursor_loss){.expected = 0, .first = first};
        return RP__CURSOR_ANOTHER;
    }
    c->cleared = c->held ? queued + 1 : 0;
    if (c->held && c->held < first)
        first = c->held; /* gone since, but it had come */
    if (c->next == 0 || first <= c->next)
        return RP__CURSOR_FINE;
    *ret_loss = (rp__cursor_loss){.expected = c->next, .first = first};
    c->next = first;
    return RP__CURSOR_LOST;
}

/* What had come when the check was asked for is used up one by one. */
static bool is_cleared(rp__cursor *c)
{
    bool cleared = c->cleared > 0;
    c->cleared -= cleared;
    return cleared;
}

static void pass(rp__cursor *c, const rp__wire_delivery *d)
{
    c->consumer_next++;
    c->behind = d->pending > 0;
    if (c->waiting > 0)
        c->waiting--;
    if (c->waiting > d->pending)
        c->waiting = d->pending; /* some went from within */
}

rp__cursor_step rp__cursor_message(rp__cursor *c, const rp__wire_delivery *d)
{
    bool overlaps = c->overlaps;
    bool jumps = c->next != 0 && d->stream_sequence > c->next && c->behind;
    if (d->consumer_sequence != c->consumer_next)
        return RP__CURSOR_AGAIN;
    c->overlaps = false;
    if (overlaps && d->stream_sequence == c->seen) {
        c->rewritten = d->timestamp_ns != c->seen_at_ns;
        if (c->rewritten)
            return RP__CURSOR_AGAIN;
        (void)is_cleared(c);
        pass(c, d);
        return RP__CURSOR_SKIP;
    }
    if (d->stream_sequence < c->next || d->stream_sequence == UINT64_MAX)
        return RP__CURSOR_AGAIN;
    if (!is_cleared(c) && jumps && c->holds) {
        c->held = d->stream_sequence;
        return RP__CURSOR_HOLD;
    }
    pass(c, d);
    c->held = 0;
    c->seen = d->stream_sequence;
    c->seen_at_ns = d->timestamp_ns;
    c->next = d->stream_sequence + 1;
    return RP__CURSOR_HAND_OVER;
}

bool rp__cursor_status(rp__cursor *c, const uint64_t *last)
{
    (void)is_cleared(c);
    return !last || *last < c->consumer_next;
}

bool rp__cursor_catches_up(rp__cursor *c)
{
    bool now = !c->caught_up && c->waiting == 0;
    c->caught_up = c->caught_up || now;
    return now;
}
