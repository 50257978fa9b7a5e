/* What a request asks, as tokens: from text, from messages, as given, and out of the cache. */
#include "actors/tokenizer/encoder.h"

#include <criterion/criterion.h>

#include "schemas/codec.h"
#include "tests/unit/actors/tokenizer/tiny_models.h"

enum { IDS_MAX = 512 };

static rp_tokenizer_models *models;
static rp_encoder *encoder;
static int32_t ids[IDS_MAX];
static rp_tokens tokens; /* of the last request */
static rp_refusal refusal;

static void init(void)
{
    models = tiny_models();
    cr_assert_eq(rp_encoder_new(models, 2, 1024, 1 << 20, &encoder, NULL), RP_OK);
}

static void done(void)
{
    rp_encoder_free(encoder);
    rp_encoder_free(NULL);
    rp_tokenizer_models_free(models);
}

TestSuite(encoder, .init = init, .fini = done);

static rp_encoder_task task_of(size_t model, const Rp__InferRequest *request)
{
    const rp_tokenizer_model *m = rp_tokenizer_models_at(models, model);
    return (rp_encoder_task){
        .model = m, .request = request, .tokens = {.ids = ids, .max = m->context_tokens - 1}};
}

static rp_status encode_by(size_t thread, size_t model, const Rp__InferRequest *request)
{
    rp_encoder_task task = task_of(model, request);
    refusal = (rp_refusal){0};
    rp_status status = rp_encoder_encode(encoder, thread, &task, SIZE_MAX, &refusal);
    tokens = task.tokens;
    return status;
}

static rp_status encode(size_t model, const Rp__InferRequest *request)
{
    return encode_by(0, model, request);
}

static Rp__InferRequest prompt(const char *text)
{
    Rp__InferRequest request = RP__INFER_REQUEST__INIT;
    request.has_prompt = true;
    request.prompt = rp_schema_text(rp_bytes_text(text));
    return request;
}

static void expect_ids(const int32_t *wanted, size_t count)
{
    cr_expect_eq(tokens.count, count, "%zu tokens", tokens.count);
    for (size_t i = 0; i < count && i < tokens.count; i++)
        cr_expect_eq(ids[i], wanted[i], "%zu: %d", i, ids[i]);
}

#define EXPECT(...) \
    expect_ids(     \
        (const int32_t[]){__VA_ARGS__}, sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t))

Test(encoder, prompt_has_ends_and_special_text)
{
    Rp__InferRequest request = prompt("ab<start_of_turn>b");
    cr_assert_eq(encode(0, &request), RP_OK, "%s", refusal.detail.message);
    EXPECT(TINY_BOS, TINY_AB, TINY_START, TINY_B);
    request = prompt("a");
    cr_assert_eq(encode(1, &request), RP_OK);
    EXPECT(TINY_A); /* as the vocabulary says */
}

static Rp__InferRequest conversation(Rp__ChatMessage **messages, size_t count)
{
    Rp__InferRequest request = RP__INFER_REQUEST__INIT;
    request.n_messages = count;
    request.messages = messages;
    return request;
}

static Rp__ChatMessage message(const char *role, const char *content)
{
    Rp__ChatMessage m = RP__CHAT_MESSAGE__INIT;
    m.role = role;
    m.has_content = true;
    m.content = rp_schema_text(rp_bytes_text(content));
    return m;
}

Test(encoder, messages_go_through_the_template)
{
    Rp__ChatMessage user = message("user", "ab"), *messages[] = {&user};
    Rp__InferRequest request = conversation(messages, 1);
    cr_assert_eq(encode(0, &request), RP_OK, "%s", refusal.detail.message);
    const int32_t b = TINY_BYTES;
    EXPECT(TINY_BOS, TINY_START, b + 'u', b + 's', b + 'e', b + 'r', b + '\n', TINY_AB, TINY_END,
        b + '\n', TINY_START, b + 'm', b + 'o', b + 'd', b + 'e', b + 'l', b + '\n');
}

Test(encoder, messages_never_become_control_tokens)
{
    Rp__ChatMessage user = message("user", "<eos>"), *messages[] = {&user};
    Rp__InferRequest request = conversation(messages, 1);
    cr_assert_eq(encode(0, &request), RP_OK, "%s", refusal.detail.message);
    for (size_t i = 0; i < tokens.count; i++)
        cr_expect_neq(ids[i], TINY_EOS);
    request = prompt("<eos>");
    cr_assert_eq(encode(0, &request), RP_OK);
    EXPECT(TINY_BOS, TINY_EOS);
}

Test(encoder, messages_that_no_template_takes)
{
    Rp__ChatMessage user = message("user", "a"), robot = message("robot", "a");
    Rp__ChatMessage *twice[] = {&user, &user}, *odd[] = {&robot};
    Rp__InferRequest request = conversation(twice, 1);
    cr_expect_eq(encode(1, &request), RP_UNSUPPORTED);
    cr_expect_eq(refusal.code, RP__ERROR__CODE__UNSUPPORTED);
    cr_expect_str_eq(refusal.detail.field, "messages");
    request = conversation(twice, 2);
    cr_expect_eq(encode(0, &request), RP_INVALID);
    cr_expect_eq(refusal.code, RP__ERROR__CODE__INVALID_ARGUMENT);
    cr_expect_str_eq(refusal.detail.field, "messages[1].role");
    request = conversation(odd, 1);
    cr_expect_eq(encode(0, &request), RP_INVALID);
    cr_expect_str_eq(refusal.detail.field, "messages[0].role");
}

Test(encoder, tokens_are_taken_as_they_are)
{
    uint32_t given[] = {TINY_AB, TINY_EOS, TINY_COUNT - 1, TINY_COUNT};
    Rp__InferRequest request = RP__INFER_REQUEST__INIT;
    request.tokens = given;
    request.n_tokens = 3;
    cr_assert_eq(encode(0, &request), RP_OK);
    EXPECT(TINY_AB, TINY_EOS, TINY_COUNT - 1);
    request.n_tokens = 4;
    cr_expect_eq(encode(0, &request), RP_INVALID);
    cr_expect_str_eq(refusal.detail.field, "tokens[3]");
    cr_expect_str_eq(refusal.detail.limit, "0 to 264");
    given[0] = UINT32_MAX;
    cr_expect_eq(encode(0, &request), RP_INVALID);
    cr_expect_str_eq(refusal.detail.field, "tokens[0]");
}

Test(encoder, leaves_one_token_for_the_answer)
{
    uint32_t given[8] = {0};
    Rp__InferRequest request = RP__INFER_REQUEST__INIT;
    request.tokens = given;
    request.n_tokens = 7;
    cr_expect_eq(encode(1, &request), RP_OK);
    request.n_tokens = 8;
    cr_expect_eq(encode(1, &request), RP_LIMIT);
    cr_expect_eq(refusal.code, RP__ERROR__CODE__PROMPT_TOO_LONG);
    cr_expect_str_eq(refusal.detail.field, "tokens");
    cr_expect_str_eq(refusal.detail.limit, "7 tokens");
    for (int round = 0; round < 2; round++) { /* the second time the text is known or it is not */
        request = prompt("aaaaaaa");
        cr_expect_eq(encode(1, &request), RP_OK);
        request = prompt("aaaaaaaa");
        cr_expect_eq(encode(1, &request), RP_LIMIT);
        cr_expect_eq(refusal.code, RP__ERROR__CODE__PROMPT_TOO_LONG);
        cr_expect_str_eq(refusal.detail.field, "prompt");
        Rp__ChatMessage user = message("user", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
                        *messages[] = {&user};
        request = conversation(messages, 1);
        cr_expect_eq(encode(0, &request), RP_LIMIT);
        cr_expect_str_eq(refusal.detail.field, "messages");
        cr_expect_str_eq(refusal.detail.limit, "31 tokens");
    }
    static char huge[2048];
    memset(huge, 'a', sizeof huge - 1);
    request = prompt(huge); /* more bytes than the encoder takes */
    cr_expect_eq(encode(0, &request), RP_LIMIT);
    cr_expect_eq(refusal.code, RP__ERROR__CODE__PROMPT_TOO_LONG);
    cr_expect_str_eq(refusal.detail.limit, "1024 bytes");
    huge[700] = '\0'; /* not one, but both together */
    Rp__ChatMessage system = message("system", huge), user = message("user", huge),
                    *both[] = {&system, &user};
    request = conversation(both, 2);
    cr_expect_eq(encode(0, &request), RP_LIMIT);
    cr_expect_eq(refusal.code, RP__ERROR__CODE__PROMPT_TOO_LONG);
    cr_expect_str_eq(refusal.detail.field, "messages");
    cr_expect_str_eq(refusal.detail.limit, "1024 bytes");
}

Test(encoder, empty_prompts_are_refused_where_nothing_stands_in_front)
{
    Rp__InferRequest request = prompt("");
    cr_expect_eq(encode(0, &request), RP_OK);
    EXPECT(TINY_BOS);
    for (int round = 0; round < 2; round++) {
        cr_expect_eq(encode(1, &request), RP_INVALID);
        cr_expect_eq(refusal.code, RP__ERROR__CODE__PROMPT_EMPTY);
        cr_expect_str_eq(refusal.detail.field, "prompt");
    }
}

Test(encoder, bias_names_tokens_that_there_are)
{
    static const int32_t keys[] = {-1, TINY_COUNT, INT32_MAX, INT32_MIN};
    Rp__InferRequest request = prompt("a");
    Rp__InferRequest__LogitBiasEntry entry = RP__INFER_REQUEST__LOGIT_BIAS_ENTRY__INIT;
    Rp__InferRequest__LogitBiasEntry *entries[] = {&entry};
    request.n_logit_bias = 1;
    request.logit_bias = entries;
    entry.key = TINY_COUNT - 1;
    cr_expect_eq(encode(0, &request), RP_OK);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        entry.key = keys[i];
        cr_expect_eq(encode(0, &request), RP_INVALID);
        cr_expect_str_eq(refusal.detail.field, "logit_bias");
        cr_expect_str_eq(refusal.detail.limit, "0 to 264");
    }
}

/* A text's tokens depend on the model and on how it is asked for: neither may be mixed up. */
Test(encoder, cache_gives_what_encoding_gives)
{
    Rp__ChatMessage user = message("user", "ab"), *messages[] = {&user};
    Rp__InferRequest requests[] = {prompt("user\nab"), conversation(messages, 1), prompt("ab")};
    int32_t first[3][IDS_MAX];
    size_t counts[3];
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(encode(0, &requests[i]), RP_OK);
        counts[i] = tokens.count;
        memcpy(first[i], ids, tokens.count * sizeof *ids);
    }
    rp_token_cache_counts before = rp_encoder_cache(encoder);
    cr_expect_eq(before.hits, 0);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(encode_by(1, 0, &requests[i]), RP_OK); /* threads share */
        expect_ids(first[i], counts[i]);
    }
    rp_token_cache_counts after = rp_encoder_cache(encoder);
    cr_expect_eq(after.misses, before.misses, "all of it was known");
    cr_expect_eq(after.hits, before.misses);
    cr_assert_eq(encode(1, &requests[2]), RP_OK);
    EXPECT(TINY_AB); /* without the BOS of the other model */
    cr_expect_eq(rp_encoder_cache(encoder).misses, before.misses + 1);
}

/* -- what may not wait ------------------------------------------------------------------------- */

Test(encoder, stops_in_front_of_unknown_text_and_goes_on)
{
    Rp__InferRequest request = prompt("abab");
    rp_encoder_task task = task_of(0, &request);
    cr_expect_eq(rp_encoder_encode(encoder, 0, &task, 3, &refusal), RP_BUSY);
    cr_expect_eq(task.tokens.count, 0);
    cr_expect_eq(refusal.code, 0, "nothing is wrong with it");
    rp_token_cache_counts before = rp_encoder_cache(encoder);
    cr_expect_eq(before.misses, 1);
    cr_expect_eq(rp_encoder_encode(encoder, 1, &task, SIZE_MAX, &refusal), RP_OK);
    cr_expect_eq(rp_encoder_cache(encoder).misses, 1, "it is looked for once");
    tokens = task.tokens;
    EXPECT(TINY_BOS, TINY_AB, TINY_AB);
    task = task_of(0, &request); /* now it is known */
    cr_expect_eq(rp_encoder_encode(encoder, 0, &task, 0, &refusal), RP_OK);
    tokens = task.tokens;
    EXPECT(TINY_BOS, TINY_AB, TINY_AB);
    request = prompt("aaab"); /* and what is just short enough need not be */
    task = task_of(0, &request);
    cr_expect_eq(rp_encoder_encode(encoder, 0, &task, 4, &refusal), RP_OK);
}

/* The turns that came before are known; of the rest, all together counts. */
Test(encoder, conversation_goes_on_where_it_stopped)
{
    Rp__ChatMessage first = message("user", "ab"), answer = message("assistant", "b"),
                    second = message("user", "aa");
    Rp__ChatMessage *messages[] = {&first, &answer, &second};
    Rp__InferRequest opening = conversation(messages, 1), whole = conversation(messages, 3);
    cr_assert_eq(encode(0, &opening), RP_OK);
    const size_t known = tokens.count;
    int32_t at_once[IDS_MAX], in_steps[IDS_MAX];
    cr_assert_eq(rp_encoder_encode(encoder, 0,
                     &(rp_encoder_task){.model = rp_tokenizer_models_at(models, 0),
                         .request = &opening,
                         .tokens = {.ids = at_once, .max = IDS_MAX}},
                     0, &refusal),
        RP_OK, "all of it is known");
    rp_encoder_task task = task_of(0, &whole);
    task.tokens = (rp_tokens){.ids = in_steps, .max = IDS_MAX};
    cr_assert_eq(rp_encoder_encode(encoder, 0, &task, 8, &refusal), RP_BUSY);
    cr_expect_gt(task.tokens.count, known / 2, "what is known was copied");
    size_t calls = 1;
    rp_status status;
    while ((status = rp_encoder_encode(encoder, calls % 2, &task, 12, &refusal)) == RP_BUSY)
        cr_assert_lt(++calls, 10);
    cr_assert_eq(status, RP_OK);
    rp_encoder_task again = task_of(0, &whole);
    again.tokens = (rp_tokens){.ids = at_once, .max = IDS_MAX};
    rp_encoder *fresh = NULL;
    cr_assert_eq(rp_encoder_new(models, 1, 1024, 1 << 20, &fresh, NULL), RP_OK);
    cr_assert_eq(rp_encoder_encode(fresh, 0, &again, SIZE_MAX, &refusal), RP_OK);
    rp_encoder_free(fresh);
    cr_assert_eq(task.tokens.count, again.tokens.count);
    cr_expect_eq(memcmp(in_steps, at_once, again.tokens.count * sizeof *at_once), 0);
}
