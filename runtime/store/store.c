#include "runtime/store/store.h"

#include <inttypes.h>
#include <stdio.h>

bool rp_store_is_bucket(const char *bucket)
{
    size_t len = strlen(bucket);
    for (const char *c = bucket; *c; c++) {
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
                *c == '-' || *c == '_'))
            return false;
    }
    return len > 0 && len <= RP_STORE_BUCKET_MAX;
}

void rp_store_identity(rp_store *store, char identity[RP_STORE_IDENTITY_BYTES])
{
    snprintf(
        identity, RP_STORE_IDENTITY_BYTES, "%.128s/%" PRIu64, store->instance, ++store->identities);
}
