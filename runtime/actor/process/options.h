/* The command line of an actor's process: what every process has, what only workers or only folds
 * have, and the actor's own options, read in one go.
 *
 *     rp_process_options *options = rp_process_options_new(spec);
 *     if (rp_process_options_parse(options, argc, argv, &error) != RP_OK) ...
 *     ... options->common, options->own ...
 *     rp_process_options_free(options);
 */
#ifndef RUNTIME_ACTOR_PROCESS_OPTIONS_H
#define RUNTIME_ACTOR_PROCESS_OPTIONS_H

#include "runtime/actor/actor.h"
#include "runtime/bus/endpoint.h"

typedef struct rp_process_settings {
    rp_endpoint endpoint;
    const char *instance;
    uint64_t slots;
    uint64_t tries_max;
    uint64_t threads;
    uint64_t partitions; /* of a fold, like the three below */
    const char *partition;
    uint32_t partition_run; /* what that comes to; RP_FOLDS_ALL */
    uint64_t snapshot_every;
    uint64_t drain_ns;
    uint64_t restarts_max;
    uint64_t outbox_messages_max, outbox_bytes_max;
    const char *admin_address;
    uint64_t admin_port;
    bool pin;
    const char *log_level;
    const char *log_format;
    bool help;
    bool version;
} rp_process_settings;

/* The common settings and the actor's own in one block, which one parse over all tables fills. */
typedef struct rp_process_options {
    const rp_actor_spec *spec;
    rp_option *own_options; /* the actor's table, its offsets moved to where `own` lies */
    rp_process_settings common;
    max_align_t own[];
} rp_process_options;

/* NULL out of memory. Borrows the spec. */
rp_process_options *rp_process_options_new(const rp_actor_spec *spec);

/* NULL is fine. */
void rp_process_options_free(rp_process_options *options);

/* Reads the arguments, the environment and the defaults. As rp_options_parse. */
RP_MUST_USE rp_status rp_process_options_parse(
    rp_process_options *options, int argc, char **argv, rp_error *reterr);

/* Appends what --help shows. */
void rp_process_options_help(const rp_actor_spec *spec, rp_buffer *out);

#endif
