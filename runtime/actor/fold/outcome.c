#include "runtime/actor/fold/outcome.h"

#include <inttypes.h>
#include <stdio.h>

#include "runtime/actor/worker_internal.h"
#include "schemas/codec.h"

enum { SUBJECT_SHOWN_BYTES = 512 };

void rp_outcome_cause(const char *log, rp_outcome_place place, char text[RP_OUTCOME_CAUSE_BYTES])
{
    snprintf(text, RP_OUTCOME_CAUSE_BYTES, "%.80s:%" PRIu64 ":%" PRIu32, log, place.sequence,
        place.index);
}

rp_status rp_outcome_cause_parse(rp_bytes text, const char *log, rp_outcome_place *ret_place)
{
    rp_bytes stream;
    uint64_t sequence, index;
    if (rp__cause_parse(text, &stream, &sequence, &index) != RP_OK || !rp_bytes_is(stream, log) ||
        index > UINT32_MAX)
        return RP_INVALID;
    *ret_place = (rp_outcome_place){.sequence = sequence, .index = (uint32_t)index};
    return RP_OK;
}

/* A subject may hold any bytes; the record shows those that are printable. */
static const char *shown(rp_bytes subject, char text[SUBJECT_SHOWN_BYTES])
{
    size_t n = subject.len < SUBJECT_SHOWN_BYTES - 1 ? subject.len : SUBJECT_SHOWN_BYTES - 1;
    for (size_t i = 0; i < n; i++) {
        bool printable = subject.data[i] >= ' ' && subject.data[i] <= '~';
        text[i] = printable ? (char)subject.data[i] : '?';
    }
    text[n] = '\0';
    return text;
}

rp_status rp_outcome_encode(Rp__Outcome *outcome, const char *log, rp_outcome_place place,
    rp_bytes subject, rp_buffer *buffer)
{
    char text[SUBJECT_SHOWN_BYTES];
    outcome->stream = log;
    outcome->has_sequence = true;
    outcome->sequence = place.sequence;
    outcome->has_index = true;
    outcome->index = place.index;
    outcome->subject = subject.len ? shown(subject, text) : NULL;
    rp_buffer_clear(buffer);
    rp_status status = rp_schema_encode(&outcome->base, RP_ENCODING_JSON, buffer, NULL);
    outcome->subject = NULL; /* its text ends here */
    return status;
}
