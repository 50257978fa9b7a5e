/* A store on a fake bus and a fake host, whose time is one. */
#ifndef TESTS_UNIT_RUNTIME_STORE_SHELF_H
#define TESTS_UNIT_RUNTIME_STORE_SHELF_H

#include "runtime/store/store.h"
#include "tests/unit/support/fake_bus.h"
#include "tests/unit/support/fake_host.h"

#include <criterion/criterion.h>

typedef struct shelf {
    fake_host *host;
    fake_bus *bus;
    rp_store store;
} shelf;

static inline void shelf_open(shelf *s)
{
    s->host = fake_host_new(1);
    s->bus = fake_bus_new();
    s->bus->clock = s->host->host.clock;
    s->store = (rp_store){.bus = &s->bus->bus, .host = &s->host->host, .instance = "me.1"};
}

/* Whatever was opened on it must be closed; fails where something was left behind. */
static inline void shelf_close(shelf *s)
{
    cr_expect_eq(fake_bus_followers(s->bus), 0);
    fake_bus_run(s->bus); /* what still comes must find nobody */
    fake_bus_free(s->bus);
    fake_host_free(s->host);
}

/* Lets time pass in steps of 10 ms, with all that comes of each. */
static inline void shelf_wait(shelf *s, uint64_t ms)
{
    for (uint64_t i = 0; i < ms; i += 10) {
        fake_bus_run(s->bus);
        fake_host_advance(s->host, 10 * RP_NS_PER_MS);
    }
    fake_bus_run(s->bus);
}

#endif
