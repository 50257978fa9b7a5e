/* The journal: what a handler read and drew between two outputs.
 *
 * It goes with the next output as the header Rp-Journal, and a replay gives the handler the same
 * answers from it. The text is a JSON array in printable ASCII, one entry a reading:
 *
 *     [["ROUTES","acme.gemma3",17],["ACTORS","executor.a1","free=3"],["RANDOM","",2]]
 *
 * A number is a revision (0 = nothing was there), a text the value itself. RANDOM counts draws.
 * Above RP_JOURNAL_BYTES_MAX nothing more is taken, and the last entry is ["CUT","",n] with the
 * number of entries left out.
 */
#ifndef RUNTIME_ACTOR_JOURNAL_H
#define RUNTIME_ACTOR_JOURNAL_H

#include "runtime/base/buffer.h"

enum { RP_JOURNAL_BYTES_MAX = 16 << 10 };

/* In the caller's storage. */
typedef struct rp_journal {
    rp_buffer text;
    uint64_t draws;
    uint64_t left_out;
    size_t entries_len; /* of the text without what closes it */
    bool closed;
} rp_journal;

void rp_journal_init(rp_journal *journal);
void rp_journal_done(rp_journal *journal);

/* Forgets everything; keeps the memory. */
void rp_journal_clear(rp_journal *journal);

void rp_journal_revision(
    rp_journal *journal, const char *place, const char *key, uint64_t revision);

/* Bytes of `value` outside printable ASCII are written as \u00XX. */
void rp_journal_value(rp_journal *journal, const char *place, const char *key, const char *value);

void rp_journal_draw(rp_journal *journal);

/* The header's text; "" where nothing was noted. Valid until the next call. More may be noted
 * afterwards: an output that was not taken keeps its journal for the next one. */
const char *rp_journal_text(rp_journal *journal);

#endif
