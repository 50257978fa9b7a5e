#include "actors/cli/shared/text/paste.h"

static const char plain[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=:,./@%";

void rp_paste_word(rp_buffer *out, const char *word)
{
    if (*word && word[strspn(word, plain)] == '\0') {
        rp_buffer_text(out, word);
        return;
    }
    rp_buffer_text(out, "'");
    for (const char *at = word; *at; at++) {
        if (*at == '\'')
            rp_buffer_text(out, "'\\''"); /* out of the quotes, one quote, in again */
        else
            rp_buffer_append(out, at, 1);
    }
    rp_buffer_text(out, "'");
}
