#include "tests/bench/canon/read_memory.h"

#include "runtime/base/bytes.h"

/* Sixteen sums, which become whole registers of whatever width the compiler may use. */
uint64_t bench_read(const uint8_t *p, size_t bytes)
{
    uint64_t sums[16] = {0}, all = 0;
    for (size_t i = 0; i < bytes; i += sizeof sums) {
        for (size_t j = 0; j < 16; j++)
            sums[j] ^= rp_load_u64(p + i + 8 * j);
    }
    for (size_t j = 0; j < 16; j++)
        all ^= sums[j];
    return all;
}
