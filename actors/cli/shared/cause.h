/* What a message follows from: its header Rp-Cause, <stream>:<sequence>:<index>. */
#ifndef ACTORS_CLI_SHARED_CAUSE_H
#define ACTORS_CLI_SHARED_CAUSE_H

#include "runtime/bus/bus.h"

/* The sequence in `stream` of the message that this one follows from; 0 where it follows from none
 * there. */
uint64_t rp_cause_sequence(const rp_message *message, const char *stream);

#endif
