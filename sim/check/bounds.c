#include "sim/check/bounds.h"

enum { WAITING_MAX = 50000 };

void sim_bounds_check_process(sim_verdict *verdict, const sim_process *process)
{
    static const char invariant[] = "nothing unbounded grows";
    const sim_process_spec *spec = sim_process_spec_of(process);
    sim_bus_counts counts = sim_process_counts(process);
    size_t places = rp_worker_places(spec->slots);
    if (counts.messages_peak > places + 1)
        sim_verdict_fail(verdict, invariant, "%s held %zu messages, and has %zu places", spec->name,
            counts.messages_peak, places);
    if (counts.asked_peak > places)
        sim_verdict_fail(verdict, invariant, "%s asked for %zu messages, and has %zu places",
            spec->name, counts.asked_peak, places);
    if (counts.outbox_peak > spec->limits.outbox_messages_max)
        sim_verdict_fail(verdict, invariant, "%s had %zu messages in its outbox, at most %zu",
            spec->name, counts.outbox_peak, spec->limits.outbox_messages_max);
}

void sim_bounds_check_world(sim_verdict *verdict, const sim_world *world)
{
    if (sim_world_waiting(world) > WAITING_MAX)
        sim_verdict_fail(
            verdict, "nothing unbounded grows", "%zu events wait", sim_world_waiting(world));
}
