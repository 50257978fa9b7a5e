/* Digests of replicas, whichever side comes first; and verdicts. */
#include "runtime/actor/fold/witness.h"

#include <criterion/criterion.h>

#include "runtime/actor/fold/verdicts.h"

static const rp_hash128 one = {1, 0}, other = {1, 1};

Test(witness, a_difference_is_seen_from_either_side)
{
    rp_witness w = {0};
    cr_expect(rp_witness_own(&w, 4096, one));
    cr_expect(rp_witness_stored(&w, 4096, one));
    cr_expect(!rp_witness_stored(&w, 4096, other));
    w = (rp_witness){0};
    cr_expect(rp_witness_stored(&w, 4096, one), "it comes before we are there");
    cr_expect(rp_witness_own(&w, 8192, other));
    cr_expect(!rp_witness_own(&w, 4096, other));
}

Test(witness, memory_is_bounded)
{
    rp_witness w = {0};
    cr_expect(rp_witness_stored(&w, 4096, one));
    for (uint64_t i = 2; i < 2 + RP_WITNESS_KEPT; i++)
        cr_expect(rp_witness_stored(&w, i * 4096, one));
    cr_expect(rp_witness_own(&w, 4096, other), "forgotten");
    cr_expect(
        !rp_witness_own(&w, (1 + RP_WITNESS_KEPT) * UINT64_C(4096), other), "the newest is kept");
}

static rp_verdict of(const rp_verdicts *v, uint64_t sequence, uint64_t folded)
{
    const rp_refusal *refusal = NULL;
    rp_verdict verdict = rp_verdicts_of(v, sequence, folded, &refusal);
    cr_expect_eq(verdict == RP_VERDICT_REFUSED, refusal != NULL);
    cr_expect(!refusal || refusal->code == (Rp__Error__Code)(1 + sequence % 7));
    return verdict;
}

static void refuse(rp_verdicts *v, uint64_t sequence)
{
    rp_refusal refusal = {.code = (Rp__Error__Code)(1 + sequence % 7)};
    rp_verdicts_folded(v, sequence);
    rp_verdicts_refused(v, sequence, &refusal);
}

Test(verdicts, of_recent_messages)
{
    rp_verdicts v;
    cr_assert_eq(rp_verdicts_init(&v, 3), RP_OK);
    rp_verdicts_reset(&v, 10);
    cr_expect_eq(of(&v, 10, 10), RP_VERDICT_TOO_OLD, "it lies in the snapshot");
    cr_expect_eq(of(&v, 11, 10), RP_VERDICT_NOT_YET);
    for (uint64_t sequence = 11; sequence <= 20; sequence++) {
        if (sequence % 3 || sequence > 18)
            rp_verdicts_folded(&v, sequence);
        else
            refuse(&v, sequence);
    }
    for (uint64_t sequence = 11; sequence <= 20; sequence++)
        cr_expect_eq(of(&v, sequence, 20),
            sequence % 3 || sequence > 18 ? RP_VERDICT_ACCEPTED : RP_VERDICT_REFUSED);
    refuse(&v, 21); /* 12 falls off: what was before it is not known any more */
    cr_expect_eq(of(&v, 12, 21), RP_VERDICT_TOO_OLD);
    cr_expect_eq(of(&v, 13, 21), RP_VERDICT_ACCEPTED);
    cr_expect_eq(of(&v, 15, 21), RP_VERDICT_REFUSED);
    cr_expect_eq(of(&v, 21, 21), RP_VERDICT_REFUSED);
    rp_verdicts_reset(&v, 30);
    cr_expect_eq(of(&v, 21, 30), RP_VERDICT_TOO_OLD);
    rp_verdicts_done(&v);
    cr_expect_eq(rp_verdicts_init(&v, 0), RP_INVALID);
}

Test(verdicts, of_what_was_not_folded_here)
{
    const uint64_t far = 40 + 3 * UINT64_C(1) * RP_VERDICTS_SEQUENCES;
    rp_verdicts v;
    cr_assert_eq(rp_verdicts_init(&v, 3), RP_OK);
    rp_verdicts_reset(&v, 10);
    rp_verdicts_folded(&v, 11);
    rp_verdicts_folded(&v, 40);
    cr_expect_eq(of(&v, 11, 45), RP_VERDICT_ACCEPTED);
    cr_expect_eq(of(&v, 12, 45), RP_VERDICT_NOT_OURS, "between two of ours");
    cr_expect_eq(of(&v, 40, 45), RP_VERDICT_ACCEPTED);
    cr_expect_eq(of(&v, 41, 45), RP_VERDICT_NOT_OURS, "behind our last one");
    rp_verdicts_folded(&v, far);
    cr_expect_eq(of(&v, far, far), RP_VERDICT_ACCEPTED);
    cr_expect_eq(of(&v, far - 1, far), RP_VERDICT_NOT_OURS);
    cr_expect_eq(of(&v, far - RP_VERDICTS_SEQUENCES + 11, far), RP_VERDICT_NOT_OURS,
        "what stood in its place is forgotten");
    cr_expect_eq(of(&v, far - RP_VERDICTS_SEQUENCES, far), RP_VERDICT_TOO_OLD);
    rp_verdicts_folded(&v, far + 1);
    cr_expect_eq(of(&v, far, far + RP_VERDICTS_SEQUENCES - 1), RP_VERDICT_ACCEPTED);
    cr_expect_eq(of(&v, far, far + RP_VERDICTS_SEQUENCES), RP_VERDICT_TOO_OLD);
    rp_verdicts_reset(&v, 10);
    cr_expect_eq(of(&v, 11, 11), RP_VERDICT_NOT_OURS);
    rp_verdicts_done(&v);
}
