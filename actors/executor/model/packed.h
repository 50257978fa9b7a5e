/* Packed weights: a model's matrices once more, as its kernels want them (kernels/cpu/canon/pack.h).
 *
 * Packing moves bits and computes nothing, so no answer depends on it. It is done once, when a model
 * is loaded, by all threads of a crew: it reads the file's tensors and writes as many bytes again,
 * as fast as memory does. Where the system gives large pages the memory is of those, so that a pass,
 * which reads all of it, waits less for addresses.
 *
 *     rp_canon_matrix *all[] = {&layer->query, &layer->key};
 *     rp_packed *packed;
 *     if (rp_packed_new(all, 2, crew, &packed, reterr) != RP_OK) ...
 *     ... all[i]->packed is set ...
 *     rp_packed_free(packed);
 *
 * It never changes; any thread may read.
 */
#ifndef ACTORS_EXECUTOR_MODEL_PACKED_H
#define ACTORS_EXECUTOR_MODEL_PACKED_H

#include "actors/executor/model/crew.h"
#include "kernels/cpu/canon/matrix.h"

typedef struct rp_packed rp_packed;

/* Packs `count` valid matrices and sets the `packed` of each, which lives until rp_packed_free.
 * `crew` is borrowed for the call; NULL: the caller does it alone. RP_NO_MEMORY, with the bytes. */
RP_MUST_USE rp_status rp_packed_new(rp_canon_matrix *const *matrices, size_t count, rp_crew *crew,
    rp_packed **ret_packed, rp_error *reterr);

/* Accepts NULL. */
void rp_packed_free(rp_packed *packed);

uint64_t rp_packed_bytes(const rp_packed *packed);

#endif
