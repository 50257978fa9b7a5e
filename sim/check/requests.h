/* What is promised to whoever asked: checked at the end of a run, on the streams themselves.
 *
 *   stored and answered   a request that the stream acknowledged has an answer with an end, and the
 *                         client has seen all of it, in order, without a gap
 *   one RESULT            exactly one a request, and it says the same as the last chunk
 *   the same answer       chunk by chunk the undisturbed one; or its beginning, where a cancel or a
 *                         deadline cut it; or a refusal that the plan gave a reason for
 *   nothing else          no answer and no RESULT that nobody asked for; nothing in DEAD that the
 *                         plan did not give a reason for
 */
#ifndef SIM_CHECK_REQUESTS_H
#define SIM_CHECK_REQUESTS_H

#include "sim/check/answers.h"
#include "sim/check/verdict.h"

/* What the plan of faults gives a reason for. */
typedef struct sim_tolerance {
    bool overloaded; /* a stream was full */
    bool dead;       /* there was enough trouble to use up all deliveries */
    bool lost;       /* a power cut took what the disk had not been given */
} sim_tolerance;

typedef struct sim_requests_check {
    sim_server *server;
    const sim_answers *answers;
    sim_tolerance tolerance;
    rp_arena *arena;
    sim_verdict *verdict;
} sim_requests_check;

/* One client's requests. */
void sim_requests_check_client(const sim_requests_check *check, const sim_client *client);

/* What lies in the streams belongs to one of the clients. */
void sim_requests_check_streams(
    const sim_requests_check *check, sim_client *const *clients, size_t client_count);

#endif
