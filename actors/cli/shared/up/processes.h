/* The processes that a `reprise up` looks after, as it tells of them on ask.up.<instance>.processes:
 * one JSON object, written by the `up` and read by `reprise status` and `reprise scale`.
 *
 *     {"up":"up-1f2e3d4c","processes":[{"name":"executor-2","kind":"executor","model":"gemma3",
 *         "state":"draining","instance":"executor-2-5d0c1a77","pid":4711,"restarts":0,
 *         "since_ms":1200,"log":"/srv/reprise/logs/executor-2.log"}]}
 */
#ifndef ACTORS_CLI_SHARED_UP_PROCESSES_H
#define ACTORS_CLI_SHARED_UP_PROCESSES_H

#include "runtime/base/json.h"

/* code, name on the wire, words for people */
#define RP_PROCESS_STATE_MAP(X)                    \
    X(STARTING, "starting", "being started")       \
    X(READY, "ready", "ready")                     \
    X(RESTARTING, "restarting", "to be restarted") \
    X(DRAINING, "draining", "being drained")       \
    X(GIVEN_UP, "given_up", "given up")

typedef enum rp_process_state {
#define X(code, name, text) RP_PROCESS_##code,
    RP_PROCESS_STATE_MAP(X)
#undef X
        RP_PROCESS_STATE_COUNT
} rp_process_state;

const char *rp_process_state_name(rp_process_state state);
const char *rp_process_state_text(rp_process_state state);

enum { RP_PROCESSES_MAX = 256 /* of one `up` */, RP_PROCESSES_BYTES_MAX = 512 << 10 };

typedef struct rp_process_view {
    const char *name;
    const char *kind;
    const char *model; /* "" for kinds that serve all */
    const char *instance;
    const char *log;
    rp_process_state state;
    uint64_t pid;
    uint64_t restarts; /* in a row */
    uint64_t since_ms; /* started, or told to drain, so long ago */
} rp_process_view;

/* Appends one process; a comma goes before it unless it is the first. */
void rp_process_write(const rp_process_view *process, rp_buffer *out);

/* Reads the array "processes" of an answer; what is read points into it and into `arena`.
 * RP_CORRUPT for what is no such array, RP_LIMIT for more than RP_PROCESSES_MAX or a full arena. */
RP_MUST_USE rp_status rp_processes_read(yyjson_val *answer, rp_arena *arena,
    rp_process_view **ret_processes, size_t *ret_count, rp_error *reterr);

#endif
