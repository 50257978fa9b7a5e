/* The headers of messages that a client has read, and copies of them. */
#include "runtime/bus/client_internal.h"

#include <stdlib.h>

enum { HEADERS_MAX = 256 };

/* What a direct read says of a message, in headers. */
static bool is_added(const char *name)
{
    static const char *const added[] = {"Nats-Stream", "Nats-Subject", "Nats-Sequence",
        "Nats-Time-Stamp", "Nats-Num-Pending", "Nats-Last-Sequence", "Nats-UpTo-Sequence"};
    size_t i = 0;
    while (i < sizeof added / sizeof *added && strcmp(name, added[i]) != 0)
        i++;
    return i < sizeof added / sizeof *added;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

rp_status rp_client_headers(const rp_message *message,
    void (*each)(void *arg, rp_bytes name, rp_bytes value), void *arg, rp_error *reterr)
{
    natsMsg *nats = ((const rp__held *)message)->nats;
    const char **names = NULL, *value = NULL;
    int count = 0;
    natsStatus s = natsMsgHeader_Keys(nats, &names, &count);
    if (s == NATS_NOT_FOUND)
        return RP_OK;
    if (s != NATS_OK)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    if (count > 0 && count <= HEADERS_MAX)
        qsort(names, (size_t)count, sizeof *names, by_text);
    for (int i = 0; i < count && count <= HEADERS_MAX; i++) {
        if (!is_added(names[i]) && natsMsgHeader_Get(nats, names[i], &value) == NATS_OK)
            each(arg, rp_bytes_text(names[i]), rp_bytes_text(value));
    }
    free((void *)names);
    return count <= HEADERS_MAX
               ? RP_OK
               : rp_error_limit(reterr, "headers", "256", "the message has too many headers");
}

typedef struct copying {
    natsMsg *to;
    bool (*keeps)(rp_bytes name);
    natsStatus status;
} copying;

static void copy_header(void *arg, rp_bytes name, rp_bytes value)
{
    copying *c = arg;
    const char *own = NULL;
    bool has = natsMsgHeader_Get(c->to, (const char *)name.data, &own) == NATS_OK;
    if (c->status == NATS_OK && !has && c->keeps(name))
        c->status = natsMsgHeader_Set(c->to, (const char *)name.data, (const char *)value.data);
}

rp_status rp_client_publish_copy(rp_client *client, const rp_publication *publication,
    const rp_message *original, bool (*keeps)(rp_bytes name), uint64_t *ret_sequence,
    rp_error *reterr)
{
    copying c = {.keeps = keeps};
    rp_status status = rp__client_compose(publication, &c.to, reterr);
    if (status != RP_OK)
        return status;
    status = rp_client_headers(original, copy_header, &c, reterr);
    if (status == RP_OK && c.status != NATS_OK)
        status = rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    if (status != RP_OK) {
        natsMsg_Destroy(c.to);
        return status;
    }
    return rp__client_store(client, publication, c.to, ret_sequence, reterr);
}
