#include "actors/executor/model/packed.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "kernels/cpu/canon/pack.h"

enum { PAGE_BYTES = 2 << 20 /* of a large page */, LINE_BYTES = 64, GROUPS_GRAIN = 16 };

struct rp_packed {
    uint8_t *memory;
    uint64_t bytes;
};

/* A matrix and where it goes. */
typedef struct job {
    const rp_canon_matrix *matrix;
    uint8_t *to;
} job;

static void pack_groups(void *arg, unsigned thread, size_t first, size_t count)
{
    const job *j = arg;
    (void)thread;
    rp_canon_pack(j->matrix, first, count, j->to);
}

static void pack_matrix(rp_canon_matrix *matrix, uint8_t *to, rp_crew *crew)
{
    job j = {matrix, to};
    size_t groups = rp_canon_groups(matrix);
    if (crew)
        rp_crew_run(crew, groups, GROUPS_GRAIN, pack_groups, &j);
    else
        pack_groups(&j, 0, 0, groups);
    matrix->packed = to;
}

/* Every matrix has less than 2^47 bytes, and a file has fewer than 2^16 of them. */
static uint64_t bytes_of(rp_canon_matrix *const *matrices, size_t count)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += rp_canon_packed_bytes(matrices[i]);
    return bytes;
}

rp_status rp_packed_new(rp_canon_matrix *const *matrices, size_t count, rp_crew *crew,
    rp_packed **ret_packed, rp_error *reterr)
{
    rp_packed *packed = malloc(sizeof *packed);
    uint64_t bytes = bytes_of(matrices, count);
    uint64_t unit = bytes < PAGE_BYTES ? LINE_BYTES : PAGE_BYTES;
    uint64_t whole = (bytes + unit - 1) / unit * unit;
    if (packed)
        *packed = (rp_packed){aligned_alloc((size_t)unit, (size_t)whole), bytes};
    if (!packed || !packed->memory) {
        free(packed);
        return rp_error_set(
            reterr, RP_NO_MEMORY, NULL, "no memory for %" PRIu64 " bytes of packed weights", bytes);
    }
    if (unit == PAGE_BYTES)
        (void)madvise(packed->memory, (size_t)whole, MADV_HUGEPAGE); /* small ones do as well */
    uint64_t at = 0;
    for (size_t i = 0; i < count; i++) {
        pack_matrix(matrices[i], packed->memory + at, crew);
        at += rp_canon_packed_bytes(matrices[i]);
    }
    *ret_packed = packed;
    return RP_OK;
}

void rp_packed_free(rp_packed *packed)
{
    if (!packed)
        return;
    free(packed->memory);
    free(packed);
}

uint64_t rp_packed_bytes(const rp_packed *packed)
{
    return packed->bytes;
}
