/* Any bytes as a snapshot. What is read is written again, to the same bytes. */
#include "runtime/actor/fold/snapshot.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const rp_pairs_limits limits = {.pairs_max = 64,
        .key_bytes_max = 64,
        .value_bytes_max = 256,
        .bytes_max = 4096,
        .writes_max = 1};
    rp_pairs *pairs;
    rp_snapshot_head head;
    rp_error error = {0};
    RP_ASSERT(rp_pairs_new(&limits, &pairs) == RP_OK);
    if (rp_snapshot_read(rp_bytes_of(data, size), pairs, &head, &error) == RP_OK) {
        rp_buffer again;
        rp_buffer_init(&again, 1 << 16);
        RP_ASSERT(rp_snapshot_write(&head, pairs, &again) == RP_OK);
        RP_ASSERT(rp_bytes_equal(rp_buffer_bytes(&again), rp_bytes_of(data, size)));
        rp_buffer_done(&again);
    } else {
        RP_ASSERT(error.message[0] && rp_pairs_count(pairs) == 0);
    }
    rp_pairs_free(pairs);
    return 0;
}
