/* Chat templates over messages that the input makes up.
 *
 * Each message is a role (the low 2 bits of a byte; 3 is an unknown one), a length (the high 6
 * bits) and its content. Held: a prompt that is made has the control tokens that its number of
 * turns asks for and no others, whatever the contents say, and no two texts side by side. */
#include <stdlib.h>

#include "kernels/text/chat.h"
#include "tests/fuzz/kernels/text/byte_vocabulary.h"

enum { MESSAGES_MAX = 64, PROMPT_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t take_messages(rp_bytes input, rp_chat_message messages[MESSAGES_MAX])
{
    static const char *const roles[] = {"system", "user", "assistant", "tool"};
    size_t count = 0;
    while (count < MESSAGES_MAX && input.len > 0) {
        size_t len = input.data[0] >> 2;
        messages[count].role = rp_bytes_text(roles[input.data[0] & 3]);
        input = rp_bytes_of(input.data + 1, input.len - 1);
        len = len < input.len ? len : input.len;
        messages[count++].content = rp_bytes_of(input.data, len);
        input = rp_bytes_of(input.data + len, input.len - len);
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static rp_vocabulary *vocabulary;
    static rp_chat_prompt prompt;
    static rp_chat chat;
    rp_chat_message messages[MESSAGES_MAX];
    rp_error error = {0};
    if (!vocabulary) {
        vocabulary = byte_vocabulary(NULL, 0);
        rp_chat_prompt_init(&prompt, PROMPT_MAX);
        check(rp_chat_init(
                  &chat, vocabulary, rp_bytes_of(NULL, 0), rp_bytes_text("gemma3"), NULL) == RP_OK);
    }
    const size_t count = take_messages(rp_bytes_of(data, size), messages);
    rp_status status = rp_chat_render(&chat, messages, count, &prompt, &error);
    if (status != RP_OK) {
        check(status == RP_INVALID || status == RP_LIMIT);
        check(error.status == status && error.field[0] != '\0' && error.message[0] != '\0');
        return 0;
    }
    const size_t turns = count - rp_bytes_is(messages[0].role, "system");
    size_t controls = 0;
    for (size_t i = 0; i < prompt.count; i++) {
        const rp_chat_segment *segment = &prompt.segments[i];
        controls += segment->token != RP_TOKEN_NONE;
        check(segment->token != RP_TOKEN_NONE ||
              (segment->len > 0 && (i == 0 || segment[-1].token != RP_TOKEN_NONE)));
    }
    check(controls == 1 + 2 * turns + 1);
    return 0;
}
