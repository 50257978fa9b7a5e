/* Stop strings: where a text that comes bit by bit ends.
 *
 * Several strings are looked for at once, byte by byte, so a match may start in one token and end
 * in another. The earliest end wins; of strings that end at the same byte, the longest. The strings
 * are UTF-8, so that a match starts and ends between characters. Each string is followed by its own
 * automaton (Knuth, Morris, Pratt): a byte costs a look per string.
 *
 *     rp_stop stop;
 *     if (rp_stop_init(&stop, strings, count, reterr) != RP_OK) ...
 *     rp_stop_state state = {0};
 *     for (...)
 *         if (rp_stop_push(&stop, &state, byte) > 0) ... // that many bytes back, the string starts
 *
 * The strings never change after init and may be shared; a state belongs to one text.
 */
#ifndef KERNELS_TEXT_STOP_H
#define KERNELS_TEXT_STOP_H

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

enum {
    RP_STOP_STRINGS_MAX = 16,
    RP_STOP_BYTES_MAX = 256 /* of each string */
};

/* In the caller's storage (8 KiB), nothing to free; `count` may be read. Zeros are no strings. */
typedef struct rp_stop {
    size_t count;
    uint16_t len[RP_STOP_STRINGS_MAX];
    uint8_t bytes[RP_STOP_STRINGS_MAX][RP_STOP_BYTES_MAX];
    uint8_t back[RP_STOP_STRINGS_MAX][RP_STOP_BYTES_MAX]; /* where to go on after a miss */
} rp_stop;

/* How much of each string stands at the text's end. Starts cleared. */
typedef struct rp_stop_state {
    uint16_t matched[RP_STOP_STRINGS_MAX];
} rp_stop_state;

/* Copies the strings. RP_LIMIT where there are too many or one is too long; RP_INVALID where one is
 * empty or not UTF-8. */
RP_MUST_USE rp_status rp_stop_init(
    rp_stop *stop, const rp_bytes *strings, size_t count, rp_error *reterr);

/* Takes the text's next byte. Where a string ends with it, returns the string's length, else 0.
 * After a match the text is over: the state is not to be used again. */
size_t rp_stop_push(const rp_stop *stop, rp_stop_state *state, uint8_t byte);

/* How many bytes at the text's end may still turn out to begin a stop string. */
size_t rp_stop_held(const rp_stop *stop, const rp_stop_state *state);

#endif
