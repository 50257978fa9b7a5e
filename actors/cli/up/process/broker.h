/* The nats-server that `reprise up` runs when it is given none: where its binary is, its port, its
 * configuration, and the folder that one `up` at a time uses.
 *
 *     DATA/up.lock          held while an `up` runs; names its pid
 *     DATA/nats.conf        written at each start from deploy/nats.conf
 *     DATA/jetstream/       the streams
 *     DATA/logs/            one log a process
 */
#ifndef ACTORS_CLI_UP_PROCESS_BROKER_H
#define ACTORS_CLI_UP_PROCESS_BROKER_H

#include "runtime/base/status.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/* deploy/nats.conf, as text. */
extern const char rp_broker_config[];

enum { RP_BROKER_PATH_BYTES = PATH_MAX };

/* Makes the folder and what lies in it, and locks it. The lock is held until the process ends or
 * rp_data_unlock. RP_BUSY where another `up` uses it, naming its pid; RP_IO. */
RP_MUST_USE rp_status rp_data_lock(const char *data, int *ret_lock, rp_error *reterr);
void rp_data_unlock(int lock);

/* Where data lies by default: $XDG_DATA_HOME/reprise, or ~/.local/share/reprise. RP_NOT_FOUND where
 * neither variable is set. */
RP_MUST_USE rp_status rp_data_default(char path[RP_BROKER_PATH_BYTES], rp_error *reterr);

/* The folder of our own binary, where the actors lie too. */
RP_MUST_USE rp_status rp_own_folder(char path[RP_BROKER_PATH_BYTES], rp_error *reterr);

/* nats-server: `given` where it is not NULL, else beside our binary, else in the project's
 * .deps/bin, else in PATH. RP_NOT_FOUND with where to get it. */
RP_MUST_USE rp_status rp_broker_find(
    const char *given, char path[RP_BROKER_PATH_BYTES], rp_error *reterr);

/* Whether the port can be had on loopback; 0 asks for any, and `ret_port` is the one. RP_BUSY where
 * somebody listens there, saying whether it is a NATS server. */
RP_MUST_USE rp_status rp_broker_port(uint16_t port, uint16_t *ret_port, rp_error *reterr);

/* Writes DATA/nats.conf. */
RP_MUST_USE rp_status rp_broker_configure(
    const char *data, char path[RP_BROKER_PATH_BYTES], rp_error *reterr);

#endif
