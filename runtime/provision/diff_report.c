/* The diff as text and as JSON. */
#include "runtime/provision/diff.h"

const char *rp_change_action_name(rp_change_action action)
{
    static const char *const names[RP_CHANGE_ACTIONS] = {
        [RP_CHANGE_NONE] = "unchanged",
        [RP_CHANGE_CREATE] = "create",
        [RP_CHANGE_UPDATE] = "update",
        [RP_CHANGE_RECREATE] = "recreate",
    };
    RP_ASSERT((unsigned)action < RP_CHANGE_ACTIONS);
    return names[action];
}

void rp_item_title(const rp_item *item, rp_buffer *out)
{
    rp_buffer_printf(out, item->name ? "durable %s/%s" : "stream %s", item->stream, item->name);
}

/* -- for people -------------------------------------------------------------------------------- */

static char mark(rp_change_action action)
{
    return action == RP_CHANGE_CREATE ? '+' : action == RP_CHANGE_UPDATE ? '~' : '!';
}

static void change_text(const rp_change *change, rp_buffer *out)
{
    rp_buffer_printf(
        out, "  %c %-8s ", mark(change->action), rp_change_action_name(change->action));
    rp_item_title(change->item, out);
    if (change->action == RP_CHANGE_RECREATE && change->item->kind == RP_ITEM_STREAM)
        rp_buffer_printf(out, "  (holds %llu messages)", (unsigned long long)change->messages);
    rp_buffer_text(out, "\n");
    for (size_t i = 0; i < change->fields_count; i++) {
        const rp_field_change *f = &change->fields[i];
        rp_buffer_printf(out, "               %s: %s -> %s\n", f->field, f->have, f->want);
        if (f->destroys)
            rp_buffer_printf(out, "               destroys data: %s\n", f->destroys);
    }
}

static void count_text(const rp_diff *diff, rp_change_action action, rp_buffer *out)
{
    if (diff->actions[action])
        rp_buffer_printf(out, "%zu to %s, ", diff->actions[action], rp_change_action_name(action));
}

void rp_diff_text(const rp_diff *diff, rp_buffer *out)
{
    for (size_t i = 0; i < diff->count; i++) {
        if (diff->changes[i].action != RP_CHANGE_NONE)
            change_text(&diff->changes[i], out);
    }
    count_text(diff, RP_CHANGE_CREATE, out);
    count_text(diff, RP_CHANGE_UPDATE, out);
    count_text(diff, RP_CHANGE_RECREATE, out);
    rp_buffer_printf(out, "%zu unchanged", diff->actions[RP_CHANGE_NONE]);
    if (diff->destroying)
        rp_buffer_printf(out, "; %zu of them would destroy data", diff->destroying);
    rp_buffer_text(out, "\n");
}

/* -- for programs ------------------------------------------------------------------------------ */

static void member_text(rp_buffer *out, const char *name, const char *value)
{
    rp_buffer_printf(out, "\"%s\":", name);
    if (value)
        rp_json_string(out, rp_bytes_text(value));
    else
        rp_buffer_text(out, "null");
}

static void change_json(const rp_change *change, rp_buffer *out)
{
    rp_buffer_text(out, "{");
    member_text(out, "kind", change->item->kind == RP_ITEM_STREAM ? "stream" : "durable");
    rp_buffer_text(out, ",");
    member_text(out, "stream", change->item->stream);
    rp_buffer_text(out, ",");
    member_text(out, "name", change->item->name);
    rp_buffer_text(out, ",");
    member_text(out, "action", rp_change_action_name(change->action));
    rp_buffer_printf(out, ",\"destroys\":%s,\"fields\":[", change->destroys ? "true" : "false");
    for (size_t i = 0; i < change->fields_count; i++) {
        const rp_field_change *f = &change->fields[i];
        rp_buffer_text(out, i ? ",{" : "{");
        member_text(out, "field", f->field);
        rp_buffer_printf(out, ",\"have\":%s,\"want\":%s,", f->have, f->want);
        member_text(out, "destroys", f->destroys);
        rp_buffer_text(out, "}");
    }
    rp_buffer_text(out, "]}");
}

void rp_diff_json(const rp_diff *diff, rp_buffer *out)
{
    rp_buffer_text(out, "{\"changes\":[");
    for (size_t i = 0; i < diff->count; i++) {
        rp_buffer_text(out, i ? "," : "");
        change_json(&diff->changes[i], out);
    }
    rp_buffer_text(out, "]");
    for (int a = 0; a < RP_CHANGE_ACTIONS; a++)
        rp_buffer_printf(
            out, ",\"%s\":%zu", rp_change_action_name((rp_change_action)a), diff->actions[a]);
    rp_buffer_printf(out, ",\"destroying\":%zu}", diff->destroying);
}
