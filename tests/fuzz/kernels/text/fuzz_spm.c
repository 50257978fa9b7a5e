/* SPM over a vocabulary and a text that the input makes up.
 *
 * The input is a row of pieces, each a length (the low 3 bits; 0 ends the row), whether it is
 * user-defined (bit 3) and a score (the high 4 bits), then its bytes; what is left is the text.
 * Held: the tokens are the same the second time, when short parts are remembered, and from an
 * encoder that remembers nothing; they are ids; a text that is UTF-8 without U+2581 comes back from
 * them. */
#include <stdlib.h>

#include "kernels/text/detokenizer.h"
#include "kernels/text/spm.h"
#include "tests/fuzz/kernels/text/byte_vocabulary.h"

enum { TEXT_MAX = 1 << 16, TOKENS_MAX = 3 * TEXT_MAX + 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static rp_vocabulary *take_vocabulary(rp_bytes *input)
{
    byte_piece pieces[BYTE_VOCABULARY_MORE_MAX];
    size_t count = 1;
    /* Without this piece a space would come back as U+2581's bytes. */
    pieces[0] = (byte_piece){rp_bytes_text("\xE2\x96\x81"), -20.0f, RP_TOKEN_NORMAL};
    while (count < BYTE_VOCABULARY_MORE_MAX && input->len > 0) {
        const uint8_t head = input->data[0];
        const size_t len = head & 7;
        *input = rp_bytes_of(input->data + 1, input->len - 1);
        if (len == 0 || len > input->len)
            break;
        const rp_bytes text = rp_bytes_of(input->data, len);
        *input = rp_bytes_of(input->data + len, input->len - len);
        /* A piece that cuts characters apart is no honest one. */
        if (rp_utf8_valid(text))
            pieces[count++] = (byte_piece){
                text, -(float)(head >> 4), head & 8 ? RP_TOKEN_USER_DEFINED : RP_TOKEN_NORMAL};
    }
    return byte_vocabulary(pieces, count);
}

static void decode(const rp_vocabulary *vocabulary, const rp_tokens *tokens, rp_buffer *text)
{
    rp_detokenizer detokenizer;
    rp_detokenizer_init(&detokenizer, vocabulary, NULL, true);
    for (size_t i = 0; i < tokens->count; i++) {
        check(tokens->ids[i] >= 0 && (size_t)tokens->ids[i] < rp_vocabulary_count(vocabulary));
        rp_detokenizer_push(&detokenizer, tokens->ids[i], text);
    }
    rp_detokenizer_finish(&detokenizer, text);
}

static int32_t ids[2][TOKENS_MAX];

static void expect_same(rp_spm *spm, rp_bytes text, const rp_tokens *wanted)
{
    rp_tokens again = {.ids = ids[1], .max = TOKENS_MAX};
    check(rp_spm_encode(spm, text, 0, &again, NULL) == RP_OK);
    check(again.count == wanted->count);
    check(memcmp(again.ids, wanted->ids, wanted->count * sizeof wanted->ids[0]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rp_bytes text = rp_bytes_of(data, size);
    rp_vocabulary *vocabulary = take_vocabulary(&text);
    if (!vocabulary || text.len > TEXT_MAX) {
        rp_vocabulary_free(vocabulary);
        return 0;
    }
    rp_tokens first = {.ids = ids[0], .max = TOKENS_MAX};
    rp_spm *spm, *fresh;
    check(rp_spm_new(vocabulary, TEXT_MAX, &spm, NULL) == RP_OK);
    check(rp_spm_new(vocabulary, TEXT_MAX, &fresh, NULL) == RP_OK);
    check(rp_spm_encode(spm, text, 0, &first, NULL) == RP_OK);
    expect_same(spm, text, &first);
    expect_same(fresh, text, &first);
    rp_tokens special = {.ids = ids[1], .max = TOKENS_MAX};
    check(
        rp_spm_encode(spm, text, RP_SPM_ADD_ENDS | RP_SPM_PARSE_SPECIAL, &special, NULL) == RP_OK);
    check(special.count > 0 && special.ids[0] == rp_vocabulary_bos(vocabulary));
    rp_spm_free(spm);
    rp_spm_free(fresh);
    rp_buffer back;
    rp_buffer_init(&back, 4 * TEXT_MAX);
    decode(vocabulary, &first, &back);
    check(rp_utf8_valid(rp_buffer_bytes(&back)));
    if (rp_utf8_valid(text) && !(text.len >= 3 && memmem(text.data, text.len, "\xE2\x96\x81", 3)))
        check(rp_bytes_equal(rp_buffer_bytes(&back), text));
    rp_buffer_done(&back);
    rp_vocabulary_free(vocabulary);
    return 0;
}
