/* Tokens to text, one token at a time: after each, what has become certain.
 *
 * A token's bytes may end inside a character, and what it says may be the start of a stop string.
 * So text comes out only once it can no longer change: whole characters, and nothing that may still
 * begin a stop string. At the end the held part is released, with U+FFFD for an unfinished
 * character; or, when a stop string is complete, the text is cut before it and nothing more comes.
 *
 * The whole text is a function of the tokens alone: joining what push and finish append gives the
 * same bytes however the tokens came. It is valid UTF-8 always: bytes that are no UTF-8 become
 * U+FFFD by maximal subparts (runtime/base/utf8.h). Stop strings are looked for in that text.
 *
 *     rp_detokenizer detokenizer;
 *     rp_detokenizer_init(&detokenizer, vocabulary, &stop, false);
 *     for (...) {
 *         rp_buffer_clear(&text);
 *         if (rp_detokenizer_push(&detokenizer, id, &text)) ... // a stop string is complete
 *         send(text);
 *     }
 *     rp_detokenizer_finish(&detokenizer, &text);
 *
 * In the caller's storage, nothing to free, no allocation but the buffer's. One thread at a time;
 * vocabulary and stop strings are shared and must outlive it.
 */
#ifndef KERNELS_TEXT_DETOKENIZER_H
#define KERNELS_TEXT_DETOKENIZER_H

#include "kernels/text/stop.h"
#include "kernels/text/vocabulary.h"
#include "runtime/base/buffer.h"
#include "runtime/base/utf8.h"

/* The fields are the detokenizer's own. */
typedef struct rp_detokenizer {
    const rp_vocabulary *vocabulary;
    const rp_stop *stop; /* NULL: none */
    rp_stop_state state;
    bool drop_space; /* the next text loses a space at its start */
    bool stopped;
    uint8_t part_len; /* of an unfinished character */
    uint8_t part[RP_UTF8_CHARACTER_MAX];
    size_t held_len;
    uint8_t held[RP_STOP_BYTES_MAX + RP_UTF8_CHARACTER_MAX];
} rp_detokenizer;

/* `stop` may be NULL. `whole` says that the tokens are a text from its start, as an encoder makes
 * them, and not an answer that goes on behind a prompt: then the space that the vocabulary puts
 * before a text (rp_vocabulary_add_space_prefix) is taken away again. */
void rp_detokenizer_init(
    rp_detokenizer *detokenizer, const rp_vocabulary *vocabulary, const rp_stop *stop, bool whole);

/* Takes a token (an id that is no token has no text) and appends what has become certain, often
 * nothing. True once a stop string is complete; the tokens after that are not looked at. */
bool rp_detokenizer_push(rp_detokenizer *detokenizer, int32_t id, rp_buffer *text);

/* Ends the text: appends what was held. The detokenizer then waits for rp_detokenizer_init. */
void rp_detokenizer_finish(rp_detokenizer *detokenizer, rp_buffer *text);

#endif
