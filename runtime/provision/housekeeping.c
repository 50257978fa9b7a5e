#include "runtime/provision/housekeeping.h"

#include <inttypes.h>
#include <stdio.h>

const char *const rp_housekeeping_streams[] = {"REQUEST", "EXEC"};
const size_t rp_housekeeping_streams_count =
    sizeof rp_housekeeping_streams / sizeof rp_housekeeping_streams[0];

enum { CONSUMERS_MAX = 4096 };

static uint64_t number(yyjson_val *object, const char *field)
{
    return yyjson_get_uint(yyjson_obj_get(object, field));
}

void rp_floor_lower(rp_floor *floor, yyjson_val *consumers)
{
    size_t index, count;
    yyjson_val *consumer;
    yyjson_arr_foreach(consumers, index, count, consumer)
    {
        /* Readers that come and go hold nothing back. */
        if (!yyjson_obj_get(yyjson_obj_get(consumer, "config"), "durable_name"))
            continue;
        floor->durables++;
        if (number(consumer, "num_pending") == 0 && number(consumer, "num_ack_pending") == 0)
            continue;
        uint64_t own = number(yyjson_obj_get(consumer, "ack_floor"), "stream_seq");
        if (own < floor->sequence)
            floor->sequence = own;
    }
}

/* Reads all pages of the list. 0 where nothing is safe to purge: no durable, or too many to see. */
static rp_status find_floor(rp_client *client, const char *stream, uint64_t last_sequence,
    rp_arena *arena, uint64_t *ret_sequence, rp_error *reterr)
{
    char operation[RP_CLIENT_SUBJECT_BYTES], body[64];
    rp_floor floor = {.sequence = last_sequence};
    uint64_t offset = 0, page_size, total;
    snprintf(operation, sizeof operation, "CONSUMER.LIST.%s", stream);
    do {
        yyjson_val *page = NULL;
        snprintf(body, sizeof body, "{\"offset\":%" PRIu64 "}", offset);
        rp_status status =
            rp_client_api(client, operation, rp_bytes_text(body), arena, &page, reterr);
        if (status != RP_OK)
            return status;
        yyjson_val *consumers = yyjson_obj_get(page, "consumers");
        rp_floor_lower(&floor, consumers);
        page_size = yyjson_arr_size(consumers);
        total = number(page, "total");
        offset += page_size;
    } while (page_size > 0 && offset < total && offset < CONSUMERS_MAX);
    *ret_sequence = floor.durables && offset >= total ? floor.sequence : 0;
    return RP_OK;
}

static rp_status purge_through(
    rp_client *client, rp_purge *purge, rp_arena *arena, rp_error *reterr)
{
    char operation[RP_CLIENT_SUBJECT_BYTES], body[64];
    yyjson_val *answer = NULL;
    snprintf(operation, sizeof operation, "STREAM.PURGE.%s", purge->stream);
    /* "seq" is the first that stays. */
    snprintf(body, sizeof body, "{\"seq\":%" PRIu64 "}", purge->through_sequence + 1);
    rp_status status =
        rp_client_api(client, operation, rp_bytes_text(body), arena, &answer, reterr);
    if (status == RP_OK)
        purge->messages = number(answer, "purged");
    return status;
}

rp_status rp_housekeeping_stream(
    rp_client *client, const char *stream, rp_arena *arena, rp_purge *ret_purge, rp_error *reterr)
{
    char operation[RP_CLIENT_SUBJECT_BYTES];
    yyjson_val *info = NULL;
    rp_purge purge = {.stream = stream};
    snprintf(operation, sizeof operation, "STREAM.INFO.%s", stream);
    rp_status status = rp_client_api(client, operation, rp_bytes_of(NULL, 0), arena, &info, reterr);
    if (status != RP_OK)
        return status;
    yyjson_val *state = yyjson_obj_get(info, "state");
    int64_t limit = yyjson_get_sint(yyjson_obj_get(yyjson_obj_get(info, "config"), "max_bytes"));
    purge.bytes = number(state, "bytes");
    purge.bytes_max = limit > 0 ? (uint64_t)limit : 0;
    if (purge.bytes_max && purge.bytes > purge.bytes_max / 100 * RP_HOUSEKEEPING_PERCENT) {
        status = find_floor(
            client, stream, number(state, "last_seq"), arena, &purge.through_sequence, reterr);
        if (status == RP_OK && purge.through_sequence >= number(state, "first_seq"))
            status = purge_through(client, &purge, arena, reterr);
    }
    if (status == RP_OK)
        *ret_purge = purge;
    return status;
}
