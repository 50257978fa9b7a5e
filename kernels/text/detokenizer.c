#include "kernels/text/detokenizer.h"

void rp_detokenizer_init(
    rp_detokenizer *detokenizer, const rp_vocabulary *vocabulary, const rp_stop *stop, bool whole)
{
    *detokenizer = (rp_detokenizer){
        .vocabulary = vocabulary,
        .stop = stop && stop->count > 0 ? stop : NULL,
        .drop_space = whole && rp_vocabulary_add_space_prefix(vocabulary),
    };
}

/* Takes a whole character of the text and appends what no stop string can begin with any more. */
static void take_character(rp_detokenizer *d, const uint8_t *character, size_t len, rp_buffer *text)
{
    if (!d->stop) {
        rp_buffer_append(text, character, len);
        return;
    }
    memcpy(d->held + d->held_len, character, len);
    size_t match = 0;
    for (size_t i = 0; i < len; i++)
        match = rp_stop_push(d->stop, &d->state, character[i]);
    d->held_len += len;
    /* Stop strings are UTF-8: they end where characters do, so the last byte's answer counts. */
    d->stopped = match > 0;
    const size_t kept = d->stopped ? match : rp_stop_held(d->stop, &d->state);
    RP_ASSERT(kept <= d->held_len);
    rp_buffer_append(text, d->held, d->held_len - kept);
    memmove(d->held, d->held + (d->held_len - kept), kept);
    d->held_len = d->stopped ? 0 : kept;
}

/* Takes a byte of the text; where it ends a character, or one that cannot be, takes that. */
static void take_byte(rp_detokenizer *d, uint8_t byte, rp_buffer *text)
{
    size_t len;
    d->part[d->part_len++] = byte;
    switch (rp_utf8_next(rp_bytes_of(d->part, d->part_len), &len)) {
    case RP_UTF8_WHOLE:
        take_character(d, d->part, d->part_len, text);
        d->part_len = 0;
        break;
    case RP_UTF8_CUT:
        break;
    case RP_UTF8_BROKEN:
        /* Either the byte begins nothing, or it does not go on with what stood there: then it is
         * looked at again by itself. */
        take_character(
            d, (const uint8_t *)RP_UTF8_REPLACEMENT, sizeof RP_UTF8_REPLACEMENT - 1, text);
        const bool again = d->part_len > 1;
        d->part_len = 0;
        if (again && !d->stopped)
            take_byte(d, byte, text);
        break;
    }
}

bool rp_detokenizer_push(rp_detokenizer *detokenizer, int32_t id, rp_buffer *text)
{
    uint8_t bytes[RP_VOCABULARY_PIECE_MAX];
    rp_detokenizer *d = detokenizer;
    if (d->stopped)
        return true;
    const size_t len = rp_vocabulary_text(d->vocabulary, id, bytes);
    size_t at = 0;
    if (len > 0 && d->drop_space) {
        at = bytes[0] == ' ';
        d->drop_space = false;
    }
    while (at < len && !d->stopped)
        take_byte(d, bytes[at++], text);
    return d->stopped;
}

void rp_detokenizer_finish(rp_detokenizer *detokenizer, rp_buffer *text)
{
    rp_detokenizer *d = detokenizer;
    if (d->stopped)
        return;
    rp_buffer_append(text, d->held, d->held_len);
    if (d->part_len > 0)
        rp_buffer_text(text, RP_UTF8_REPLACEMENT);
    d->held_len = 0;
    d->part_len = 0;
}
