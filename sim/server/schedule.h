/* Messages that come at a time: Nats-Schedule, as TIMER allows it.
 *
 * A message with that header waits in its stream, one a subject: another one in its place, or a
 * roll-up, takes it away. When its time has come, up to 250 ms late, the server stores the message
 * again under its target, with its own headers but those that were for the server alone; one that
 * comes once goes with that. Times are the server's, which may jump; a restart begins with what
 * lies in the streams, and what has become due meanwhile comes at once.
 *
 * Known are "@at <RFC 3339>" and "@every <number>s"; another pattern is refused.
 */
#ifndef SIM_SERVER_SCHEDULE_H
#define SIM_SERVER_SCHEDULE_H

#include "sim/server/stream.h"

struct sim_server;

/* Whether a message may be stored as far as its schedule goes: it has none, or one that is known,
 * with a target in the stream. */
bool sim_schedule_is_right(const sim_stream *stream, const sim_message *message);

/* A message with a schedule is stored: it will come. */
void sim_schedule_stored(struct sim_server *server, sim_stream *stream, const sim_stored *stored);

/* The server starts again. */
void sim_schedule_restarted(struct sim_server *server);

#endif
