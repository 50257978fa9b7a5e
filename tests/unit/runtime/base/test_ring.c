#include "runtime/base/ring.h"

#include <criterion/criterion.h>

Test(ring, first_in_first_out_across_the_seam)
{
    rp_ring ring;
    uint64_t in = 0, out = 0;
    cr_assert(rp_ring_init(&ring, sizeof(uint64_t), 7) == RP_OK);
    for (int round = 0; round < 1000; round++) {
        for (int i = 0; i < round % 8; i++) {
            uint64_t *slot = rp_ring_push(&ring);
            if (slot) {
                cr_assert(*slot == 0, "elements come cleared");
                *slot = ++in;
            } else {
                cr_assert(ring.count == 7);
            }
        }
        for (size_t i = 0; i < ring.count; i++)
            cr_assert(*(uint64_t *)rp_ring_at(&ring, i) == out + 1 + i);
        cr_assert(rp_ring_at(&ring, ring.count) == NULL);
        for (int i = 0; i < (round * 3) % 5 && ring.count > 0; i++) {
            cr_assert(*(uint64_t *)rp_ring_front(&ring) == ++out);
            rp_ring_pop(&ring);
        }
    }
    cr_assert(in > 500);
    rp_ring_done(&ring);
}

Test(ring, a_full_ring_refuses_and_pointers_stay)
{
    rp_ring ring;
    cr_assert(rp_ring_init(&ring, 3, 2) == RP_OK);
    cr_assert(rp_ring_front(&ring) == NULL);
    char *first = rp_ring_push(&ring);
    char *second = rp_ring_push(&ring);
    cr_assert(first && second && rp_ring_push(&ring) == NULL);
    memcpy(second, "two", 3);
    rp_ring_pop(&ring);
    cr_assert(rp_ring_front(&ring) == second && memcmp(second, "two", 3) == 0);
    cr_assert(rp_ring_push(&ring) == first);
    rp_ring_done(&ring);
    rp_ring_done(NULL);
}

Test(ring, bad_numbers_are_refused)
{
    rp_ring ring;
    cr_assert(rp_ring_init(&ring, 0, 4) == RP_INVALID);
    cr_assert(rp_ring_init(&ring, 4, 0) == RP_INVALID);
    cr_assert(rp_ring_init(&ring, SIZE_MAX / 2, 3) == RP_INVALID);
    rp_ring_done(&ring);
}
