/* What happened in a run: a line each, for people, and a digest of all of them.
 *
 * The digest is always kept and tells whether two runs were the same, on any machine. It covers
 * who, when, what, on which subject, with which numbers and which bytes; never a pointer, a hash
 * table's order or a real time. The lines are written only where a stream was given.
 *
 *     0.004512345  server      stored       exec.m.v.normal-0  #3  EXEC
 *     0.004731002  executor-1  delivered    exec.m.v.normal-0  #3  try 1
 */
#ifndef SIM_WORLD_TRACE_H
#define SIM_WORLD_TRACE_H

#include "runtime/base/bytes.h"

#include <stdio.h>

typedef struct sim_trace {
    uint64_t digest, seed;
    uint64_t lines;
    FILE *out; /* borrowed; NULL = nothing is written */
} sim_trace;

/* One thing that happened. `who`, `what` and `fate` are constants or live as long as the run. */
typedef struct sim_happening {
    uint64_t at_ns;
    const char *who;
    const char *what;
    rp_bytes subject;
    uint64_t sequence; /* 0 = none */
    uint64_t number;   /* of a second thing: deliveries, a delay */
    const char *fate;  /* how it ended; may be NULL */
    rp_bytes body;     /* only in the digest */
} sim_happening;

void sim_trace_init(sim_trace *trace);
void sim_trace_done(sim_trace *trace);

/* Another run begins. */
void sim_trace_begin(sim_trace *trace, uint64_t seed);

void sim_trace_add(sim_trace *trace, const sim_happening *happening);

#endif
