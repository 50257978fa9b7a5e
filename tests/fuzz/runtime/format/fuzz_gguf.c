/* GGUF as hostile input: parsed, and where that succeeds, everything in it is touched and its
 * vocabulary built and used. */
#include <stdlib.h>

#include "kernels/text/spm.h"
#include "runtime/format/gguf_vocabulary.h"

enum { TEXT_MAX = 64, TOKENS_MAX = 3 * TEXT_MAX + 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads the ends of a view, so that a sanitizer sees one that goes beyond the file. */
static unsigned touch(rp_bytes bytes)
{
    return bytes.len > 0 ? (unsigned)bytes.data[0] + bytes.data[bytes.len - 1] : 0;
}

static unsigned touch_array(rp_gguf_array array)
{
    unsigned sum = touch(array.bytes);
    rp_bytes text;
    rp_gguf_array inner;
    int64_t integer;
    double number;
    while (rp_gguf_array_next_text(&array, &text))
        sum += touch(text);
    while (rp_gguf_array_next_array(&array, &inner))
        sum += touch(inner.bytes);
    for (size_t i = 0; i < array.count; i++)
        sum += rp_gguf_array_integer(&array, i, &integer) +
               (unsigned)rp_gguf_array_float(&array, i, &number);
    return sum;
}

static unsigned touch_metadata(const rp_gguf *file)
{
    unsigned sum = 0;
    for (size_t i = 0; i < rp_gguf_key_count(file); i++) {
        char key[256];
        rp_gguf_kind kind;
        rp_gguf_array array;
        rp_bytes text, name = rp_gguf_key(file, i, &kind);
        uint64_t natural;
        int64_t integer;
        double number;
        bool flag;
        sum += touch(name);
        if (name.len >= sizeof key)
            continue;
        memcpy(key, name.data, name.len);
        key[name.len] = '\0';
        sum += rp_gguf_u64(file, key, &natural, NULL) == RP_OK;
        sum += rp_gguf_i64(file, key, &integer, NULL) == RP_OK;
        sum += rp_gguf_f64(file, key, &number, NULL) == RP_OK;
        sum += rp_gguf_bool(file, key, &flag, NULL) == RP_OK;
        if (rp_gguf_text(file, key, &text, NULL) == RP_OK)
            sum += touch(text);
        if (rp_gguf_array_any(file, key, &array, NULL) == RP_OK)
            sum += touch_array(array);
    }
    return sum;
}

static unsigned touch_tensors(const rp_gguf *file)
{
    unsigned sum = 0;
    for (size_t i = 0; i < rp_gguf_tensor_count(file); i++) {
        const rp_gguf_tensor *tensor = rp_gguf_tensor_at(file, i);
        rp_bytes weights;
        sum += touch(tensor->name);
        if (rp_gguf_tensor_data(file, tensor, &weights, NULL) == RP_OK)
            sum += touch(weights);
    }
    return sum;
}

static void use_vocabulary(const rp_gguf *file)
{
    static const char text[] = "a <b>\n\n\xE2\x96\x81\xF0\x9F\x98\x80 \xFF word";
    int32_t ids[TOKENS_MAX];
    rp_tokens tokens = {.ids = ids, .max = TOKENS_MAX};
    rp_vocabulary *vocabulary;
    rp_spm *spm;
    if (rp_gguf_vocabulary(file, &vocabulary, NULL) != RP_OK)
        return;
    if (rp_spm_new(vocabulary, TEXT_MAX, &spm, NULL) == RP_OK) {
        rp_status status = rp_spm_encode(
            spm, rp_bytes_text(text), RP_SPM_ADD_ENDS | RP_SPM_PARSE_SPECIAL, &tokens, NULL);
        RP_ASSERT(status == RP_OK || status == RP_LIMIT);
        rp_spm_free(spm);
    }
    rp_vocabulary_free(vocabulary);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static volatile unsigned seen;
    rp_gguf *file;
    rp_error error = {0};
    if (rp_gguf_parse(rp_bytes_of(data, size), &file, &error) != RP_OK) {
        RP_ASSERT(error.message[0] != '\0');
        return 0;
    }
    seen = touch_metadata(file) + touch_tensors(file) + touch(rp_gguf_chat_template(file)) +
           touch(rp_gguf_architecture(file));
    (void)seen;
    use_vocabulary(file);
    rp_gguf_free(file);
    return 0;
}
