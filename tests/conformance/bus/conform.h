/* The bus's conformance: what any rp_bus does, as cases that are run on each of them.
 *
 * A case does something with a bus and writes down what came of it: statuses, sequences, headers,
 * counts; nothing that depends on how long it took. What it writes on one bus must be what it
 * writes on another, to the letter. The real server's is right.
 *
 *     bus_conformance_sim                 on the simulator, in virtual time
 *     bus_conformance_server URL          on a nats-server that was provisioned and is empty
 *
 * Two connections to one server, as two processes have them. Cases run in order, and sequences go
 * on from case to case. A driver lets time pass; a case waits for what it needs with UNTIL, and
 * passes time with conform_pass.
 */
#ifndef TESTS_CONFORMANCE_BUS_CONFORM_H
#define TESTS_CONFORMANCE_BUS_CONFORM_H

#include "runtime/base/host.h"
#include "runtime/bus/bus.h"

#include <stdio.h>

enum {
    CONFORM_WAIT_MS = 12000,
    CONFORM_HEARD_MAX = 64,
    CONFORM_TEXT_BYTES = 160,
    CONFORM_LINES_BYTES = 4096
};

typedef struct conform conform;

struct conform {
    rp_bus *bus, *other;
    rp_host *host;
    FILE *out;
    /* Lets the next thing happen, if it happens before `until_ns` of the host's monotonic time;
     * else false. */
    bool (*turn)(conform *c, uint64_t until_ns);
};

typedef struct conform_case {
    const char *name;
    void (*run)(conform *c);
} conform_case;

extern const conform_case conform_publish[], conform_streams[], conform_mailbox[], conform_plain[],
    conform_follow[];

/* Runs all cases. */
void conform_run(conform *c);

/* -- for the cases ----------------------------------------------------------------------------- */

uint64_t conform_end_ns(const conform *c, uint64_t ms);
void conform_pass(conform *c, uint64_t ms);

#define UNTIL(c, condition)                                        \
    do {                                                           \
        uint64_t until_ns_ = conform_end_ns(c, CONFORM_WAIT_MS);   \
        while (!(condition) && (c)->turn(c, until_ns_)) /* wait */ \
            ;                                                      \
    } while (0)

/* A line of the transcript. */
void say(conform *c, const char *format, ...) RP_PRINTF(2, 3);

/* Publishes, waits, and writes down how it ended. */
rp_published put(conform *c, const rp_publication *publication);
rp_published put_text(conform *c, const char *subject, const char *body);

/* Reads the last message of a subject and writes down what there is. */
void say_last(conform *c, const char *stream, const char *subject);

/* Asks what a stream holds and writes it down, but for times and bytes. */
rp_stream_state say_state(conform *c, const char *stream);

/* What a subscriber, a follower or a mailbox has heard. Its lines are kept until the case tells
 * them, since what comes on one way may overtake what comes on another. */
typedef struct conform_heard {
    conform *c;
    const char *who;
    size_t count, lost, caught_up, troubles, fine;
    rp_message *messages[CONFORM_HEARD_MAX]; /* of a mailbox: taken */
    char lines[CONFORM_LINES_BYTES];
} conform_heard;

/* Writes down what was heard since the last time. */
void conform_tell(conform_heard *heard);

/* A line to be told. */
void note(conform_heard *heard, const char *format, ...) RP_PRINTF(2, 3);

void conform_on_plain(void *heard, const rp_message *message);
void conform_on_message(void *heard, rp_message *message);
void conform_on_followed(void *heard, const rp_message *message);
void conform_on_caught_up(void *heard);
void conform_on_lost(void *heard, uint64_t expected, uint64_t first);
void conform_on_trouble(void *heard, rp_status status, const char *why);

#endif
