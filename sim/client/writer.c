#include "sim/client/writer.h"

#include <stdio.h>

enum { PAUSE_MAX_MS = 40, AGAIN_MS = 100 };

typedef struct command {
    sim_writer *writer;
    size_t index;
} command;

struct sim_writer {
    sim_world *world;
    sim_owner *owner;
    sim_bus *bus;
    const char *name;
    size_t count, written;
    sim_writer_cb command;
    void *arg;
};

static void on_write(void *arg);

static void on_published(void *arg, const rp_published *published)
{
    command *c = arg;
    sim_writer *w = c->writer;
    if (published->status == RP_OK || published->status == RP_DUPLICATE)
        w->written++;
    else
        sim_world_after(w->world, w->owner, AGAIN_MS * RP_NS_PER_MS, on_write, c);
}

static void on_write(void *arg)
{
    command *c = arg;
    sim_writer *w = c->writer;
    char subject[64], body[96], id[64];
    w->command(w->arg, c->index, subject, body);
    snprintf(id, sizeof id, "%s-%zu", w->name, c->index);
    rp_publication p = {.subject = rp_bytes_text(subject), .body = rp_bytes_text(body)};
    rp_publication_header(&p, RP_HEADER_MESSAGE_ID, rp_bytes_text(id));
    if (rp_bus_publish(sim_bus_interface(w->bus), &p, on_published, c) != RP_OK)
        sim_world_after(w->world, w->owner, AGAIN_MS * RP_NS_PER_MS, on_write, c);
}

sim_writer *sim_writer_new(sim_world *world, sim_server *server, const char *name, size_t count,
    sim_writer_cb command_of, void *arg)
{
    sim_writer *w = sim_world_alloc(world, sizeof *w);
    *w = (sim_writer){.world = world,
        .owner = sim_owner_new(world),
        .name = name,
        .count = count,
        .command = command_of,
        .arg = arg};
    sim_bus_spec bus = {
        .world = world, .server = server, .owner = w->owner, .who = name, .limits = SIM_BUS_LIMITS};
    w->bus = sim_bus_new(&bus);
    uint64_t at_ns = 0;
    for (size_t i = 0; i < count; i++) {
        command *c = sim_world_alloc(world, sizeof *c);
        *c = (command){w, i};
        at_ns += sim_world_draw(world, SIM_CHANCE_SCENARIO, PAUSE_MAX_MS * RP_NS_PER_MS);
        sim_world_after(world, w->owner, at_ns, on_write, c);
    }
    return w;
}

size_t sim_writer_written(const sim_writer *w)
{
    return w->written;
}

rp_bus *sim_writer_bus(sim_writer *w)
{
    return sim_bus_interface(w->bus);
}
