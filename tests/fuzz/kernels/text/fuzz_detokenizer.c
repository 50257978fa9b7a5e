/* Detokenising and stop strings over tokens that the input chooses.
 *
 * The input starts with up to 3 stop strings, each a length (0 to 7) and its bytes; every byte
 * behind them is a token: that byte, or one of a few pieces. Held: what comes out bit by bit is the
 * text of all tokens, cut before the stop string that ends first (of equals the longest) as a plain
 * search finds it; and it is UTF-8 after every token. */
#include <stdlib.h>

#include "kernels/text/detokenizer.h"
#include "tests/fuzz/kernels/text/byte_vocabulary.h"

enum { STRINGS_MAX = 3, TEXT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const rp_vocabulary *shared_vocabulary(void)
{
    static rp_vocabulary *vocabulary;
    const byte_piece pieces[] = {{rp_bytes_text("stop"), 0, RP_TOKEN_NORMAL},
        {rp_bytes_text("\xE2\x96\x81the"), 0, RP_TOKEN_NORMAL},
        {rp_bytes_text("\n\n"), 0, RP_TOKEN_USER_DEFINED},
        {rp_bytes_text("\xF0\x9F\x98\x80"), 0, RP_TOKEN_NORMAL},
        {rp_bytes_text("aa"), 0, RP_TOKEN_NORMAL}};
    if (!vocabulary)
        vocabulary = byte_vocabulary(pieces, sizeof pieces / sizeof pieces[0]);
    return vocabulary;
}

static int32_t token_of(uint8_t byte)
{
    return byte < 16 ? byte < 5 ? BYTE_VOCABULARY_FIRST + byte : byte - 8
                     : BYTE_VOCABULARY_BYTES + byte;
}

static size_t take_strings(rp_bytes *input, rp_bytes strings[STRINGS_MAX])
{
    size_t count = 0;
    while (count < STRINGS_MAX && input->len > 0) {
        const size_t len = input->data[0] & 7;
        *input = rp_bytes_of(input->data + 1, input->len - 1);
        if (len == 0 || len > input->len)
            break;
        strings[count++] = rp_bytes_of(input->data, len);
        *input = rp_bytes_of(input->data + len, input->len - len);
    }
    return count;
}

/* Where a text is cut: before the string that ends first, of equals the longest. */
static size_t plain_cut(rp_bytes text, const rp_bytes *strings, size_t count)
{
    size_t cut = text.len, first_end = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *found =
            text.len ? memmem(text.data, text.len, strings[i].data, strings[i].len) : NULL;
        const size_t start = found ? (size_t)(found - text.data) : 0;
        const size_t end = start + strings[i].len;
        if (found && (end < first_end || (end == first_end && start < cut))) {
            first_end = end;
            cut = start;
        }
    }
    return cut;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rp_bytes input = rp_bytes_of(data, size), strings[STRINGS_MAX];
    const size_t count = take_strings(&input, strings);
    rp_stop stop;
    rp_detokenizer plain, stopping;
    rp_buffer whole, parts;
    if (rp_stop_init(&stop, strings, count, NULL) != RP_OK)
        return 0;
    rp_buffer_init(&whole, TEXT_MAX);
    rp_buffer_init(&parts, TEXT_MAX);
    rp_detokenizer_init(&plain, shared_vocabulary(), NULL, false);
    rp_detokenizer_init(&stopping, shared_vocabulary(), &stop, false);
    bool stopped = false;
    for (size_t i = 0; i < input.len; i++) {
        check(!rp_detokenizer_push(&plain, token_of(input.data[i]), &whole));
        stopped = rp_detokenizer_push(&stopping, token_of(input.data[i]), &parts);
        check(rp_utf8_valid(rp_buffer_bytes(&parts)));
    }
    const size_t cut = plain_cut(rp_buffer_bytes(&whole), strings, count);
    check(stopped == (cut < whole.len));
    rp_detokenizer_finish(&plain, &whole);
    rp_detokenizer_finish(&stopping, &parts);
    check(rp_utf8_valid(rp_buffer_bytes(&whole)));
    check(parts.len == (stopped ? cut : whole.len));
    check(parts.len == 0 || memcmp(parts.data, whole.data, parts.len) == 0);
    rp_buffer_done(&whole);
    rp_buffer_done(&parts);
    return 0;
}
