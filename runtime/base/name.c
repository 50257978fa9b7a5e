#include "runtime/base/name.h"

#include <inttypes.h>
#include <stdio.h>

#include "runtime/base/hash.h"

static bool is_plain(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

rp_status rp_name_encode(rp_bytes name, char *token, size_t token_bytes)
{
    static const char hex[] = "0123456789ABCDEF";
    if (name.len == 0)
        return RP_INVALID;
    if (name.len > RP_NAME_MAX)
        return RP_LIMIT;
    size_t n = 0;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        if (n + (is_plain(c) ? 2 : 4) > token_bytes) /* with the NUL */
            return RP_LIMIT;
        if (is_plain(c)) {
            token[n++] = (char)c;
        } else {
            token[n++] = '=';
            token[n++] = hex[c >> 4];
            token[n++] = hex[c & 15];
        }
    }
    token[n] = '\0';
    return RP_OK;
}

rp_status rp_name_decode(rp_bytes token, char *name, size_t name_bytes, size_t *ret_len)
{
    size_t n = 0;
    if (token.len == 0)
        return RP_INVALID;
    for (size_t i = 0; i < token.len; i++) {
        uint8_t c = token.data[i];
        if (c == '=') {
            int high = i + 2 < token.len ? hex_value(token.data[i + 1]) : -1;
            int low = i + 2 < token.len ? hex_value(token.data[i + 2]) : -1;
            if (high < 0 || low < 0 || is_plain((uint8_t)(high << 4 | low)))
                return RP_INVALID;
            c = (uint8_t)(high << 4 | low);
            i += 2;
        } else if (!is_plain(c)) {
            return RP_INVALID;
        }
        if (n + 2 > name_bytes || n == RP_NAME_MAX)
            return RP_LIMIT;
        name[n++] = (char)c;
    }
    name[n] = '\0';
    *ret_len = n;
    return RP_OK;
}

bool rp_name_is_request(rp_bytes text)
{
    bool digits_alone = true;
    if (text.len == 0 || text.len > RP_REQUEST_ID_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_plain(text.data[i]))
            return false;
        digits_alone = digits_alone && text.data[i] >= '0' && text.data[i] <= '9';
    }
    return !digits_alone;
}

/* Tokens of printable ASCII, none of them empty. */
static bool is_tokens(rp_bytes subject)
{
    bool token_empty = true;
    for (size_t i = 0; i < subject.len; i++) {
        uint8_t c = subject.data[i];
        if (c <= ' ' || c >= 0x7F || (c == '.' && token_empty))
            return false;
        token_empty = c == '.';
    }
    return !token_empty;
}

bool rp_name_is_subject(rp_bytes subject)
{
    return is_tokens(subject) && !memchr(subject.data, '*', subject.len) &&
           !memchr(subject.data, '>', subject.len);
}

bool rp_name_is_filter(rp_bytes subject)
{
    if (!is_tokens(subject))
        return false;
    for (size_t i = 0; i < subject.len; i++) {
        bool wild = subject.data[i] == '*' || subject.data[i] == '>';
        bool first = i == 0 || subject.data[i - 1] == '.';
        bool last = i + 1 == subject.len;
        bool token = first && (last || subject.data[i + 1] == '.');
        if (wild && (!token || (subject.data[i] == '>' && !last)))
            return false;
    }
    return true;
}

rp_bytes rp_name_token(rp_bytes subject, size_t index)
{
    size_t start = 0;
    for (size_t i = 0; subject.len > 0 && i <= subject.len; i++) {
        if (i < subject.len && subject.data[i] != '.')
            continue;
        if (index-- == 0)
            return rp_bytes_of(subject.data + start, i - start);
        start = i + 1;
    }
    return rp_bytes_of(NULL, 0);
}

uint32_t rp_name_lane_index(rp_bytes key, uint32_t lanes)
{
    RP_ASSERT(lanes > 0);
    return rp_hash_fnv1a32(key) % lanes;
}

void rp_name_lane(uint32_t index, char lane[RP_NAME_LANE_BYTES])
{
    snprintf(lane, RP_NAME_LANE_BYTES, "normal-%" PRIu32, index);
}
