/* What the server has, held against the declaration.
 *
 * Each item is compared field by field, and only in the fields that the declaration governs: what
 * an operator added beside them (placement, metadata) stays. Out of it comes one change an item:
 *
 *     unchanged   nothing to do
 *     create      it is not there
 *     update      it is there and can be brought in line as it is
 *     recreate    it is there, and a field that the server never changes differs: it would have to
 * be deleted and made anew
 *
 * A change `destroys` where data would be lost: every recreate, and an update that tightens a limit
 * below what the stream holds. Those are shown like the others and applied only when told.
 *
 * Things that the declaration does not name are left alone and not listed.
 */
#ifndef RUNTIME_PROVISION_DIFF_H
#define RUNTIME_PROVISION_DIFF_H

#include "runtime/bus/client.h"
#include "runtime/provision/declaration.h"

typedef enum rp_change_action {
    RP_CHANGE_NONE,
    RP_CHANGE_CREATE,
    RP_CHANGE_UPDATE,
    RP_CHANGE_RECREATE,
    RP_CHANGE_ACTIONS
} rp_change_action;

/* One field that differs; the values as JSON texts. */
typedef struct rp_field_change {
    const char *field;
    const char *have;
    const char *want;
    const char *destroys; /* why data would be lost; NULL where none is */
} rp_field_change;

typedef struct rp_change {
    const rp_item *item;
    rp_change_action action;
    bool destroys;
    rp_field_change *fields; /* none for a create */
    size_t fields_count;
    const char *body;  /* what to send: the configuration as JSON; NULL where unchanged */
    uint64_t messages; /* that the stream holds */
} rp_change;

/* Lives in the arena it was made in. */
typedef struct rp_diff {
    rp_change *changes; /* one an item, in the declaration's order */
    size_t count;
    size_t actions[RP_CHANGE_ACTIONS]; /* how many of each */
    size_t destroying;
} rp_diff;

/* Asks the server about every item. The statuses are those of rp_client_api, but nothing being
 * there is no failure. */
RP_MUST_USE rp_status rp_diff_take(rp_client *client, const rp_item *items, size_t count,
    rp_arena *arena, rp_diff *ret_diff, rp_error *reterr);

/* Compares one item with the server's configuration, NULL where it has none; `state` is a stream's
 * state as STREAM.INFO tells it, or NULL. Asks nobody. RP_NO_MEMORY where the arena is full. */
RP_MUST_USE rp_status rp_diff_compare(const rp_item *item, yyjson_val *have, yyjson_val *state,
    rp_arena *arena, rp_change *ret_change, rp_error *reterr);

/* Whether there is nothing to do. */
static inline bool rp_diff_is_empty(const rp_diff *diff)
{
    return diff->actions[RP_CHANGE_NONE] == diff->count;
}

/* "create" and so on. */
const char *rp_change_action_name(rp_change_action action);

/* What an item is called, "stream REPLY" or "durable EXEC/executor-...": valid as long as the item.
 */
void rp_item_title(const rp_item *item, rp_buffer *out);

/* Appends the diff for people: a line an item that changes, the fields under it, and a sum. */
void rp_diff_text(const rp_diff *diff, rp_buffer *out);

/* Appends it as one JSON object: {"changes":[{"kind","stream","name","action","destroys","fields":
 * [{"field","have","want","destroys"}]}],"create":N,"update":N,"recreate":N,"unchanged":N,
 * "destroying":N}. Unchanged items are listed too. */
void rp_diff_json(const rp_diff *diff, rp_buffer *out);

#endif
