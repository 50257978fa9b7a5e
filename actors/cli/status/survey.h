/* One look at everything: actors, processes that come and go, streams and durables, as `reprise
 * status` shows them.
 *
 *     rp_survey survey;
 *     if (rp_survey_init(&survey, &error) != RP_OK) ...
 *     if (rp_survey_take(client, clock, &survey, &error) != RP_OK) ...
 *     rp_survey_text(&survey, &out);
 *     rp_survey_done(&survey);
 */
#ifndef ACTORS_CLI_STATUS_SURVEY_H
#define ACTORS_CLI_STATUS_SURVEY_H

#include "actors/cli/shared/roster.h"
#include "actors/cli/shared/up/processes.h"

enum { RP_SURVEY_STREAMS_MAX = 256, RP_SURVEY_DURABLES_MAX = 1024, RP_SURVEY_UPS_MAX = 16 };

typedef struct rp_survey_stream {
    const char *name;
    uint64_t messages, bytes, bytes_max; /* bytes_max 0 = no limit */
    uint64_t first_sequence, last_sequence;
    bool declared; /* one of ours, by name */
} rp_survey_stream;

typedef struct rp_survey_durable {
    const char *stream, *name;
    uint64_t pending;        /* not delivered yet */
    uint64_t unacknowledged; /* delivered, and somebody works on it */
    uint64_t redelivered;    /* of those, delivered more than once */
    uint64_t waiting;        /* pulls that wait for messages */
    uint64_t floor_sequence; /* everything up to here is settled */
} rp_survey_durable;

/* A `reprise up`, and what it says of its processes. */
typedef struct rp_survey_up {
    const char *instance;
    bool answered;
    rp_process_view *processes;
    size_t processes_count;
} rp_survey_up;

/* In the caller's storage; texts live until the next take or rp_survey_done. */
typedef struct rp_survey {
    rp_arena arena;
    rp_roster roster;
    char server[RP_ENDPOINT_NAME_BYTES];
    rp_survey_stream streams[RP_SURVEY_STREAMS_MAX]; /* declared ones first, in that order */
    size_t streams_count;
    rp_survey_durable durables[RP_SURVEY_DURABLES_MAX];
    size_t durables_count;
    rp_survey_up ups[RP_SURVEY_UPS_MAX];
    size_t ups_count;
    size_t missing; /* declared streams that are not there */
} rp_survey;

RP_MUST_USE rp_status rp_survey_init(rp_survey *survey, rp_error *reterr);
void rp_survey_done(rp_survey *survey);

/* Asks the server, and every `reprise up` that lives, each for a second at most. That nothing was
 * provisioned is no failure, `missing` tells. */
RP_MUST_USE rp_status rp_survey_take(
    rp_client *client, const rp_clock *clock, rp_survey *survey, rp_error *reterr);

/* Tables, and a sentence that says what is ready or what is missing. */
void rp_survey_text(const rp_survey *survey, rp_buffer *out);

/* The same as one JSON object and a line feed. */
void rp_survey_json(const rp_survey *survey, rp_buffer *out);

#endif
