/* What is tried again for a dead letter, and as what.
 *
 *     REQUEST   the request, under a new name: the answer that ended it stands under the old one while
 *               REPLY is kept, and would be given again
 *     EXEC      the request that it came from, likewise: work in EXEC is bound to the answer that has
 *               ended, with its seed, its deadline and the version of then
 *     others    the message as it is, on its subject
 *
 * The copy carries the headers of the original, but for those that say what the original was: its
 * ids and causes, and whatever the server acts on. Its own Rp-Cause, DEAD:<sequence>:0, says where it
 * comes from. A request loses its Rp-Deadline too, which has passed by now, and its Rp-Reply-To,
 * which names the old answer.
 */
#ifndef ACTORS_CLI_DEAD_RETRIAL_H
#define ACTORS_CLI_DEAD_RETRIAL_H

#include "actors/cli/dead/letter.h"

typedef struct rp_retrial {
    const rp_letter *letter; /* borrowed */
    rp_message *source;      /* what is published again */
    const char *stream;      /* in which it stands; a constant, or the letter's */
    bool is_request;
    char tenant[RP_NAME_TOKEN_BYTES]; /* of a request: as its subjects have it */
    char model[RP_NAME_TOKEN_BYTES];
    char request[RP_REQUEST_ID_MAX + 1]; /* its new name */
    char reply[RP_CLIENT_SUBJECT_BYTES]; /* where it is answered */
    char cause[48];
} rp_retrial;

/* The new name of a request: the old one, cut where it must be, and a random part. */
void rp_retrial_name(const char *old, uint32_t random, char name[RP_REQUEST_ID_MAX + 1]);

/* Whether a header of the original goes along; of a request's, and of others. */
bool rp_retrial_keeps_of_request(rp_bytes name);
bool rp_retrial_keeps(rp_bytes name);

/* Finds what is to be published again. RP_NOT_FOUND where it has aged out, naming what is kept;
 * RP_UNSUPPORTED where the letter cannot be read, or does not say where it came from. */
RP_MUST_USE rp_status rp_retrial_prepare(rp_client *client, const rp_letter *letter,
    uint32_t random, rp_retrial *ret_retrial, rp_error *reterr);

/* Publishes it. The statuses are those of rp_client_publish. */
RP_MUST_USE rp_status rp_retrial_publish(
    rp_client *client, const rp_retrial *retrial, uint64_t *ret_sequence, rp_error *reterr);

/* Accepts a retrial of zeros. */
void rp_retrial_done(rp_retrial *retrial);

#endif
