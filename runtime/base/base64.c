#include "runtime/base/base64.h"

static const char alphabet[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

rp_status rp_base64_url(rp_bytes bytes, char *text, size_t text_bytes)
{
    if (bytes.len > SIZE_MAX / 2 || RP_BASE64_BYTES(bytes.len) > text_bytes)
        return RP_LIMIT;
    char *out = text;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t bits = (uint32_t)bytes.data[i] << 16;
        if (left > 1)
            bits |= (uint32_t)bytes.data[i + 1] << 8;
        if (left > 2)
            bits |= bytes.data[i + 2];
        *out++ = alphabet[bits >> 18];
        *out++ = alphabet[bits >> 12 & 63];
        *out++ = left > 1 ? alphabet[bits >> 6 & 63] : '=';
        *out++ = left > 2 ? alphabet[bits & 63] : '=';
    }
    *out = '\0';
    return RP_OK;
}

/* 64 for a character that is none of the alphabet's. */
static uint32_t value_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0') + 52;
    return c == '-' ? 62 : c == '_' ? 63 : 64;
}

rp_status rp_base64_url_parse(rp_bytes text, void *bytes, size_t bytes_max, size_t *ret_len)
{
    size_t padding = 0, len = 0;
    uint32_t bits = 0, count = 0;
    while (padding < 2 && text.len > 0 && text.data[text.len - 1] == '=') {
        text.len--;
        padding++;
    }
    if (text.len % 4 == 1 || (padding > 0 && (text.len + padding) % 4 != 0))
        return RP_INVALID;
    if (text.len / 4 * 3 + text.len % 4 * 3 / 4 > bytes_max)
        return RP_LIMIT;
    for (size_t i = 0; i < text.len; i++) {
        uint32_t value = value_of(text.data[i]);
        if (value == 64)
            return RP_INVALID;
        bits = bits << 6 | value;
        count += 6;
        if (count < 8)
            continue;
        count -= 8;
        ((uint8_t *)bytes)[len++] = (uint8_t)(bits >> count);
        bits &= (UINT32_C(1) << count) - 1;
    }
    if (bits != 0) /* another text would give the same bytes */
        return RP_INVALID;
    *ret_len = len;
    return RP_OK;
}
