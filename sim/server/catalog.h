/* What the server has: every stream and durable, read from the same declaration as production's.
 *
 * rp_declaration_build writes the configurations that a real server is given; the catalog reads
 * those texts back. So a row that is added there is here too, and a field that the simulated server
 * does not know is an error, not something that is quietly left out.
 */
#ifndef SIM_SERVER_CATALOG_H
#define SIM_SERVER_CATALOG_H

#include "runtime/provision/declaration.h"

enum { SIM_CATALOG_STREAMS_MAX = 32, SIM_CATALOG_DURABLES_MAX = 64, SIM_FILTERS_MAX = 4 };

typedef struct sim_stream_config {
    const char *name;
    const char *subjects[SIM_FILTERS_MAX]; /* NULL behind the last */
    uint64_t max_age_ns, max_bytes, duplicates_ns;
    int64_t per_subject_max; /* -1 = no limit */
    bool discard_new, rollup, message_ttl, schedules;
    const char *mapped_from, *mapped_to; /* subject transform and republish; NULL = none */
} sim_stream_config;

typedef struct sim_durable_config {
    const char *stream, *name;
    const char *filters[SIM_FILTERS_MAX];
    uint64_t ack_wait_ns;
} sim_durable_config;

typedef struct sim_catalog {
    sim_stream_config streams[SIM_CATALOG_STREAMS_MAX];
    size_t stream_count;
    sim_durable_config durables[SIM_CATALOG_DURABLES_MAX];
    size_t durable_count;
} sim_catalog;

/* Everything lives in `arena`. What rp_declaration_build says; RP_UNSUPPORTED with the field for
 * one that the simulated server does not have. */
RP_MUST_USE rp_status sim_catalog_build(
    const rp_declaration_spec *spec, rp_arena *arena, sim_catalog *ret_catalog, rp_error *reterr);

#endif
