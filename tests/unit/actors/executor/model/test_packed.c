#include "actors/executor/model/packed.h"

#include <stdlib.h>

#include <criterion/criterion.h>

#include "kernels/cpu/canon/pack.h"
#include "runtime/base/rng.h"

enum { ROWS = 1000, COLS = 256, BYTES = ROWS * 4 * COLS };

static uint8_t *noise(void)
{
    uint8_t *bytes = malloc(BYTES);
    for (uint32_t i = 0; i < BYTES; i++)
        bytes[i] = (uint8_t)rp_rng_philox(1, i, 0).word[0];
    return bytes;
}

static rp_canon_matrix matrix_of(const uint8_t *bytes, uint32_t type, size_t rows)
{
    rp_canon_matrix matrix;
    uint64_t size = rows * rp_canon_row_bytes(type, COLS);
    cr_assert(rp_canon_matrix_init(type, rows, COLS, bytes, size, &matrix));
    return matrix;
}

/* Each matrix is packed as pack.h has it, whatever the threads, none over the next one. */
Test(packed, matrices_are_packed_by_any_crew)
{
    static const uint32_t types[] = {RP_CANON_Q8_0, RP_CANON_Q4_K, RP_CANON_Q6_K, RP_CANON_F32};
    uint8_t *bytes = noise();
    for (unsigned threads = 0; threads <= 3; threads++) {
        rp_canon_matrix matrices[4], *all[4];
        rp_crew *crew = NULL;
        rp_packed *packed;
        uint64_t total = 0;
        if (threads > 0)
            cr_assert_eq(rp_crew_new(threads, NULL, &crew, NULL), RP_OK);
        for (size_t i = 0; i < 4; i++) {
            matrices[i] = matrix_of(bytes, types[i], ROWS - 7 * i);
            all[i] = &matrices[i];
            total += rp_canon_packed_bytes(&matrices[i]);
        }
        cr_assert_eq(rp_packed_new(all, 4, crew, &packed, NULL), RP_OK);
        cr_expect_eq(rp_packed_bytes(packed), total);
        for (size_t i = 0; i < 4; i++) {
            size_t size = (size_t)rp_canon_packed_bytes(&matrices[i]);
            uint8_t *expected = malloc(size);
            rp_canon_pack(&matrices[i], 0, rp_canon_groups(&matrices[i]), expected);
            cr_expect_eq((uintptr_t)matrices[i].packed % RP_CANON_PACKED_ALIGNMENT, 0);
            cr_expect_arr_eq(
                matrices[i].packed, expected, size, "matrix %zu, %u threads", i, threads);
            free(expected);
        }
        rp_packed_free(packed);
        rp_crew_free(crew);
    }
    free(bytes);
    rp_packed_free(NULL);
}
