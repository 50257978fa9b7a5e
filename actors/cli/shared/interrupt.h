/* Ctrl-C without a signal handler: SIGINT and SIGTERM are held back, and asked for where the
 * command can act on them.
 *
 * rp_interrupt_hold comes before anything that starts threads, since they inherit what is held.
 */
#ifndef ACTORS_CLI_SHARED_INTERRUPT_H
#define ACTORS_CLI_SHARED_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

void rp_interrupt_hold(void);

/* Waits up to `timeout_ns` (0 = does not wait) and takes one interrupt, if there is one. */
bool rp_interrupt_wait(uint64_t timeout_ns);

#endif
