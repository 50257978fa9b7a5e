/* Chat templates: a list of messages becomes the prompt that a model was trained on.
 *
 * A prompt is a list of segments, each either one control token by its id or text. Text is never
 * looked through for control tokens, so nothing that stands in a message can pass for the frame
 * around it. A template is data (the table in chat.c): what stands before and behind a message,
 * what roles are called, where a system message goes; another model's is another row.
 *
 *     rp_chat chat;
 *     if (rp_chat_init(&chat, vocabulary, template_text, architecture, reterr) != RP_OK) ...
 *     rp_chat_prompt prompt;
 *     rp_chat_prompt_init(&prompt, 1 << 20);
 *     if (rp_chat_render(&chat, messages, count, &prompt, reterr) != RP_OK) ...
 *     for (size_t i = 0; i < prompt.count; i++) ... prompt.segments[i] ...
 *     rp_chat_prompt_done(&prompt);
 *
 * Roles are those of the API: system, user, assistant. Templates follow the models' own (Jinja):
 * for gemma a system message may come first only, and becomes the start of the first user's
 * message; then user and assistant take turns, the user first; contents lose their white space at
 * both ends (the system's does not); the prompt ends where the model's turn begins. Where the Jinja
 * template is silent we are not: a system message that no user message follows, and an unknown
 * role, are refused.
 *
 * A chat is read only after init, for any thread; a prompt is one thread's workspace and keeps its
 * memory.
 */
#ifndef KERNELS_TEXT_CHAT_H
#define KERNELS_TEXT_CHAT_H

#include "kernels/text/vocabulary.h"
#include "runtime/base/buffer.h"

enum { RP_CHAT_MESSAGES_MAX = 4096, RP_CHAT_CONTROLS_MAX = 4 };

typedef struct rp_chat_message {
    rp_bytes role;    /* "system", "user", "assistant" */
    rp_bytes content; /* UTF-8 */
} rp_chat_message;

/* What a template is made of; chat.c has the table. */
typedef struct rp__chat_template rp__chat_template;

/* A template with its control tokens found in a vocabulary; the fields are its own. */
typedef struct rp_chat {
    const rp__chat_template *form;
    int32_t controls[RP_CHAT_CONTROLS_MAX];
    int32_t bos; /* the prompt's first token, or RP_TOKEN_NONE */
} rp_chat;

/* A control token, or text where `token` is RP_TOKEN_NONE: `len` bytes at `start` of the prompt's.
 */
typedef struct rp_chat_segment {
    int32_t token;
    size_t start;
    size_t len;
} rp_chat_segment;

/* `segments` and `count` may be read, texts by rp_chat_prompt_text. */
typedef struct rp_chat_prompt {
    rp_buffer text;
    rp_chat_segment *segments;
    size_t count;
    size_t capacity;
} rp_chat_prompt;

/* Chooses the template by the model file's own template text, and where it has none (empty) by its
 * architecture ("gemma3"), and finds its control tokens. RP_UNSUPPORTED where no template fits;
 * RP_INVALID where the vocabulary lacks one of the tokens. */
RP_MUST_USE rp_status rp_chat_init(rp_chat *chat, const rp_vocabulary *vocabulary,
    rp_bytes template_text, rp_bytes architecture, rp_error *reterr);

/* "gemma". */
const char *rp_chat_name(const rp_chat *chat);

/* The token that ends the model's turn. */
int32_t rp_chat_end(const rp_chat *chat);

/* An empty prompt whose text may have up to `bytes_max` bytes. Allocates nothing. */
void rp_chat_prompt_init(rp_chat_prompt *prompt, size_t bytes_max);

/* Accepts NULL and a prompt of zeros. */
void rp_chat_prompt_done(rp_chat_prompt *prompt);

/* Replaces the prompt's content by the messages and the start of the model's turn. RP_INVALID with
 * "messages[2].role" or the like in the error's field; RP_LIMIT beyond RP_CHAT_MESSAGES_MAX or the
 * prompt's bytes; RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_chat_render(const rp_chat *chat, const rp_chat_message *messages,
    size_t count, rp_chat_prompt *prompt, rp_error *reterr);

/* The text of a segment, until the next render. */
rp_bytes rp_chat_prompt_text(const rp_chat_prompt *prompt, const rp_chat_segment *segment);

#endif
