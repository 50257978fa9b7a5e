#include "sim/world/trace.h"

#include "runtime/base/clock.h"
#include "runtime/base/hash.h"

#include <inttypes.h>

void sim_trace_init(sim_trace *trace)
{
    *trace = (sim_trace){0};
}

void sim_trace_done(sim_trace *trace)
{
    trace->out = NULL;
}

void sim_trace_begin(sim_trace *trace, uint64_t seed)
{
    trace->seed = seed;
    trace->digest = rp_hash_xxh3_64(rp_bytes_of(&seed, sizeof seed));
    trace->lines = 0;
}

static uint64_t hash_text(const char *text)
{
    return text ? rp_hash_xxh3_64(rp_bytes_text(text)) : 0;
}

static void write_line(const sim_trace *trace, const sim_happening *h)
{
    fprintf(trace->out, "%4" PRIu64 ".%09" PRIu64 "  %-13s %-11s %.*s", h->at_ns / RP_NS_PER_S,
        h->at_ns % RP_NS_PER_S, h->who, h->what, (int)h->subject.len,
        (const char *)h->subject.data);
    if (h->sequence)
        fprintf(trace->out, " #%" PRIu64, h->sequence);
    if (h->number)
        fprintf(trace->out, " (%" PRIu64 ")", h->number);
    if (h->fate)
        fprintf(trace->out, "  %s", h->fate);
    fputc('\n', trace->out);
}

void sim_trace_add(sim_trace *trace, const sim_happening *h)
{
    const uint64_t facts[] = {trace->digest, h->at_ns, h->sequence, h->number, hash_text(h->who),
        hash_text(h->what), hash_text(h->fate), rp_hash_xxh3_64(h->subject),
        rp_hash_xxh3_64(h->body)};
    trace->digest = rp_hash_xxh3_64(rp_bytes_of(facts, sizeof facts));
    trace->lines++;
    if (trace->out)
        write_line(trace, h);
}
