#include "runtime/provision/declaration.h"

#include "runtime/base/name.h"

#include <inttypes.h>
#include <stdio.h>

#define DAY_S  (UINT64_C(24) * 3600)
#define HOUR_S UINT64_C(3600)

/* clang-format off */
const rp_stream_spec rp_declaration_streams[] = {
    {.name = "REQUEST",
        .description = "what users publish: prompts and texts to embed",
        .subjects = {"infer.*.*", "embed.*.*"},
        .max_age_s = 7 * DAY_S, .mebibytes = 256, .discard_new = true, .per_subject_max = -1,
        /* Message ids span tenants, so the window is the least that the server allows. */
        .duplicates_ms = 100},
    {.name = "EXEC",
        .description = "tokenised, routed work of each model version and lane",
        .subjects = {"exec.>"},
        .max_age_s = 7 * DAY_S, .mebibytes = 256, .discard_new = true, .per_subject_max = -1,
        .duplicates_ms = 120000},
    {.name = "REPLY",
        .description = "the chunks of answers; subscribers see what was stored",
        .subjects = {"put.reply.>"}, .stored_as = "reply.>",
        .max_age_s = HOUR_S, .mebibytes = 256, .per_subject_max = -1,
        .duplicates_ms = 120000},
    {.name = "RESULT",
        .description = "one record a request: the whole answer and what gave it",
        .subjects = {"result.*.*"},
        .max_age_s = 7 * DAY_S, .mebibytes = 512, .per_subject_max = -1,
        .duplicates_ms = 120000},
    {.name = "STEP",
        .description = "one record a forward pass of an executor",
        .subjects = {"step.*"},
        .max_age_s = 7 * DAY_S, .mebibytes = 256, .per_subject_max = -1,
        .duplicates_ms = 120000},
    {.name = "CONTROL",
        .description = "what clients say of running requests: cancel, flow credit",
        .subjects = {"control.*.*.*"},
        .max_age_s = 7 * DAY_S, .mebibytes = 32, .per_subject_max = 1,
        .duplicates_ms = 120000},
    {.name = "DEAD",
        .description = "what could not be handled, and why",
        .subjects = {"dead.*"},
        .max_age_s = 7 * DAY_S, .mebibytes = 64, .per_subject_max = -1,
        .duplicates_ms = 120000},
    {.name = "EXAMPLE",
        .description = "input and output of the example workers",
        .subjects = {"example.text.>", "example.words.>", "example.remind.*", "example.reminded.*.*"},
        .max_age_s = DAY_S, .mebibytes = 32, .per_subject_max = -1,
        .duplicates_ms = 120000},
    {.name = "TIMER",
        .description = "timers of workers, and what fired",
        .subjects = {"timer.*.*", "timer.*.*.due"},
        /* A stream with schedules cannot refuse what is new, so this one must never be full. */
        .mebibytes = 256, .per_subject_max = -1,
        .duplicates_ms = 120000, .rollup = true, .message_ttl = true, .schedules = true},
    {.name = "COUNTER",
        .description = "the log of the example fold: counters by key",
        .subjects = {"counter.*.add"},
        /* A fold's log keeps all until snapshots cover it, and would rather refuse than lose. */
        .mebibytes = 64, .discard_new = true, .per_subject_max = -1,
        .duplicates_ms = 120000},
    {.name = "OUTCOME",
        .description = "what folds decided: refusals, events, timers, digests",
        .subjects = {"outcome.*.*"},
        /* By count, never by age: the last of a subject tells how far its fold has come. */
        .mebibytes = 256, .discard_new = true, .per_subject_max = 10000,
        .duplicates_ms = 120000},
    {.name = "KV_ACTORS",
        .description = "who is alive, what it serves, and how much it can take",
        .subjects = {"$KV.ACTORS.>"},
        .mebibytes = 8, .discard_new = true, .per_subject_max = 1,
        .duplicates_ms = 120000, .rollup = true, .deny_delete = true, .message_ttl = true},
    {.name = "KV_LEASES",
        .description = "who does what only one should do, until when",
        .subjects = {"$KV.LEASES.>"},
        .mebibytes = 8, .discard_new = true, .per_subject_max = 1,
        .duplicates_ms = 120000, .rollup = true, .deny_delete = true, .message_ttl = true},
    {.name = "OBJ_SNAPSHOTS",
        .description = "the states of folds, at a sequence of their logs",
        .subjects = {"$O.SNAPSHOTS.C.>", "$O.SNAPSHOTS.M.>"},
        .mebibytes = 512, .discard_new = true, .per_subject_max = -1,
        .duplicates_ms = 120000, .rollup = true},
    {.name = "OBJ_BLOBS",
        .description = "bodies above the server's max_payload, which messages name",
        .subjects = {"$O.BLOBS.C.>", "$O.BLOBS.M.>"},
        .max_age_s = 7 * DAY_S, .mebibytes = 512, .discard_new = true, .per_subject_max = -1,
        .duplicates_ms = 120000, .rollup = true}};
/* clang-format on */

const size_t rp_declaration_streams_count =
    sizeof rp_declaration_streams / sizeof rp_declaration_streams[0];

const rp_durable_spec rp_declaration_durables[] = {
    {"REQUEST", "tokenizer", "shared by all tokenizers", {"infer.*.*", "embed.*.*"}},
    {"EXAMPLE", "example", "shared by all example workers", {"example.text.>"}},
    {"EXAMPLE", "reminder", "shared by all reminders", {"example.remind.*"}},
    {"TIMER", "reminder", "what fires for them", {"timer.reminder.*.due"}}};

const size_t rp_declaration_durables_count =
    sizeof rp_declaration_durables / sizeof rp_declaration_durables[0];

enum { CONFIG_BYTES_MAX = 8192, ACK_WAIT_S = 5 };

/* -- configurations as the server's API has them ----------------------------------------------- */

static void strings(rp_buffer *out, const char *const *texts)
{
    rp_buffer_text(out, "[");
    for (size_t i = 0; i < RP_DECLARATION_SUBJECTS_MAX && texts[i]; i++) {
        rp_buffer_text(out, i ? "," : "");
        rp_json_string(out, rp_bytes_text(texts[i]));
    }
    rp_buffer_text(out, "]");
}

static void field_text(rp_buffer *out, const char *field, const char *value)
{
    rp_buffer_printf(out, ",\"%s\":", field);
    rp_json_string(out, rp_bytes_text(value));
}

static const char *boolean(bool value)
{
    return value ? "true" : "false";
}

static void stream_config(
    const rp_stream_spec *s, uint64_t max_bytes, uint32_t replicas, rp_buffer *out)
{
    rp_buffer_text(out, "{\"name\":");
    rp_json_string(out, rp_bytes_text(s->name));
    field_text(out, "description", s->description);
    rp_buffer_text(out, ",\"subjects\":");
    strings(out, s->subjects);
    rp_buffer_printf(out,
        ",\"storage\":\"file\",\"retention\":\"limits\",\"discard\":\"%s\""
        ",\"discard_new_per_subject\":false,\"max_age\":%" PRIu64 ",\"max_bytes\":%" PRIu64
        ",\"max_msgs\":-1,\"max_msg_size\":-1,\"max_msgs_per_subject\":%" PRId32
        ",\"duplicate_window\":%" PRIu64 ",\"num_replicas\":%" PRIu32
        ",\"allow_direct\":true,\"allow_rollup_hdrs\":%s,\"allow_msg_ttl\":%s"
        ",\"allow_msg_schedules\":%s"
        ",\"deny_delete\":%s,\"deny_purge\":false,\"sealed\":false,\"no_ack\":false"
        ",\"subject_delete_marker_ttl\":0,\"mirror\":null,\"sources\":null",
        s->discard_new ? "new" : "old", s->max_age_s * 1000000000, max_bytes, s->per_subject_max,
        s->duplicates_ms * UINT64_C(1000000), replicas, boolean(s->rollup), boolean(s->message_ttl),
        boolean(s->schedules), boolean(s->deny_delete));
    if (s->stored_as) {
        rp_buffer_text(out, ",\"subject_transform\":{\"src\":");
        rp_json_string(out, rp_bytes_text(s->subjects[0]));
        field_text(out, "dest", s->stored_as);
        rp_buffer_text(out, "},\"republish\":{\"src\":");
        rp_json_string(out, rp_bytes_text(s->stored_as));
        field_text(out, "dest", s->stored_as);
        rp_buffer_text(out, ",\"headers_only\":false}}");
    } else {
        rp_buffer_text(out, ",\"subject_transform\":null,\"republish\":null}");
    }
}

static void durable_config(const rp_durable_spec *d, rp_buffer *out)
{
    bool several = d->filters[1] != NULL;
    rp_buffer_text(out, "{\"name\":");
    rp_json_string(out, rp_bytes_text(d->name));
    field_text(out, "durable_name", d->name);
    field_text(out, "description", d->description);
    field_text(out, "filter_subject", several ? "" : d->filters[0]);
    if (several) {
        rp_buffer_text(out, ",\"filter_subjects\":");
        strings(out, d->filters);
    } else {
        rp_buffer_text(out, ",\"filter_subjects\":null");
    }
    rp_buffer_printf(out,
        ",\"deliver_policy\":\"all\",\"ack_policy\":\"explicit\",\"replay_policy\":\"instant\""
        ",\"deliver_subject\":\"\",\"ack_wait\":%" PRIu64 ",\"max_deliver\":-1"
        ",\"max_ack_pending\":-1,\"max_batch\":0,\"max_expires\":0,\"inactive_threshold\":0"
        ",\"headers_only\":false,\"mem_storage\":false,\"num_replicas\":0,\"backoff\":null}",
        ACK_WAIT_S * UINT64_C(1000000000));
}

/* -- items ------------------------------------------------------------------------------------- */

static rp_status item_config(
    const rp_buffer *text, rp_arena *arena, rp_item *item, rp_error *reterr)
{
    yyjson_doc *doc = NULL;
    RP_ASSERT(!text->truncated);
    rp_status status = rp_json_parse(rp_buffer_bytes(text), arena, &doc, reterr);
    if (status == RP_OK)
        item->config = yyjson_doc_get_root(doc);
    return status;
}

static rp_status stream_item(const rp_declaration_spec *spec, const rp_stream_spec *stream,
    uint64_t mebibytes_total, rp_arena *arena, rp_item *ret_item, rp_error *reterr)
{
    rp_buffer text;
    uint64_t max_bytes = (uint64_t)stream->mebibytes << 20;
    if (spec->bytes_total) /* both factors are bounded: no overflow */
        max_bytes = spec->bytes_total / mebibytes_total * stream->mebibytes;
    rp_item item = {.kind = RP_ITEM_STREAM,
        .stream = stream->name,
        .keeps_max_bytes = spec->bytes_total == 0,
        .keeps_replicas = spec->replicas == 0};
    rp_buffer_init(&text, CONFIG_BYTES_MAX);
    stream_config(stream, max_bytes, spec->replicas ? spec->replicas : 1, &text);
    rp_status status = item_config(&text, arena, &item, reterr);
    rp_buffer_done(&text);
    if (status == RP_OK)
        *ret_item = item;
    return status;
}

static rp_status durable_item(
    const rp_durable_spec *durable, rp_arena *arena, rp_item *ret_item, rp_error *reterr)
{
    rp_buffer text;
    rp_item item = {.kind = RP_ITEM_DURABLE, .stream = durable->stream};
    item.name = rp_arena_text(arena, rp_bytes_text(durable->name));
    if (!item.name)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    rp_buffer_init(&text, CONFIG_BYTES_MAX);
    durable_config(durable, &text);
    rp_status status = item_config(&text, arena, &item, reterr);
    rp_buffer_done(&text);
    if (status == RP_OK)
        *ret_item = item;
    return status;
}

/* A model's or version's token; what is wrong with the name goes into reterr. */
static rp_status encode(
    const char *what, const char *name, char token[RP_NAME_TOKEN_BYTES], rp_error *reterr)
{
    rp_status status = rp_name_encode(rp_bytes_text(name), token, RP_NAME_TOKEN_BYTES);
    if (status == RP_INVALID)
        return rp_error_set(reterr, status, what, "the %s is empty", what);
    if (status == RP_LIMIT)
        return rp_error_limit(
            reterr, what, "128 bytes", "the %s \"%.40s...\" is too long", what, name);
    return status;
}

rp_status rp_declaration_executor(const char *model, const char *version, const char *lane,
    char name[RP_DURABLE_NAME_MAX + 1], rp_error *reterr)
{
    char model_token[RP_NAME_TOKEN_BYTES], version_token[RP_NAME_TOKEN_BYTES],
        lane_token[RP_NAME_TOKEN_BYTES];
    rp_status status = encode("model", model, model_token, reterr);
    if (status == RP_OK)
        status = encode("version", version, version_token, reterr);
    if (status == RP_OK)
        status = encode("lane", lane, lane_token, reterr);
    if (status != RP_OK)
        return status;
    int n = snprintf(
        name, RP_DURABLE_NAME_MAX + 1, "executor-%s-%s-%s", model_token, version_token, lane_token);
    if (n < 0 || n > RP_DURABLE_NAME_MAX)
        return rp_error_limit(reterr, "model", "255 bytes",
            "the durable of model \"%.40s\", version \"%.40s\" would have %d bytes in its name; "
            "choose a shorter name",
            model, version, n);
    return RP_OK;
}

static rp_status lane_item(const rp_model_version *model, uint32_t lane, rp_arena *arena,
    rp_item *ret_item, rp_error *reterr)
{
    char model_token[RP_NAME_TOKEN_BYTES], version_token[RP_NAME_TOKEN_BYTES];
    char lane_name[RP_NAME_LANE_BYTES], name[RP_DURABLE_NAME_MAX + 1];
    char filter[2 * RP_NAME_TOKEN_BYTES + 64], description[2 * RP_NAME_MAX + 64];
    rp_name_lane(lane, lane_name);
    rp_status status =
        rp_declaration_executor(model->name, model->version, lane_name, name, reterr);
    if (status == RP_OK)
        status = encode("model", model->name, model_token, reterr);
    if (status == RP_OK)
        status = encode("version", model->version, version_token, reterr);
    if (status != RP_OK)
        return status;
    snprintf(filter, sizeof filter, "exec.%s.%s.%s", model_token, version_token, lane_name);
    snprintf(description, sizeof description, "shared by all executors of %s@%s, lane %s",
        model->name, model->version, lane_name);
    rp_durable_spec durable = {"EXEC", name, description, {filter}};
    status = durable_item(&durable, arena, ret_item, reterr);
    if (status == RP_OK)
        ret_item->filter_is_identity = true;
    return status;
}

/* "a-b" and "c" give the same name as "a" and "b-c": rather refused than shared. */
static rp_status names_differ(const rp_item *items, size_t count, rp_error *reterr)
{
    const rp_item *last = &items[count - 1];
    for (size_t i = 0; i + 1 < count; i++) {
        if (items[i].name && strcmp(items[i].name, last->name) == 0 &&
            strcmp(items[i].stream, last->stream) == 0)
            return rp_error_set(reterr, RP_INVALID, "model",
                "two models need the durable %.200s: one is given twice, or rename one",
                last->name);
    }
    return RP_OK;
}

static rp_status check(const rp_declaration_spec *spec, rp_error *reterr)
{
    if (spec->bytes_total && (spec->bytes_total < RP_DECLARATION_BYTES_MIN ||
                                 spec->bytes_total > RP_DECLARATION_BYTES_MAX))
        return rp_error_limit(reterr, "max-bytes", "64MiB to 1024TiB",
            "all streams together need at least 64MiB and at most 1024TiB");
    if (spec->replicas > RP_DECLARATION_REPLICAS_MAX)
        return rp_error_limit(reterr, "replicas", "5", "a stream has 1 to 5 replicas");
    if (spec->models_count > RP_DECLARATION_MODELS_MAX)
        return rp_error_limit(reterr, "model", "64 models", "too many models");
    for (size_t i = 0; i < spec->models_count; i++) {
        uint32_t lanes = spec->models[i].lanes;
        if (lanes < 1 || lanes > RP_DECLARATION_LANES_MAX)
            return rp_error_limit(reterr, "lanes", "16 lanes", "a model has 1 to 16 lanes");
    }
    return RP_OK;
}

rp_status rp_declaration_build(const rp_declaration_spec *spec, rp_arena *arena,
    rp_item **ret_items, size_t *ret_count, rp_error *reterr)
{
    uint64_t mebibytes_total = 0;
    size_t count = 0, capacity = rp_declaration_streams_count + rp_declaration_durables_count;
    rp_status status = check(spec, reterr);
    if (status != RP_OK)
        return status;
    for (size_t i = 0; i < spec->models_count; i++)
        capacity += spec->models[i].lanes;
    rp_item *items = rp_arena_array(arena, capacity, sizeof *items);
    if (!items)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    for (size_t i = 0; i < rp_declaration_streams_count; i++)
        mebibytes_total += rp_declaration_streams[i].mebibytes;
    for (size_t i = 0; i < rp_declaration_streams_count && status == RP_OK; i++)
        status = stream_item(
            spec, &rp_declaration_streams[i], mebibytes_total, arena, &items[count++], reterr);
    for (size_t i = 0; i < rp_declaration_durables_count && status == RP_OK; i++)
        status = durable_item(&rp_declaration_durables[i], arena, &items[count++], reterr);
    for (size_t i = 0; i < spec->models_count && status == RP_OK; i++) {
        for (uint32_t lane = 0; lane < spec->models[i].lanes && status == RP_OK; lane++) {
            status = lane_item(&spec->models[i], lane, arena, &items[count++], reterr);
            if (status == RP_OK)
                status = names_differ(items, count, reterr);
        }
    }
    if (status != RP_OK)
        return status;
    *ret_items = items;
    *ret_count = count;
    return RP_OK;
}
