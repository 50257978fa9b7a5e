/* UTF-8, one character at a time (Unicode 15, table 3-7).
 *
 * Bytes that are no UTF-8 are divided in one way only, by maximal subparts: the longest run that
 * begins some character and cannot be continued counts as one fault, any other byte as one of its
 * own. So replacing each fault by U+FFFD gives one text, wherever the bytes were cut on their way.
 */
#ifndef RUNTIME_BASE_UTF8_H
#define RUNTIME_BASE_UTF8_H

#include "runtime/base/bytes.h"

/* U+FFFD, which stands for what is no UTF-8. */
#define RP_UTF8_REPLACEMENT "\xEF\xBF\xBD"

enum { RP_UTF8_CHARACTER_MAX = 4 /* bytes */ };

typedef enum rp_utf8 {
    RP_UTF8_WHOLE, /* a character */
    RP_UTF8_CUT,   /* the bytes end where a character may go on */
    RP_UTF8_BROKEN /* a maximal subpart, or a byte that begins nothing */
} rp_utf8;

/* What stands at the start of `bytes` (at least one), and how many bytes of it that takes. */
rp_utf8 rp_utf8_next(rp_bytes bytes, size_t *ret_len);

/* Bytes of the character that stands at `data` (len at least 1); 0 where none does. */
size_t rp_utf8_length(const uint8_t *data, size_t len);

/* Whether all of it is UTF-8. */
bool rp_utf8_valid(rp_bytes bytes);

/* The longest start of `bytes` that has at most `bytes_max` and ends between two characters. */
rp_bytes rp_utf8_cut(rp_bytes bytes, size_t bytes_max);

#endif
