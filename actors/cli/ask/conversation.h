/* One request from publishing it to the end of its answer.
 *
 * The client chooses the request's id, subscribes to its reply, then publishes; it takes chunks in
 * order (order.h) and reads from the stream what it did not hear, so that a lost connection or a
 * restarted server costs nothing. An interrupt publishes a cancel and waits for the answer to end;
 * a second one leaves at once.
 */
#ifndef ACTORS_CLI_ASK_CONVERSATION_H
#define ACTORS_CLI_ASK_CONVERSATION_H

#include "actors/cli/shared/roster.h"
#include "schemas/reprise/v1/reply.pb-c.h"

/* All borrowed. */
typedef struct rp_conversation {
    rp_client *client;
    const rp_clock *clock;
    const char *tenant; /* names, as people write them */
    const char *model;
    const char *request; /* an Rp-Request of ours */
    rp_bytes body;       /* JSON */
    /* Publishes it, in place of `body` on infer.<tenant>.<model>; safe to be called again. NULL for
     * that. */
    rp_status (*publish)(void *publish_arg, rp_client *client, rp_error *reterr);
    void *publish_arg;
    uint64_t silence_ns; /* without a chunk for so long, it is given up */

    /* Each chunk, once and in order, and as JSON. */
    void (*on_chunk)(void *arg, const Rp__Chunk *chunk, rp_bytes json);
    /* Something that people want to know meanwhile. */
    void (*on_note)(void *arg, const char *text);
    void *arg;
} rp_conversation;

/* Returns when the answer has ended, however it ended: that is in its last chunk. RP_CANCELLED
 * where a second interrupt came, or no end followed the first; RP_TIMEOUT, the message saying who
 * is missing; RP_CORRUPT where REPLY lost a chunk (it keeps an hour) or holds what is none;
 * RP_FULL, RP_DENIED and the like where the request could not be published. */
RP_MUST_USE rp_status rp_conversation_run(const rp_conversation *conversation, rp_error *reterr);

#endif
