#include "runtime/bus/jetstream/protocol/requests.h"

size_t rp__requests_missing(const rp__requests *r)
{
    size_t sum = 0;
    for (size_t i = 0; i < RP__REQUESTS_MAX; i++)
        sum += r->requests[i].open ? r->requests[i].missing : 0;
    return sum;
}

const rp__request *rp__requests_open(
    rp__requests *r, size_t credit, uint64_t ends_at_ns, size_t *ret_index)
{
    size_t missing = rp__requests_missing(r), i = 0;
    while (i < RP__REQUESTS_MAX && r->requests[i].open)
        i++;
    if (missing >= credit || i == RP__REQUESTS_MAX)
        return NULL;
    r->requests[i] = (rp__request){.open = true,
        .generation = ++r->generation,
        .missing = credit - missing,
        .ends_at_ns = ends_at_ns};
    *ret_index = i;
    return &r->requests[i];
}

/* Generations go round: of two that are open, the newer one is less than half a round ahead. */
static bool is_older(const rp__request *a, const rp__request *b)
{
    return b->generation - a->generation < UINT32_MAX / 2;
}

void rp__requests_count_off(rp__requests *r)
{
    rp__request *oldest = NULL;
    for (size_t i = 0; i < RP__REQUESTS_MAX; i++) {
        if (r->requests[i].open && (!oldest || is_older(&r->requests[i], oldest)))
            oldest = &r->requests[i];
    }
    if (oldest && --oldest->missing == 0)
        oldest->open = false;
}

bool rp__requests_end(rp__requests *r, size_t index, uint32_t generation)
{
    if (index >= RP__REQUESTS_MAX || !r->requests[index].open ||
        r->requests[index].generation != generation)
        return false;
    r->requests[index].open = false;
    return true;
}

void rp__requests_expire(rp__requests *r, uint64_t now_ns)
{
    for (size_t i = 0; i < RP__REQUESTS_MAX; i++) {
        if (now_ns >= r->requests[i].ends_at_ns)
            r->requests[i].open = false;
    }
}
