/* The plan of what breaks in a run, drawn from its seed.
 *
 *     sim_plan plan;
 *     sim_plan_draw(&plan, world, processes, clients);
 *     sim_plan_start(&plan, &stage parts...)
 *
 * Faults begin while there is work, most of them early. Each has an end: who was killed is started
 * again, who was stopped goes on, the server comes back, the network calms down. From `quiet_ns` on
 * nothing breaks any more, and everything must settle within a bounded time.
 */
#ifndef SIM_FAULTS_PLAN_H
#define SIM_FAULTS_PLAN_H

#include "sim/client/client.h"
#include "sim/process/process.h"

enum { SIM_FAULTS_MAX = 8 };

/* name in the trace, what it is */
#define SIM_FAULT_MAP(X)                                            \
    X(CRASH, "crash: a process is killed before its n-th step")     \
    X(PAUSE, "pause: a process is stopped, and goes on")            \
    X(DRAIN, "drain: a process is told to end")                     \
    X(CUT, "cut: a process loses its connection")                   \
    X(CLIENT_CUT, "client cut: a client loses its connection")      \
    X(SERVER, "server: it is killed, and started again")            \
    X(POWER, "power: the server's machine goes down, and up again") \
    X(CLOCK, "clock: a process's clock jumps")                      \
    X(SERVER_CLOCK, "server clock: the server's clock jumps")       \
    X(FULL, "full: a stream takes nothing more for a while")        \
    X(CANCEL, "cancel: a client wants a request to end")            \
    X(CORRUPT, "corrupt: a snapshot has rotted")

typedef enum sim_fault_kind {
#define X(code, text) SIM_FAULT_##code,
    SIM_FAULT_MAP(X)
#undef X
        SIM_FAULT_COUNT
} sim_fault_kind;

typedef struct sim_fault {
    struct sim_plan *plan;
    sim_fault_kind kind;
    uint64_t at_ns, for_ns;
    uint64_t amount; /* steps, or whatever the kind counts */
    size_t target;   /* which process or client */
    bool again;      /* each time it was started again */
    bool begun;
} sim_fault;

/* What a plan is carried out on; borrowed for the run. */
typedef struct sim_plan_parts {
    sim_world *world;
    sim_server *server;
    sim_process *const *processes;
    size_t process_count;
    sim_client *const *clients;
    size_t client_count;
    /* Told where a process that was down does not start again. */
    void (*on_failure)(void *arg, const sim_process *process, const rp_error *error);
    void *arg;
} sim_plan_parts;

typedef struct sim_plan {
    sim_plan_parts parts;
    sim_fault faults[SIM_FAULTS_MAX];
    size_t count;
    const char *const *fillable; /* streams that may be full; ends in NULL */
    bool rots_young;             /* a snapshot rots as it is written, not later */
    sim_fault *rotting;          /* then: with the next one that is written; NULL = none */
    size_t rotten;
    sim_network network; /* until quiet_ns */
    uint64_t quiet_ns;   /* moves on while processes are started again */
    size_t starting;     /* processes that are down and will be started */
    bool calm;           /* quiet_ns is over */
} sim_plan;

/* Draws a plan for so many processes and clients; the streams that may be full are those of
 * requests, unless `fillable` is set to others. */
void sim_plan_draw(sim_plan *plan, sim_world *world, size_t processes, size_t clients);

/* Lets it happen. */
void sim_plan_start(sim_plan *plan, const sim_plan_parts *parts);

/* Where snapshots rot as they are written: told of each message that is stored (the server's
 * on_stored). At most all but one of those that a fold keeps do. */
void sim_plan_stored(sim_plan *plan, const sim_stream *stream, const sim_stored *stored);

/* A process of the plan's is down: it is started again after a while. */
void sim_plan_on_down(void *plan, sim_process *process);

/* Whether the plan has a fault of a kind. */
bool sim_plan_has(const sim_plan *plan, sim_fault_kind kind);

/* Whether everything that broke is whole again. */
bool sim_plan_is_over(const sim_plan *plan);

#endif
