#include "runtime/bus/nkey.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

enum {
    KEY_BYTES = 32,
    SEED_BYTES = 2 + KEY_BYTES + 2,
    PUBLIC_BYTES = 1 + KEY_BYTES + 2,
    PREFIX_SEED = 18 << 3 /* base32 'S' in the top five bits */
};

static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* CRC-16/XMODEM: polynomial 0x1021, start 0. */
static uint16_t crc16(const uint8_t *bytes, size_t len)
{
    uint16_t crc = 0;
    for (size_t i = 0; i < len; i++) {
        crc = (uint16_t)(crc ^ bytes[i] << 8);
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
    }
    return crc;
}

static rp_status decode(rp_bytes seed, uint8_t raw[SEED_BYTES])
{
    uint32_t bits = 0;
    unsigned held = 0;
    size_t n = 0;
    if (seed.len != RP_NKEY_SEED_LEN)
        return RP_INVALID;
    for (size_t i = 0; i < seed.len; i++) {
        const char *digit = seed.data[i] ? strchr(base32, seed.data[i]) : NULL;
        if (!digit)
            return RP_INVALID;
        bits = bits << 5 | (uint32_t)(digit - base32);
        held += 5;
        if (held >= 8) {
            held -= 8;
            raw[n++] = (uint8_t)(bits >> held);
        }
    }
    if ((raw[0] & 0xF8) != PREFIX_SEED ||
        crc16(raw, SEED_BYTES - 2) != rp_load_u16(raw + SEED_BYTES - 2))
        return RP_INVALID;
    return RP_OK;
}

static void encode(const uint8_t raw[PUBLIC_BYTES], char text[RP_NKEY_PUBLIC_BYTES])
{
    uint32_t bits = 0;
    unsigned held = 0;
    size_t n = 0;
    for (size_t i = 0; i < PUBLIC_BYTES; i++) {
        bits = bits << 8 | raw[i];
        held += 8;
        while (held >= 5) {
            held -= 5;
            text[n++] = base32[bits >> held & 31];
        }
    }
    RP_ASSERT(held == 0 && n == RP_NKEY_PUBLIC_BYTES - 1);
    text[n] = '\0';
}

rp_status rp_nkey_public(rp_bytes seed, char public_key[RP_NKEY_PUBLIC_BYTES])
{
    uint8_t raw[SEED_BYTES] = {0}, out[PUBLIC_BYTES] = {0};
    size_t len = KEY_BYTES;
    rp_status status = decode(seed, raw);
    if (status == RP_OK) {
        EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, raw + 2, KEY_BYTES);
        if (!key || EVP_PKEY_get_raw_public_key(key, out + 1, &len) != 1)
            status = RP_NO_MEMORY;
        EVP_PKEY_free(key);
    }
    if (status == RP_OK) {
        /* The seed's two prefix bytes hold five bits of "seed" and eight of whose it is. */
        out[0] = (uint8_t)((raw[0] & 7) << 5 | raw[1] >> 3);
        uint16_t crc = crc16(out, PUBLIC_BYTES - 2);
        out[PUBLIC_BYTES - 2] = (uint8_t)crc;
        out[PUBLIC_BYTES - 1] = (uint8_t)(crc >> 8);
        encode(out, public_key);
    }
    OPENSSL_cleanse(raw, sizeof raw);
    return status;
}
