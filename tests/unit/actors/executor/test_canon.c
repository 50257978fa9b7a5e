/* --canon: the kernels that an executor computes with. */
#include <criterion/criterion.h>

#include "kernels/cpu/canon/canon.h"
#include "tests/unit/actors/executor/rig.h"

/* Whatever the kernels, RESULT is the same to the byte, its digest included; and the metrics say
 * which they were. */
Test(canon, every_table_answers_alike)
{
    char *first = NULL, wanted[64];
    const rp_canon_kernels *kernels;
    for (size_t i = 0; (kernels = rp_canon_kernels_at(i)); i++) {
        rp_error error = {0};
        rp_buffer metrics;
        rig *r = rig_open_with(1, kernels->name, &error);
        cr_assert(r, "%s", error.message);
        rig_deliver(r, &(rig_work){.prompt_tokens = 20, .max_tokens = 8, .logprobs = 2});
        rig_settle_down(r);
        rig_expect(rig_result(r), "\"digest\":\"");
        if (first)
            cr_expect_str_eq(rig_result(r), first, "%s", kernels->name);
        else
            first = strdup(rig_result(r));
        rp_buffer_init(&metrics, 1 << 20);
        rp_metrics_expose(r->metrics, &metrics);
        snprintf(wanted, sizeof wanted, "reprise_canon_info{kernels=\"%s\"} 1", kernels->name);
        rig_expect(rp_buffer_string(&metrics), wanted);
        rp_buffer_done(&metrics);
        rig_close(r);
    }
    free(first);
}

Test(canon, auto_is_the_fastest)
{
    rp_error error = {0};
    rp_buffer metrics;
    char wanted[64];
    rig *r = rig_open_with(1, "auto", &error);
    cr_assert(r, "%s", error.message);
    rp_buffer_init(&metrics, 1 << 20);
    rp_metrics_expose(r->metrics, &metrics);
    snprintf(wanted, sizeof wanted, "kernels=\"%s\"", rp_canon_kernels_best()->name);
    rig_expect(rp_buffer_string(&metrics), wanted);
    rp_buffer_done(&metrics);
    rig_close(r);
}

/* A word that is no table, and a table of other machines. */
Test(canon, what_the_machine_has_not_is_refused_with_what_it_has)
{
    const char *other = rp_canon_kernels_named("neon") ? "avx2" : "neon";
    const char *const names[] = {"", "AVX512", "sse", other};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        rp_error error = {0};
        cr_assert_null(rig_open_with(1, names[i], &error), "%s", names[i]);
        cr_expect_str_eq(error.field, "canon");
        cr_expect(strstr(error.message, rp_canon_kernels_best()->name), "%s", error.message);
    }
}
