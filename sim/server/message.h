/* A message as the server holds it: subject, headers, body; it never changes.
 *
 * Messages live in the world's arena, so whoever has seen one may keep it for the rest of the run:
 * the stream that stores it, the frame that carries it, the check that looks at it at the end.
 */
#ifndef SIM_SERVER_MESSAGE_H
#define SIM_SERVER_MESSAGE_H

#include "runtime/bus/bus.h"
#include "sim/world/world.h"

enum { SIM_MESSAGE_HEADERS_MAX = 20 };

typedef struct sim_message {
    rp_bytes subject, reply, body; /* an empty body has data all the same where there was one */
    rp_header_value headers[SIM_MESSAGE_HEADERS_MAX];
    size_t header_count;
    bool expects;
    uint64_t expected_sequence;
} sim_message;

/* A copy of a publication. `reply` is where an answer goes; empty = nobody waits. */
sim_message *sim_message_new(sim_world *world, const rp_publication *publication, rp_bytes reply);

/* The same message under another subject, with headers added that replace those of that name. */
sim_message *sim_message_again(sim_world *world, const sim_message *message, rp_bytes subject,
    const rp_header_value *added, size_t added_count);

/* The same message under another subject, without some of its headers. */
sim_message *sim_message_without(sim_world *world, const sim_message *message, rp_bytes subject,
    const rp_header *dropped, size_t dropped_count);

rp_bytes sim_message_header(const sim_message *message, rp_header header);

/* What it takes in a stream's file. */
size_t sim_message_bytes(const sim_message *message);

/* Whether a subject falls under a filter with `*` and `>`. */
bool sim_subject_matches(rp_bytes subject, const char *filter);

#endif
