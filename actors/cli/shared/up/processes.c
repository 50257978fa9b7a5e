#include "actors/cli/shared/up/processes.h"

#include "actors/cli/shared/text/json_member.h"

#include <inttypes.h>

static const char *const names[] = {
#define X(code, name, text) name,
    RP_PROCESS_STATE_MAP(X)
#undef X
};

static const char *const texts[] = {
#define X(code, name, text) text,
    RP_PROCESS_STATE_MAP(X)
#undef X
};

const char *rp_process_state_name(rp_process_state state)
{
    return (unsigned)state < RP_PROCESS_STATE_COUNT ? names[state] : "unknown";
}

const char *rp_process_state_text(rp_process_state state)
{
    return (unsigned)state < RP_PROCESS_STATE_COUNT ? texts[state] : "unknown";
}

void rp_process_write(const rp_process_view *process, rp_buffer *out)
{
    bool first = out->len == 0 || out->data[out->len - 1] == '[';
    rp_buffer_text(out, first ? "{" : ",{");
    rp_json_member(out, "name", process->name);
    rp_json_member(out, "kind", process->kind);
    if (*process->model)
        rp_json_member(out, "model", process->model);
    rp_json_member(out, "state", rp_process_state_name(process->state));
    rp_json_member(out, "instance", process->instance);
    rp_buffer_printf(out, ",\"pid\":%" PRIu64 ",\"restarts\":%" PRIu64 ",\"since_ms\":%" PRIu64,
        process->pid, process->restarts, process->since_ms);
    rp_json_member(out, "log", process->log);
    rp_buffer_text(out, "}");
}

static const char *text(yyjson_val *object, const char *field)
{
    const char *value = yyjson_get_str(yyjson_obj_get(object, field));
    return value ? value : "";
}

static uint64_t number(yyjson_val *object, const char *field)
{
    yyjson_val *value = yyjson_obj_get(object, field);
    return yyjson_is_uint(value) ? yyjson_get_uint(value) : 0;
}

static bool read_one(yyjson_val *object, rp_process_view *process)
{
    const char *state = text(object, "state");
    unsigned s = 0;
    while (s < RP_PROCESS_STATE_COUNT && strcmp(state, names[s]) != 0)
        s++;
    *process = (rp_process_view){.name = text(object, "name"),
        .kind = text(object, "kind"),
        .model = text(object, "model"),
        .instance = text(object, "instance"),
        .log = text(object, "log"),
        .state = (rp_process_state)s,
        .pid = number(object, "pid"),
        .restarts = number(object, "restarts"),
        .since_ms = number(object, "since_ms")};
    return s < RP_PROCESS_STATE_COUNT && *process->name && *process->kind;
}

rp_status rp_processes_read(yyjson_val *answer, rp_arena *arena, rp_process_view **ret_processes,
    size_t *ret_count, rp_error *reterr)
{
    size_t index, count;
    yyjson_val *object, *array = yyjson_obj_get(answer, "processes");
    if (!yyjson_is_arr(array))
        return rp_error_set(reterr, RP_CORRUPT, "processes", "the answer does not list processes");
    if (yyjson_arr_size(array) > RP_PROCESSES_MAX)
        return rp_error_limit(reterr, "processes", "256", "the answer lists too many processes");
    rp_process_view *processes = rp_arena_array(arena, RP_PROCESSES_MAX, sizeof *processes);
    if (!processes)
        return rp_error_set(reterr, RP_LIMIT, "processes", "no room for the answer");
    yyjson_arr_foreach(array, index, count, object)
    {
        if (!read_one(object, &processes[index]))
            return rp_error_set(reterr, RP_CORRUPT, "processes",
                "the answer's process %zu has no name, kind or known state", index);
    }
    *ret_processes = processes;
    *ret_count = yyjson_arr_size(array);
    return RP_OK;
}
