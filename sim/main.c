/* reprise-sim: the simulator's command line (sim/run builds and runs it). */
#include "runtime/base/decimal.h"
#include "runtime/base/options.h"
#include "sim/scenario/stage.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>

enum { FAILED_TOLD_MAX = 10, HELP_BYTES_MAX = 8 << 10, KEPT_BYTES = 1 << 30 };

typedef struct settings {
    uint64_t seeds, from, seed, failures_max;
    const char *scenario, *plant;
    bool trace, digests, list, help;
} settings;

/* clang-format off */
static const rp_option options[] = {
    {"seeds", 'n', RP_OPTION_COUNT, "N", NULL, "1000", "how many seeds to run",
        offsetof(settings, seeds), 1, 0},
    {"from", 0, RP_OPTION_COUNT, "S", NULL, "1", "the first of them",
        offsetof(settings, from), 0, 0},
    {"seed", 0, RP_OPTION_COUNT, "S", NULL, NULL, "run this one alone, and tell its digest",
        offsetof(settings, seed), 1, 0},
    {"trace", 't', RP_OPTION_FLAG, NULL, NULL, NULL,
        "with --seed: write down everything that happens",
        offsetof(settings, trace), 0, 0},
    {"scenario", 's', RP_OPTION_TEXT, "NAME", NULL, "request", "what is played",
        offsetof(settings, scenario), 0, 0},
    {"plant", 0, RP_OPTION_TEXT, "NAME", NULL, NULL, "with this bug, which must be found",
        offsetof(settings, plant), 0, 0},
    {"failures", 0, RP_OPTION_COUNT, "N", NULL, "10", "stop after so many seeds that failed",
        offsetof(settings, failures_max), 1, 0},
    {"digests", 0, RP_OPTION_FLAG, NULL, NULL, NULL, "a line a seed with its digest",
        offsetof(settings, digests), 0, 0},
    {"list", 0, RP_OPTION_FLAG, NULL, NULL, NULL, "name the scenarios and the bugs",
        offsetof(settings, list), 0, 0},
    {"help", 'h', RP_OPTION_FLAG, NULL, NULL, NULL, "show this",
        offsetof(settings, help), 0, 0},
    {0}};
/* clang-format on */

static void print_help(void)
{
    rp_buffer out;
    rp_buffer_init(&out, HELP_BYTES_MAX);
    rp_buffer_text(&out,
        "sim/run: the same actors in virtual time, with faults drawn from a seed\n\n"
        "  sim/run --seeds 2000                 2000 runs; a seed that fails says how to see it\n"
        "  sim/run --seed 17 --trace            what happened in one of them\n"
        "  sim/run --plant settle-early         must fail: the bug is there\n\n");
    rp_options_help(options, &out);
    rp_buffer_text(&out, "\nThe last line is \"N seeds, M failed\"; status 1 where any did.\n");
    fputs(rp_buffer_string(&out), stdout);
    rp_buffer_done(&out);
}

static void print_list(void)
{
    printf("scenarios:\n");
    for (const sim_scenario *s = sim_scenarios; s->name; s++)
        printf("  %-26s %s\n", s->name, s->summary);
    printf("bugs to plant:\n");
    for (const sim_plant *p = sim_plants; p->name; p++)
        printf("  %-26s %s\n", p->name, p->summary);
}

static void tell_failure(const settings *s, uint64_t seed, const sim_outcome *outcome)
{
    printf("seed %" PRIu64 ": broken: %s\n  %s\n  at %.6f s; see it with: sim/run --seed %" PRIu64
           " --trace",
        seed, outcome->verdict.broken, outcome->verdict.facts, (double)outcome->ended_ns / 1e9,
        seed);
    if (strcmp(s->scenario, sim_scenarios[0].name) != 0)
        printf(" --scenario %s", s->scenario);
    if (s->plant)
        printf(" --plant %s", s->plant);
    printf("\n");
    fflush(stdout);
}

static uint64_t play(sim_stage *stage, const settings *s, const sim_scenario *scenario)
{
    bool one = s->seed > 0;
    uint64_t first = one ? s->seed : s->from, count = one ? 1 : s->seeds, failed = 0, ran = 0;
    for (; ran < count && failed < s->failures_max; ran++) {
        sim_outcome outcome;
        sim_stage_run(stage, scenario, first + ran, &outcome);
        if (one || s->digests)
            printf("seed %" PRIu64 ": digest %016" PRIx64 ", %" PRIu64 " steps, %.6f s\n",
                first + ran, outcome.digest, outcome.steps, (double)outcome.ended_ns / 1e9);
        if (!outcome.verdict.broken)
            continue;
        failed++;
        tell_failure(s, first + ran, &outcome);
    }
    printf("%" PRIu64 " seeds, %" PRIu64 " failed\n", ran, failed);
    return failed;
}

static int usage(const char *message)
{
    fprintf(stderr, "sim/run: %s\n  sim/run --help tells what there is\n", message);
    return 2;
}

int main(int argc, char **argv)
{
    settings s = {0};
    rp_error error = {0};
    int arguments = 0;
    const rp_option *const tables[] = {options};
    sim_stage *stage;
    if (rp_options_parse(tables, 1, argc, argv, NULL, false, &s, &arguments, &error) != RP_OK)
        return usage(error.message);
    if (arguments > 0)
        return usage("it takes options only");
    if (s.help || s.list) {
        s.help ? print_help() : print_list();
        return 0;
    }
    const sim_scenario *scenario = sim_scenario_find(s.scenario);
    sim_stage_options stage_options = {.trace = s.trace ? stdout : NULL};
    if (s.plant)
        stage_options.plant = sim_plant_find(s.plant);
    if (!scenario || (s.plant && !stage_options.plant) || (s.trace && s.seed == 0))
        return usage("no such scenario or bug (--list), or --trace without --seed");
    /* Runs take and give back the same memory again and again; the system need not hear of it. */
    mallopt(M_MMAP_THRESHOLD, KEPT_BYTES);
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    if (sim_stage_new(&stage_options, &stage, &error) != RP_OK) {
        fprintf(stderr, "sim/run: %s\n", error.message);
        return 1;
    }
    uint64_t failed = play(stage, &s, scenario);
    sim_stage_free(stage);
    return failed > 0;
}
