/* The public name of an nkey seed.
 *
 * A seed is an Ed25519 key written as text: two prefix bytes (a seed; whose: user, account...), 32
 * bytes, and a CRC-16 of them, in base32 without padding; "SU..." is a user's. The public key is
 * one prefix byte, 32 bytes and the CRC, and begins with "U". nats.c signs with a seed file and
 * wants to be told the public key: this computes it. The arithmetic is OpenSSL's.
 */
#ifndef RUNTIME_BUS_NKEY_H
#define RUNTIME_BUS_NKEY_H

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

enum { RP_NKEY_SEED_LEN = 58, RP_NKEY_PUBLIC_BYTES = 57 };

/* Writes the public key of `seed` and a NUL. RP_INVALID where it is no seed or its checksum fails;
 * RP_NO_MEMORY. The seed's bytes are wiped from the memory used on the way. */
RP_MUST_USE rp_status rp_nkey_public(rp_bytes seed, char public_key[RP_NKEY_PUBLIC_BYTES]);

#endif
