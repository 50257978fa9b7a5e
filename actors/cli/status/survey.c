#include "actors/cli/status/survey.h"

#include "actors/cli/shared/up/up_client.h"
#include "runtime/provision/declaration.h"

#include <inttypes.h>
#include <stdio.h>

enum { ARENA_CHUNK = 256 << 10, ARENA_MAX = 64 << 20 };

#define UP_WAIT_NS RP_NS_PER_S

rp_status rp_survey_init(rp_survey *survey, rp_error *reterr)
{
    survey->arena = (rp_arena){0};
    rp_status status = rp_roster_init(&survey->roster, reterr);
    if (status == RP_OK && rp_arena_init(&survey->arena, ARENA_CHUNK, ARENA_MAX) != RP_OK)
        status = rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    return status;
}

void rp_survey_done(rp_survey *survey)
{
    rp_roster_done(&survey->roster);
    rp_arena_done(&survey->arena);
}

static uint64_t number(yyjson_val *object, const char *field)
{
    yyjson_val *value = yyjson_obj_get(object, field);
    return yyjson_is_uint(value) ? yyjson_get_uint(value) : 0;
}

static const char *text(yyjson_val *object, const char *field)
{
    const char *value = yyjson_get_str(yyjson_obj_get(object, field));
    return value ? value : "";
}

static size_t declared_place(const char *name)
{
    size_t i = 0;
    while (i < rp_declaration_streams_count && strcmp(rp_declaration_streams[i].name, name) != 0)
        i++;
    return i;
}

static void add_stream(rp_survey *survey, yyjson_val *info)
{
    yyjson_val *config = yyjson_obj_get(info, "config"), *state = yyjson_obj_get(info, "state");
    if (survey->streams_count == RP_SURVEY_STREAMS_MAX)
        return;
    rp_survey_stream stream = {.name = text(config, "name"),
        .messages = number(state, "messages"),
        .bytes = number(state, "bytes"),
        .bytes_max = number(config, "max_bytes"),
        .first_sequence = number(state, "first_seq"),
        .last_sequence = number(state, "last_seq")};
    size_t place = declared_place(stream.name), at = survey->streams_count++;
    stream.declared = place < rp_declaration_streams_count;
    for (; at > 0 && declared_place(survey->streams[at - 1].name) > place; at--)
        survey->streams[at] = survey->streams[at - 1];
    survey->streams[at] = stream;
}

static void add_durable(rp_survey *survey, yyjson_val *info)
{
    const char *name = text(yyjson_obj_get(info, "config"), "durable_name");
    if (*name == '\0' || survey->durables_count == RP_SURVEY_DURABLES_MAX)
        return;
    survey->durables[survey->durables_count++] =
        (rp_survey_durable){.stream = text(info, "stream_name"),
            .name = name,
            .pending = number(info, "num_pending"),
            .unacknowledged = number(info, "num_ack_pending"),
            .redelivered = number(info, "num_redelivered"),
            .waiting = number(info, "num_waiting"),
            .floor_sequence = number(yyjson_obj_get(info, "ack_floor"), "stream_seq")};
}

/* All pages of a list; `member` is the array's name. */
static rp_status list(rp_client *client, const char *operation, const char *member, size_t limit,
    void (*add)(rp_survey *survey, yyjson_val *info), rp_survey *survey, rp_error *reterr)
{
    uint64_t offset = 0, total = 0;
    size_t page_size;
    do {
        char body[64];
        size_t index, count;
        yyjson_val *page = NULL, *info;
        snprintf(body, sizeof body, "{\"offset\":%" PRIu64 "}", offset);
        rp_status status =
            rp_client_api(client, operation, rp_bytes_text(body), &survey->arena, &page, reterr);
        if (status != RP_OK)
            return status;
        yyjson_val *array = yyjson_obj_get(page, member);
        yyjson_arr_foreach(array, index, count, info) add(survey, info);
        page_size = yyjson_arr_size(array);
        offset += page_size;
        total = number(page, "total");
    } while (page_size > 0 && offset < total && offset < limit);
    return RP_OK;
}

static rp_status take_durables(rp_client *client, rp_survey *survey, rp_error *reterr)
{
    rp_status status = RP_OK;
    for (size_t i = 0; i < survey->streams_count && status == RP_OK; i++) {
        char operation[RP_CLIENT_SUBJECT_BYTES];
        if (!survey->streams[i].declared)
            continue;
        snprintf(operation, sizeof operation, "CONSUMER.LIST.%s", survey->streams[i].name);
        status = list(
            client, operation, "consumers", RP_SURVEY_DURABLES_MAX, add_durable, survey, reterr);
        if (status == RP_NOT_FOUND) /* deleted between the two questions */
            status = RP_OK;
    }
    return status;
}

/* One that does not answer is shown as that. */
static void take_ups(rp_client *client, rp_survey *survey)
{
    survey->ups_count = 0;
    for (size_t i = 0; i < survey->roster.count; i++) {
        const rp_roster_record *r = &survey->roster.records[i];
        yyjson_val *answer = NULL;
        if (!r->alive || strcmp(r->actor->kind, RP_UP_KIND) != 0 ||
            survey->ups_count == RP_SURVEY_UPS_MAX)
            continue;
        rp_survey_up *up = &survey->ups[survey->ups_count++];
        *up = (rp_survey_up){.instance = r->actor->instance};
        up->answered = rp_up_ask(client, up->instance, RP_UP_PROCESSES, rp_bytes_of(NULL, 0),
                           UP_WAIT_NS, &survey->arena, &answer, NULL) == RP_OK &&
                       rp_processes_read(answer, &survey->arena, &up->processes,
                           &up->processes_count, NULL) == RP_OK;
    }
}

rp_status rp_survey_take(
    rp_client *client, const rp_clock *clock, rp_survey *survey, rp_error *reterr)
{
    rp_arena_reset(&survey->arena);
    survey->streams_count = survey->durables_count = 0;
    rp_client_server(client, survey->server);
    rp_status status =
        list(client, "STREAM.LIST", "streams", RP_SURVEY_STREAMS_MAX, add_stream, survey, reterr);
    if (status == RP_OK)
        status = take_durables(client, survey, reterr);
    if (status == RP_OK)
        status = rp_roster_read(client, clock, &survey->roster, reterr);
    if (status == RP_NOT_FOUND)
        status = RP_OK;
    if (status == RP_OK)
        take_ups(client, survey);
    survey->missing = rp_declaration_streams_count;
    for (size_t i = 0; i < survey->streams_count; i++)
        survey->missing -= survey->streams[i].declared;
    return status;
}
