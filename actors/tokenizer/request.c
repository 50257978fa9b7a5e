#include "actors/tokenizer/tokenizer_internal.h"

#include <stdio.h>

static void retry(rp_context *context, const char *why)
{
    rp_context_retry(context, TOKENIZER_RETRY_MS * RP_NS_PER_MS, why);
}

/* -- sending on -------------------------------------------------------------------------------- */

static void route(rp_context *context)
{
    work *w = rp_context_own(context);
    const Rp__InferRequest *r = w->intake.request;
    char lane[RP_NAME_LANE_BYTES];
    const char *key = r->session && *r->session ? r->session : w->address.request;
    rp_name_lane(rp_name_lane_index(rp_bytes_text(key), (uint32_t)w->self->settings.lanes), lane);
    if (!tokenizer_admit(context, lane)) {
        tokenizer_refuse(context);
        return;
    }
    if (tokenizer_publish(context, lane) != RP_OK) {
        tokenizer_withdraw(w);
        retry(context, "EXEC cannot be published");
    }
}

/* Goes on when all that was begun is through: encoding, and the look into REPLY if there is one. */
static void go_on(rp_context *context)
{
    work *w = rp_context_own(context);
    if (--w->unfinished > 0)
        return;
    if (w->answered)
        rp_context_done(context);
    else if (w->encoded != RP_OK)
        tokenizer_refuse(context);
    else if (w->intake.deadline_unix_ms != 0 &&
             w->intake.deadline_unix_ms <= rp_context_now_ns(context) / RP_NS_PER_MS)
        tokenizer_expire(context);
    else
        route(context);
}

/* -- looking into REPLY ------------------------------------------------------------------------ */

/* While its REPLY is kept, a second request under one name is settled, and the stored answer
 * stands. That holds without this look: an executor's first chunk is refused where there is one.
 * The look spares the executor's work, and costs a wait for the server on every first request; so
 * it is left out where there is little to spare. A request that was delivered before was looked up
 * by the runtime. */
static bool is_worth_a_look(rp_context *context)
{
    const work *w = rp_context_own(context);
    return w->address.named && rp_context_message(context)->deliveries == 1 &&
           (w->encoded == RP_BUSY || !w->intake.request->stream ||
               w->task.tokens.count > TOKENIZER_UNSEEN_TOKENS_MAX);
}

static void on_reply(rp_context *context, rp_status status, const rp_message *last)
{
    work *w = rp_context_own(context);
    w->answered = last != NULL;
    if (status != RP_OK && status != RP_NOT_FOUND)
        rp_log_warn(w->self->env->log, "reply_not_read", rp_log_status("status", status));
    go_on(context);
}

static rp_status look_into_reply(rp_context *context)
{
    work *w = rp_context_own(context);
    rp_chain_name name;
    if (!rp_answer_chain(w->address.tenant_token, w->address.request, &name))
        return RP_LIMIT;
    rp_status status = rp_context_last(context, name.stream, name.stored, on_reply);
    w->unfinished += status == RP_OK;
    return status;
}

/* -- encoding ---------------------------------------------------------------------------------- */

static rp_status make_room(rp_context *context, work *w)
{
    /* No text has more tokens than three a byte, and none more than the model reads. One place is
     * kept for the first token of the answer. */
    size_t most = 3 * rp_context_body(context).len + 16 * w->intake.request->n_messages + 16;
    size_t limit = w->model->context_tokens - 1;
    rp_tokens *tokens = &w->task.tokens;
    tokens->max = most < limit ? most : limit;
    tokens->ids = rp_arena_alloc(rp_context_arena(context), tokens->max * sizeof *tokens->ids);
    return tokens->ids ? RP_OK : RP_NO_MEMORY;
}

static void encode(void *own, size_t thread)
{
    work *w = own;
    w->encoded = rp_encoder_encode(w->self->encoder, 1 + thread, &w->task, SIZE_MAX, &w->refusal);
}

static void on_encoded(rp_context *context)
{
    if (!rp_context_abandoned(context))
        go_on(context);
}

/* Encodes what takes no time, and leaves the rest to a thread. */
static void start_work(rp_context *context)
{
    work *w = rp_context_own(context);
    w->task.model = w->model;
    w->task.request = w->intake.request;
    w->unfinished = 1;
    rp_status status = make_room(context, w);
    if (status == RP_OK) {
        w->encoded =
            rp_encoder_encode(w->self->encoder, 0, &w->task, TOKENIZER_LOOP_BYTES_MAX, &w->refusal);
        if (is_worth_a_look(context))
            status = look_into_reply(context);
    }
    if (status == RP_OK && w->encoded == RP_BUSY)
        status = rp_context_compute(context, encode, on_encoded);
    else if (status == RP_OK)
        go_on(context);
    if (status != RP_OK)
        retry(context, rp_status_text(status));
}

/* -- reading ----------------------------------------------------------------------------------- */

static rp_status find_model(work *w)
{
    char known[160] = "";
    size_t at = 0;
    tokenizer *self = w->self;
    w->model = rp_tokenizer_models_find(self->models, rp_bytes_text(w->intake.model));
    if (w->model)
        return RP_OK;
    for (size_t i = 0; i < rp_tokenizer_models_count(self->models) && at < sizeof known - 1; i++)
        at += (size_t)snprintf(known + at, sizeof known - at, "%s%s", i ? ", " : "",
            rp_tokenizer_models_at(self->models, i)->name);
    return rp_refusal_set(&w->refusal, RP__ERROR__CODE__MODEL_NOT_FOUND, "model", NULL,
        "there is no model %.64s; there is %.140s", w->intake.model, known);
}

static rp_status read_request(rp_context *context, work *w)
{
    const rp_message *message = rp_context_message(context);
    if (rp_bytes_is(rp_name_token(message->subject, 0), "embed"))
        return rp_refusal_set(&w->refusal, RP__ERROR__CODE__UNSUPPORTED, NULL, NULL,
            "no embedding model is served here; publish on infer.<tenant>.<model>");
    rp_status status = rp_intake_read(message, rp_context_body(context), &w->address,
        rp_context_arena(context), &w->intake, &w->refusal);
    return status == RP_OK ? find_model(w) : status;
}

/* -- the worker's callbacks -------------------------------------------------------------------- */

static bool begin(rp_context *context, tokenizer *self)
{
    work *w = rp_context_own(context);
    w->self = self;
    w->intake.encoding = RP_ENCODING_JSON;
    if (rp_intake_address_read(rp_context_message(context), &w->address) == RP_OK)
        return true;
    rp_context_reject(
        context, "the subject's tenant is no name, so that there is no reply subject");
    return false;
}

void tokenizer_handle(rp_context *context, void *state)
{
    work *w = rp_context_own(context);
    if (!begin(context, state))
        return;
    rp_status status = read_request(context, w);
    if (tokenizer_repeat(context))
        return;
    if (status == RP_OK)
        start_work(context);
    else
        tokenizer_refuse(context);
}

void tokenizer_give_up(rp_context *context, void *state)
{
    if (begin(context, state) && !tokenizer_repeat(context))
        tokenizer_bury(context);
}

void tokenizer_abandon(rp_context *context, void *state)
{
    (void)state;
    tokenizer_withdraw(rp_context_own(context));
}

bool tokenizer_chain(const rp_message *message, rp_chain_name *ret_name)
{
    rp_intake_address address;
    return rp_intake_address_read(message, &address) == RP_OK &&
           rp_answer_chain(address.tenant_token, address.request, ret_name);
}
