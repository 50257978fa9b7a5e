/* encode_texts MODEL.gguf: texts in, tokens and the text of those tokens out, for tests in other
 * languages.
 *
 * Standard input is a row of requests: u32 flags (RP_SPM_*), u32 length, that many bytes. Standard
 * output answers each: u32 count, that many i32 ids, u32 length, the ids' text. All little endian.
 */
#include <stdio.h>
#include <stdlib.h>

#include "kernels/text/detokenizer.h"
#include "kernels/text/spm.h"
#include "runtime/format/gguf_vocabulary.h"

enum { TEXT_MAX = 32 << 20 };

static bool read_u32(uint32_t *ret_value)
{
    return fread(ret_value, sizeof *ret_value, 1, stdin) == 1;
}

static void write_u32(size_t value)
{
    uint32_t narrow = (uint32_t)value;
    fwrite(&narrow, sizeof narrow, 1, stdout);
}

static bool answer(const rp_vocabulary *vocabulary, rp_spm *spm, uint8_t *bytes, rp_tokens *tokens)
{
    uint32_t flags, len;
    rp_error error = {0};
    rp_detokenizer detokenizer;
    rp_buffer text;
    if (!read_u32(&flags) || !read_u32(&len) || len > TEXT_MAX)
        return false;
    if (len > 0 && fread(bytes, len, 1, stdin) != 1)
        return false;
    tokens->count = 0;
    if (rp_spm_encode(spm, rp_bytes_of(bytes, len), flags, tokens, &error) != RP_OK) {
        fprintf(stderr, "%s\n", error.message);
        return false;
    }
    rp_buffer_init(&text, 4 * (size_t)TEXT_MAX);
    rp_detokenizer_init(&detokenizer, vocabulary, NULL, true);
    for (size_t i = 0; i < tokens->count; i++)
        rp_detokenizer_push(&detokenizer, tokens->ids[i], &text);
    rp_detokenizer_finish(&detokenizer, &text);
    write_u32(tokens->count);
    fwrite(tokens->ids, sizeof *tokens->ids, tokens->count, stdout);
    write_u32(text.len);
    fwrite(rp_buffer_string(&text), 1, text.len, stdout);
    fflush(stdout);
    rp_buffer_done(&text);
    return true;
}

int main(int argc, char **argv)
{
    rp_gguf *file = NULL;
    rp_vocabulary *vocabulary = NULL;
    rp_spm *spm = NULL;
    rp_error error = {0};
    rp_tokens tokens = {.ids = malloc((TEXT_MAX + 2) * sizeof(int32_t)), .max = TEXT_MAX + 2};
    uint8_t *bytes = malloc(TEXT_MAX);
    rp_status status = argc == 2 ? rp_gguf_open(argv[1], &file, &error) : RP_INVALID;
    if (status == RP_OK)
        status = rp_gguf_vocabulary(file, &vocabulary, &error);
    if (status == RP_OK)
        status = rp_spm_new(vocabulary, TEXT_MAX, &spm, &error);
    if (status != RP_OK || !bytes || !tokens.ids)
        fprintf(stderr, "encode_texts: %s\n", argc == 2 ? error.message : "name one GGUF file");
    else
        while (answer(vocabulary, spm, bytes, &tokens))
            ;
    rp_spm_free(spm);
    rp_vocabulary_free(vocabulary);
    rp_gguf_free(file);
    free(tokens.ids);
    free(bytes);
    return status == RP_OK && feof(stdin) ? EXIT_SUCCESS : EXIT_FAILURE;
}
