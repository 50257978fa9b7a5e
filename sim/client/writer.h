/* A writer: publishes commands to a fold's log, each until the stream has acknowledged it.
 *
 * A command has a message id, so that one which was sent twice is stored once. What becomes of it is
 * the fold's business; the acknowledgement means durable.
 */
#ifndef SIM_CLIENT_WRITER_H
#define SIM_CLIENT_WRITER_H

#include "sim/bus/bus.h"

typedef struct sim_writer sim_writer;

/* Writes down the `index`-th command. */
typedef void (*sim_writer_cb)(void *arg, size_t index, char subject[64], char body[96]);

/* Begins to write `count` commands, each drawn delay behind the other. Lives as long as the run. */
sim_writer *sim_writer_new(sim_world *world, sim_server *server, const char *name, size_t count,
    sim_writer_cb command, void *arg);

/* Commands that the stream has acknowledged. */
size_t sim_writer_written(const sim_writer *writer);

/* Its bus, for questions. */
rp_bus *sim_writer_bus(sim_writer *writer);

#endif
