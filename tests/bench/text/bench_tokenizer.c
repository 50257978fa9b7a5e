/* bench_tokenizer [--write FOLDER] [MODEL.gguf]: how fast the tokeniser is, on one core.
 *
 * Prints a line a figure, `name value unit`; each is the median of 5. The texts are made here from
 * the vocabulary itself, from a seed: words by Zipf's law, as a language has them, with punctuation
 * and line ends; source code; and pieces of every kind, each as likely, which nothing remembered
 * helps with. --write stores them, so that other tokenisers can be given the same
 * (hf_tokenizers.py). An encoder is new for each pass over a text, given in requests of 4,000
 * bytes.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernels/text/detokenizer.h"
#include "kernels/text/spm.h"
#include "runtime/base/clock.h"
#include "runtime/base/rng.h"
#include "runtime/format/gguf_vocabulary.h"

enum { ROUNDS = 5, REQUEST_BYTES = 4000, TEXT_BYTES = 4000000, SEED = 20261124 };

#define MODEL_DEFAULT ".deps/models/gemma-3-270m-q4_k_m.gguf"

/* ---- texts ---- */

typedef struct words {
    int32_t *ids;
    size_t count;
} words;

typedef struct draws {
    uint64_t at;
} draws;

static double draw(draws *d)
{
    return (double)rp_rng_uniform(SEED, d->at++);
}

static size_t draw_below(draws *d, size_t below)
{
    return (size_t)(draw(d) * (double)below);
}

/* A rank by Zipf's law: each doubling of the rank is as likely as the one before. */
static size_t draw_rank(draws *d, size_t count)
{
    size_t rank = (size_t)pow((double)count, draw(d));
    return rank > 0 && rank <= count ? rank - 1 : 0;
}

static bool is_english(rp_bytes piece)
{
    if (piece.len < 4 || memcmp(piece.data, "\xE2\x96\x81", 3) != 0)
        return false;
    for (size_t i = 3; i < piece.len; i++) {
        if (!islower(piece.data[i]))
            return false;
    }
    return true;
}

static bool is_chinese(rp_bytes piece)
{
    for (size_t i = 0; i + 2 < piece.len; i += 3) {
        if (piece.data[i] < 0xE5 || piece.data[i] > 0xE9)
            return false;
    }
    return piece.len > 0 && piece.len % 3 == 0;
}

static bool is_any(rp_bytes piece)
{
    return piece.len > 0;
}

/* The normal pieces that are wanted, in the vocabulary's order, which is that of their scores. */
static words collect(const rp_vocabulary *vocabulary, bool (*wanted)(rp_bytes piece))
{
    const size_t total = rp_vocabulary_count(vocabulary);
    words w = {.ids = calloc(total, sizeof *w.ids)};
    for (size_t i = 0; i < total && w.ids; i++) {
        const int32_t id = (int32_t)i;
        if (rp_vocabulary_kind(vocabulary, id) == RP_TOKEN_NORMAL &&
            wanted(rp_vocabulary_piece(vocabulary, id)))
            w.ids[w.count++] = id;
    }
    return w;
}

static void add_word(const rp_vocabulary *vocabulary, int32_t id, rp_buffer *text)
{
    uint8_t bytes[RP_VOCABULARY_PIECE_MAX];
    rp_buffer_append(text, bytes, rp_vocabulary_text(vocabulary, id, bytes));
}

static void write_prose(const rp_vocabulary *vocabulary, const words *w, const char *comma,
    const char *stop, rp_buffer *text)
{
    draws d = {0};
    while (text->len < TEXT_BYTES) {
        add_word(vocabulary, w->ids[draw_rank(&d, w->count)], text);
        if (draw(&d) < 0.08)
            rp_buffer_text(text, comma);
        else if (draw(&d) < 0.06)
            rp_buffer_text(text, draw(&d) < 0.2 ? "\n\n" : stop);
    }
}

static void write_code(const rp_vocabulary *vocabulary, const words *w, rp_buffer *text)
{
    static const char *const marks[] = {"(", ")", " = ", "->", ";", " + ", "[i]", ", ", ".", "_",
        " < 0x1F", " {", "}", "\"", " /* ", " */", " if (", " return", "::", "&", " * "};
    draws d = {UINT64_C(1) << 40};
    while (text->len < TEXT_BYTES) {
        rp_buffer_printf(text, "\n%*s", (int)(4 * draw_below(&d, 5)), "");
        for (size_t i = 2 + draw_below(&d, 8); i > 0; i--) {
            uint8_t bytes[RP_VOCABULARY_PIECE_MAX];
            const int32_t id = w->ids[draw_rank(&d, w->count)];
            const size_t len = rp_vocabulary_text(vocabulary, id, bytes);
            rp_buffer_append(text, bytes + 1, len - 1); /* without its space */
            rp_buffer_text(text, marks[draw_below(&d, sizeof marks / sizeof marks[0])]);
        }
    }
}

static void write_pieces(const rp_vocabulary *vocabulary, const words *w, rp_buffer *text)
{
    draws d = {UINT64_C(1) << 41};
    while (text->len < TEXT_BYTES)
        add_word(vocabulary, w->ids[draw_below(&d, w->count)], text);
}

/* ---- measuring ---- */

static double seconds_since(uint64_t start_ns)
{
    return (double)(rp_clock_monotonic_ns(rp_clock_system()) - start_ns) / (double)RP_NS_PER_S;
}

static int compare_numbers(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double values[ROUNDS])
{
    qsort(values, ROUNDS, sizeof values[0], compare_numbers);
    return values[ROUNDS / 2];
}

static void need(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "bench_tokenizer: %s\n", what);
    exit(EXIT_FAILURE);
}

static void encode_all(rp_spm *spm, rp_bytes text, rp_tokens *tokens)
{
    rp_error error = {0};
    while (text.len > 0) {
        const rp_bytes request = rp_utf8_cut(text, REQUEST_BYTES);
        need(rp_spm_encode(spm, request, 0, tokens, &error) == RP_OK, error.message);
        text = rp_bytes_of(text.data + request.len, text.len - request.len);
    }
}

static void measure(const rp_vocabulary *vocabulary, const char *kind, const rp_buffer *text)
{
    rp_tokens tokens = {.ids = malloc((text->len + 1) * sizeof(int32_t)), .max = text->len + 1};
    double encode[ROUNDS], decode[ROUNDS];
    rp_buffer back;
    rp_buffer_init(&back, 2 * text->len);
    need(tokens.ids && rp_buffer_reserve(&back, text->len), "out of memory");
    for (int round = 0; round < ROUNDS; round++) {
        rp_spm *spm;
        rp_detokenizer detokenizer;
        need(rp_spm_new(vocabulary, REQUEST_BYTES, &spm, NULL) == RP_OK, "no encoder");
        tokens.count = 0;
        uint64_t start_ns = rp_clock_monotonic_ns(rp_clock_system());
        encode_all(spm, rp_buffer_bytes(text), &tokens);
        encode[round] = (double)text->len / 1e6 / seconds_since(start_ns);
        rp_spm_free(spm);
        rp_buffer_clear(&back);
        rp_detokenizer_init(&detokenizer, vocabulary, NULL, false);
        start_ns = rp_clock_monotonic_ns(rp_clock_system());
        for (size_t i = 0; i < tokens.count; i++)
            rp_detokenizer_push(&detokenizer, tokens.ids[i], &back);
        decode[round] = (double)tokens.count / 1e6 / seconds_since(start_ns);
        need(rp_bytes_equal(rp_buffer_bytes(&back), rp_buffer_bytes(text)), "the text is not back");
    }
    printf("tokenizer.encode_%s_mb_s %.1f MB/s\n", kind, median(encode));
    printf("tokenizer.detokenize_%s_mtokens_s %.1f Mtokens/s\n", kind, median(decode));
    rp_buffer_done(&back);
    free(tokens.ids);
}

static void store(const char *folder, const char *kind, const rp_buffer *text)
{
    char path[4096];
    if (!folder)
        return;
    snprintf(path, sizeof path, "%s/%s.txt", folder, kind);
    FILE *file = fopen(path, "wb");
    need(file && fwrite(text->data, 1, text->len, file) == text->len && fclose(file) == 0, path);
}

static void run(const rp_vocabulary *vocabulary, const char *folder)
{
    const words english = collect(vocabulary, is_english),
                chinese = collect(vocabulary, is_chinese), any = collect(vocabulary, is_any);
    need(english.count > 0 && chinese.count > 0 && any.count > 0, "too small a vocabulary");
    const char *const kinds[] = {"english", "chinese", "code", "pieces"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        rp_buffer text;
        rp_buffer_init(&text, TEXT_BYTES + RP_VOCABULARY_PIECE_MAX);
        if (i == 0)
            write_prose(vocabulary, &english, ",", ".", &text);
        else if (i == 1)
            write_prose(vocabulary, &chinese, "\xEF\xBC\x8C", "\xE3\x80\x82", &text);
        else if (i == 2)
            write_code(vocabulary, &english, &text);
        else
            write_pieces(vocabulary, &any, &text);
        need(!text.truncated, "out of memory");
        store(folder, kinds[i], &text);
        measure(vocabulary, kinds[i], &text);
        rp_buffer_done(&text);
    }
    free(english.ids);
    free(chinese.ids);
    free(any.ids);
}

int main(int argc, char **argv)
{
    const char *model = getenv("REPRISE_MODEL"), *folder = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--write") == 0 && i + 1 < argc)
            folder = argv[++i];
        else
            model = argv[i];
    }
    rp_gguf *file;
    rp_vocabulary *vocabulary = NULL;
    rp_error error = {0};
    double load[ROUNDS];
    need(rp_gguf_open(model ? model : MODEL_DEFAULT, &file, &error) == RP_OK, error.message);
    for (int round = 0; round < ROUNDS; round++) {
        rp_vocabulary_free(vocabulary);
        const uint64_t start_ns = rp_clock_monotonic_ns(rp_clock_system());
        need(rp_gguf_vocabulary(file, &vocabulary, &error) == RP_OK, error.message);
        load[round] = 1000 * seconds_since(start_ns);
    }
    printf("tokenizer.vocabulary_load_ms %.1f ms\n", median(load));
    run(vocabulary, folder);
    rp_vocabulary_free(vocabulary);
    rp_gguf_free(file);
    return EXIT_SUCCESS;
}
