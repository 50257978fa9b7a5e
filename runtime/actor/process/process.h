/* A process of one actor kind: everything around the actor, so that the actor is only itself.
 *
 * rp_process_main reads the options, sets up log, metrics, admin endpoint, loop, compute threads
 * and the connection, starts the actor in them, drains it on SIGTERM or SIGINT, and returns the
 * exit code. The whole of a binary is then
 *
 *     int main(int argc, char **argv)
 *     {
 *         return rp_process_main(&rp_example, argc, argv);
 *     }
 *
 * Every actor takes the same options beside its own (--help shows them): where the server is, the
 * instance's name, slots, threads, the admin port, how to log, how long a drain may take.
 */
#ifndef RUNTIME_ACTOR_PROCESS_PROCESS_H
#define RUNTIME_ACTOR_PROCESS_PROCESS_H

#include "runtime/actor/actor.h"

/* Runs the process to its end. 0 after a drain, 1 where it could not start or go on, 2 for wrong
 * options. Prints help, version and errors. */
int rp_process_main(const rp_actor_spec *spec, int argc, char **argv);

#endif
