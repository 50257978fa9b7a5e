/* An answer as it grows: where chunks end, and what is left of it where it is cut. */
#include "actors/executor/transcript.h"

#include <criterion/criterion.h>

#include "tests/unit/kernels/text/tiny_vocabulary.h"

static rp_vocabulary *vocabulary;
static rp_transcript *transcript;

static void init(void)
{
    vocabulary = tiny_vocabulary(NULL, 0, false);
    cr_assert_eq(rp_transcript_new(1 << 16, &transcript), RP_OK);
}

static void done(void)
{
    rp_transcript_free(transcript);
    rp_transcript_free(NULL);
    rp_vocabulary_free(vocabulary);
}

TestSuite(transcript, .init = init, .fini = done);

static rp_transcript_spec spec_of(uint32_t chunk_tokens)
{
    return (rp_transcript_spec){
        .vocabulary = vocabulary, .chunk_tokens = chunk_tokens, .stream = true};
}

static void begin(const rp_transcript_spec *spec)
{
    cr_assert_eq(rp_transcript_begin(transcript, spec, NULL), RP_OK);
}

static void begin_stopping(uint32_t chunk_tokens, const char *stop)
{
    rp_bytes stops[] = {rp_bytes_text(stop)};
    rp_transcript_spec spec = spec_of(chunk_tokens);
    spec.stops = stops;
    spec.stop_count = 1;
    begin(&spec);
}

/* Pushes a byte's token; its digest is its number, counted from 1. Whether the answer stops. */
static bool push(uint8_t byte)
{
    bool stopped = false;
    rp_sampler_choice choice = {.token = TINY_BYTES + (uint32_t)byte};
    uint64_t n = rp_transcript_whole(transcript).count + 1;
    cr_assert_eq(rp_transcript_push(transcript, &choice, (rp_hash128){n, ~n}, &stopped), RP_OK);
    return stopped;
}

static bool push_text(const char *text)
{
    bool stopped = false;
    for (; *text; text++)
        stopped = push((uint8_t)*text);
    return stopped;
}

static void expect_part(rp_transcript_part part, size_t count, const char *text)
{
    cr_expect_eq(part.count, count, "%zu tokens for %s", part.count, text);
    cr_expect(
        rp_bytes_is(part.text, text), "%.*s", (int)part.text.len, (const char *)part.text.data);
}

/* -- where chunks end -------------------------------------------------------------------------- */

Test(transcript, chunks_end_where_the_index_says)
{
    static const uint32_t sizes[] = {1, 2, 16};
    for (size_t s = 0; s < 3; s++) {
        rp_transcript_spec spec = spec_of(sizes[s]);
        uint64_t chunks = 0;
        begin(&spec);
        cr_expect_not(rp_transcript_chunk_due(transcript));
        cr_expect_eq(rp_transcript_tokens_of(true, sizes[s], 0), 0);
        for (size_t n = 1; n <= 50; n++) {
            push('x');
            cr_expect_eq(rp_transcript_chunk_due(transcript),
                n == 1 || n % sizes[s] == 1 % sizes[s], "%zu by %u", n, sizes[s]);
            if (!rp_transcript_chunk_due(transcript))
                continue;
            rp_transcript_part part = rp_transcript_unsent(transcript);
            cr_expect_eq(part.count, n == 1 ? 1 : sizes[s]);
            cr_expect_eq(part.text.len, part.count);
            rp_transcript_chunk_sent(transcript);
            cr_expect_not(rp_transcript_chunk_due(transcript), "not twice");
            expect_part(rp_transcript_unsent(transcript), 0, "");
            cr_expect_eq(rp_transcript_tokens_of(true, sizes[s], ++chunks), n);
        }
        cr_expect_eq(rp_transcript_whole(transcript).count, 50);
        cr_expect_eq(rp_transcript_whole(transcript).text.len, 50);
    }
}

Test(transcript, without_streaming_all_is_one_chunk)
{
    rp_transcript_spec spec = spec_of(1);
    spec.stream = false;
    begin(&spec);
    for (int i = 0; i < 20; i++) {
        push('x');
        cr_expect_not(rp_transcript_chunk_due(transcript));
    }
    expect_part(rp_transcript_unsent(transcript), 20, "xxxxxxxxxxxxxxxxxxxx");
    cr_expect_eq(rp_transcript_tokens_of(false, 1, 0), 0);
    cr_expect_eq(rp_transcript_tokens_of(false, 1, 1), 0);
    /* A cut leaves nothing. */
    rp_transcript_cut(transcript);
    expect_part(rp_transcript_whole(transcript), 0, "");
    cr_expect_eq(rp_transcript_digest(transcript).low, 0);
}

Test(transcript, parts_hold_tokens_and_choices_of_their_own)
{
    rp_transcript_spec spec = spec_of(2);
    spec.logprobs = true;
    begin(&spec);
    push('a');
    cr_assert(rp_transcript_unsent(transcript).choices);
    rp_transcript_chunk_sent(transcript);
    push('b');
    push('c');
    rp_transcript_part part = rp_transcript_unsent(transcript);
    expect_part(part, 2, "bc");
    cr_assert(part.choices);
    for (size_t i = 0; i < 2; i++) {
        cr_expect_eq(part.tokens[i], TINY_BYTES + 'b' + i);
        cr_expect_eq(part.choices[i].token, part.tokens[i]);
    }
    cr_expect_null(rp_transcript_whole(transcript).choices);
    cr_expect_eq(rp_transcript_whole(transcript).tokens[0], TINY_BYTES + 'a');
    spec.logprobs = false; /* the next answer in the same memory */
    begin(&spec);
    push('a');
    cr_expect_null(rp_transcript_unsent(transcript).choices);
    expect_part(rp_transcript_whole(transcript), 1, "a");
}

/* -- held text --------------------------------------------------------------------------------- */

Test(transcript, text_comes_in_whole_characters)
{
    rp_transcript_spec spec = spec_of(1);
    begin(&spec);
    push(0xC3);
    expect_part(rp_transcript_unsent(transcript), 1, "");
    rp_transcript_chunk_sent(transcript);
    push(0xA9);
    expect_part(rp_transcript_unsent(transcript), 1, "\xC3\xA9");
    rp_transcript_chunk_sent(transcript);
    push(0xE4);
    rp_transcript_finish(transcript);
    expect_part(rp_transcript_unsent(transcript), 1, "\xEF\xBF\xBD");
    expect_part(rp_transcript_whole(transcript), 3, "\xC3\xA9\xEF\xBF\xBD");
}

Test(transcript, stop_string_across_chunks)
{
    begin_stopping(1, "stop");
    cr_expect_not(push('a'));
    expect_part(rp_transcript_unsent(transcript), 1, "a");
    rp_transcript_chunk_sent(transcript);
    static const char start[] = "sto";
    for (size_t i = 0; i < 3; i++) { /* each a chunk without text */
        cr_expect_not(push((uint8_t)start[i]));
        cr_expect(rp_transcript_chunk_due(transcript));
        expect_part(rp_transcript_unsent(transcript), 1, "");
        rp_transcript_chunk_sent(transcript);
    }
    cr_expect(push('p'));
    rp_transcript_finish(transcript);
    expect_part(rp_transcript_unsent(transcript), 1, "");
    expect_part(rp_transcript_whole(transcript), 5, "a");
    cr_expect_eq(rp_transcript_digest(transcript).low, 5);
}

Test(transcript, what_was_no_stop_string_after_all)
{
    begin_stopping(2, "stop");
    push('a');
    rp_transcript_chunk_sent(transcript);
    cr_expect_not(push_text("st"));
    expect_part(rp_transcript_unsent(transcript), 2, "");
    rp_transcript_chunk_sent(transcript);
    cr_expect_not(push('x'));
    expect_part(rp_transcript_unsent(transcript), 1, "stx");
    cr_expect_not(push_text("sto"));
    rp_transcript_finish(transcript);
    expect_part(rp_transcript_unsent(transcript), 4, "stxsto");
}

/* -- cutting ----------------------------------------------------------------------------------- */

Test(transcript, cut_ends_behind_the_last_token_sent)
{
    rp_transcript_spec spec = spec_of(4);
    begin(&spec);
    push('a');
    rp_transcript_chunk_sent(transcript);
    push_text("bcde");
    rp_transcript_chunk_sent(transcript);
    push_text("fgh");
    cr_expect_eq(rp_transcript_digest(transcript).low, 8);
    rp_transcript_cut(transcript);
    expect_part(rp_transcript_unsent(transcript), 0, "");
    expect_part(rp_transcript_whole(transcript), 5, "abcde");
    cr_expect_eq(rp_transcript_digest(transcript).low, 5);
    cr_expect_eq(rp_transcript_digest(transcript).high, ~UINT64_C(5));
}

Test(transcript, cut_releases_what_the_sent_tokens_held_and_no_more)
{
    begin_stopping(1, "stop");
    push('a');
    rp_transcript_chunk_sent(transcript);
    push('s');
    push('t');
    rp_transcript_chunk_sent(transcript); /* "st" is held */
    push('x');                            /* lets "stx" out, but is not sent */
    push(0xC3);
    expect_part(rp_transcript_unsent(transcript), 2, "stx");
    rp_transcript_cut(transcript);
    expect_part(rp_transcript_unsent(transcript), 0, "st");
    expect_part(rp_transcript_whole(transcript), 3, "ast");
    /* A character that was sent in part. */
    begin_stopping(1, "stop");
    push(0xC3);
    rp_transcript_chunk_sent(transcript);
    push(0xA9);
    rp_transcript_cut(transcript);
    expect_part(rp_transcript_unsent(transcript), 0, "\xEF\xBF\xBD");
    /* Nothing was sent. */
    begin_stopping(1, "stop");
    push_text("as");
    rp_transcript_cut(transcript);
    expect_part(rp_transcript_whole(transcript), 0, "");
    cr_expect_eq(rp_transcript_digest(transcript).low, 0);
    cr_expect_eq(rp_transcript_digest(transcript).high, 0);
}

Test(transcript, cut_undoes_a_stop_that_was_not_sent)
{
    begin_stopping(4, "ab");
    push('x');
    rp_transcript_chunk_sent(transcript);
    cr_expect(push_text("ab"));
    rp_transcript_cut(transcript);
    expect_part(rp_transcript_whole(transcript), 1, "x");
}

/* Whatever is sent when: the parts together are the whole, and the whole is that of another run
 * which never sent anything. */
Test(transcript, parts_together_are_the_whole)
{
    static const char text[] = "one st two sto \xE4\xBD\xA0 stop not seen";
    rp_buffer parts;
    rp_buffer_init(&parts, 1 << 12);
    for (uint32_t size = 1; size < 8; size++) {
        rp_buffer_clear(&parts);
        begin_stopping(size, "stop");
        size_t tokens = 0;
        bool stopped = false;
        for (const char *p = text; !stopped; p++) {
            stopped = push((uint8_t)*p);
            if (stopped)
                rp_transcript_finish(transcript);
            if (!stopped && !rp_transcript_chunk_due(transcript))
                continue;
            rp_transcript_part part = rp_transcript_unsent(transcript);
            rp_buffer_append(&parts, part.text.data, part.text.len);
            tokens += part.count;
            rp_transcript_chunk_sent(transcript);
        }
        cr_expect_str_eq(rp_buffer_string(&parts), "one st two sto \xE4\xBD\xA0 ");
        cr_expect_eq(tokens, strlen("one st two sto xxx stop"));
        expect_part(rp_transcript_whole(transcript), tokens, rp_buffer_string(&parts));
    }
    rp_buffer_done(&parts);
}

/* -- bounds ------------------------------------------------------------------------------------ */

Test(transcript, is_bounded)
{
    rp_transcript *small;
    rp_transcript_spec spec = spec_of(1);
    rp_sampler_choice choice = {.token = TINY_BYTES + 'x'};
    bool stopped = true;
    cr_assert_eq(rp_transcript_new(40, &small), RP_OK);
    cr_assert_eq(rp_transcript_begin(small, &spec, NULL), RP_OK);
    for (size_t i = 0; i < 10; i++)
        cr_assert_eq(rp_transcript_push(small, &choice, (rp_hash128){0}, &stopped), RP_OK);
    cr_expect_not(stopped);
    cr_expect_eq(rp_transcript_push(small, &choice, (rp_hash128){0}, &stopped), RP_LIMIT);
    cr_expect_eq(rp_transcript_whole(small).count, 10);
    spec.logprobs = true;
    cr_assert_eq(rp_transcript_begin(small, &spec, NULL), RP_OK);
    for (size_t i = 0; i < 8 * 40 / sizeof choice; i++)
        cr_assert_eq(rp_transcript_push(small, &choice, (rp_hash128){0}, &stopped), RP_OK);
    cr_expect_eq(rp_transcript_push(small, &choice, (rp_hash128){0}, &stopped), RP_LIMIT);
    rp_bytes stops[17];
    for (size_t i = 0; i < 17; i++)
        stops[i] = rp_bytes_text("s");
    spec.stops = stops;
    spec.stop_count = 17;
    cr_expect_eq(rp_transcript_begin(small, &spec, NULL), RP_LIMIT);
    rp_transcript_free(small);
}
