/* Brings the server in line with the declaration.
 *
 *     rp_apply_options options = {.on_change = print_line};
 *     if (rp_provision_apply(client, items, count, &options, &arena, reterr) != RP_OK) ...
 *
 * It may be run again and again, and by several at once: what is there already is left alone, and
 * who comes second finds the work done. Afterwards the server is asked once more; only when it has
 * everything as declared does the call succeed, so that a server too old to know a field is
 * noticed.
 *
 * Nothing is deleted, and no limit tightened over data, unless `allow_destroy` says so; where the
 * diff has such a change and it does not, nothing at all is done.
 *
 * What is to be created comes first and what is to be made anew last, one at a time: deleting the
 * last file stream of an account and creating one race on the server, so one always stays.
 */
#ifndef RUNTIME_PROVISION_APPLY_H
#define RUNTIME_PROVISION_APPLY_H

#include "runtime/provision/diff.h"

typedef struct rp_apply_options {
    bool allow_destroy;
    /* Called as each change is done; may be NULL. */
    void (*on_change)(void *arg, const rp_change *change);
    void *arg;
} rp_apply_options;

/* Takes the diff and applies it. RP_DENIED where it would destroy and may not, naming the first
 * such item; RP_CONFLICT where somebody else keeps changing the same things; RP_UNSUPPORTED where
 * the server does not keep what it was told; else the statuses of rp_client_api. */
RP_MUST_USE rp_status rp_provision_apply(rp_client *client, const rp_item *items, size_t count,
    const rp_apply_options *options, rp_arena *arena, rp_error *reterr);

#endif
