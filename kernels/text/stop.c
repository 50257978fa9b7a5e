#include "kernels/text/stop.h"

#include <assert.h>

#include "runtime/base/utf8.h"

static_assert(RP_STOP_BYTES_MAX <= 256, "back[] holds lengths below a string's");

/* back[i]: the longest start of the string, shorter than i + 1, that its first i + 1 bytes end
 * with. */
static void prepare(const uint8_t *bytes, size_t len, uint8_t *back)
{
    size_t matched = 0;
    back[0] = 0;
    for (size_t i = 1; i < len; i++) {
        while (matched > 0 && bytes[i] != bytes[matched])
            matched = back[matched - 1];
        matched += bytes[i] == bytes[matched];
        back[i] = (uint8_t)matched;
    }
}

rp_status rp_stop_init(rp_stop *stop, const rp_bytes *strings, size_t count, rp_error *reterr)
{
    if (count > RP_STOP_STRINGS_MAX)
        return rp_error_limit(reterr, "stop", "16 strings", "%zu stop strings, at most %d", count,
            RP_STOP_STRINGS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (strings[i].len == 0)
            return rp_error_set(reterr, RP_INVALID, "stop", "stop string %zu is empty", i);
        if (strings[i].len > RP_STOP_BYTES_MAX)
            return rp_error_limit(reterr, "stop", "256 bytes",
                "stop string %zu has %zu bytes, at most %d", i, strings[i].len, RP_STOP_BYTES_MAX);
        if (!rp_utf8_valid(strings[i]))
            return rp_error_set(reterr, RP_INVALID, "stop", "stop string %zu is not UTF-8", i);
    }
    stop->count = count;
    for (size_t i = 0; i < count; i++) {
        stop->len[i] = (uint16_t)strings[i].len;
        memcpy(stop->bytes[i], strings[i].data, strings[i].len);
        prepare(stop->bytes[i], strings[i].len, stop->back[i]);
    }
    return RP_OK;
}

size_t rp_stop_push(const rp_stop *stop, rp_stop_state *state, uint8_t byte)
{
    size_t longest = 0;
    for (size_t i = 0; i < stop->count; i++) {
        const uint8_t *bytes = stop->bytes[i];
        size_t matched = state->matched[i];
        while (matched > 0 && bytes[matched] != byte)
            matched = stop->back[i][matched - 1];
        matched += bytes[matched] == byte;
        state->matched[i] = (uint16_t)matched;
        if (matched == stop->len[i] && matched > longest)
            longest = matched;
    }
    return longest;
}

size_t rp_stop_held(const rp_stop *stop, const rp_stop_state *state)
{
    size_t held = 0;
    for (size_t i = 0; i < stop->count; i++) {
        if (state->matched[i] > held)
            held = state->matched[i];
    }
    return held;
}
