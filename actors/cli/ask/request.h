/* What `reprise ask` was told, and the request that follows from it.
 *
 * A request is JSON: the text, as one message of a conversation or as it is, and behind it the
 * parameters. Only what was given is written, so whatever is left open is the tokenizer's to fill;
 * ranges are its business too, and its refusals name the limit.
 */
#ifndef ACTORS_CLI_ASK_REQUEST_H
#define ACTORS_CLI_ASK_REQUEST_H

#include "actors/cli/cli.h"

enum { RP_ASK_BODY_MAX = 64 << 20 };

/* Filled by the options; texts are borrowed. Numbers with a fraction stay texts until they are
 * written. */
typedef struct rp_ask {
    rp_cli_common common;
    const char *tenant, *model, *system, *session, *request;
    const char *temperature, *top_p, *min_p;
    const char *presence_penalty, *frequency_penalty, *repetition_penalty;
    const char *seed;
    uint64_t max_tokens, top_k, silence_ns, deadline_ns;
    rp_option_list stop;
    bool raw, chat, wait, no_stream;
} rp_ask;

/* Appends the parameters: ,"max_tokens":256,"temperature":0.5. RP_INVALID, naming the option, for
 * what is no number and for options that contradict each other. */
RP_MUST_USE rp_status rp_ask_parameters(const rp_ask *ask, rp_buffer *out, rp_error *reterr);

/* Appends the whole request. `raw`: the text as it is, without the chat template. RP_LIMIT where
 * `out` is full. */
RP_MUST_USE rp_status rp_ask_request(const rp_ask *ask, bool raw, rp_bytes text,
    rp_bytes parameters, rp_buffer *out, rp_error *reterr);

#endif
