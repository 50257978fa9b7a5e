#include "runtime/actor/fold/fold_internal.h"

#include <inttypes.h>

#include "runtime/actor/fold/snapshot.h"

/* -- what does the log hold? -------------------------------------------------------- */

/* Whether the log goes on where the snapshot ends; says why not. */
static bool log_goes_on(rp_fold *fold, const rp_stream_state *state)
{
    const char *log = fold->spec.stream, *kind = fold->place.kind;
    uint32_t partition = fold->place.partition;
    uint64_t sequence = fold->sequence;
    if (sequence > 0 && state->created_ns != fold->created_ns)
        rp__fold_tell(fold,
            "the stream %s is another one than that of the snapshots of %s.%" PRIu32
            ": it was made anew. Delete these snapshots and purge %s, or bring the stream back",
            log, kind, partition, fold->subject);
    else if (state->last_sequence < sequence)
        rp__fold_tell(fold,
            "the stream %s is another one than that of the snapshots of %s.%" PRIu32
            ": it ends at %" PRIu64 ", the newest snapshot at %" PRIu64
            ". Bring the stream back, or delete that snapshot",
            log, kind, partition, state->last_sequence, sequence);
    else if (state->first_sequence > sequence + 1)
        rp__fold_tell(fold,
            "messages %" PRIu64 " to %" PRIu64 " of the stream %s are missing: %s, and the stream "
            "begins at %" PRIu64 ". Bring back a snapshot of %s.%" PRIu32 " at %" PRIu64
            " or above in the object store " RP_ARCHIVE_BUCKET ", or the messages",
            sequence + 1, state->first_sequence - 1, log,
            sequence ? "the newest snapshot that can be read ends before them"
                     : "there is no snapshot",
            state->first_sequence, kind, partition, state->first_sequence - 1);
    else if (fold->head_before > state->last_sequence)
        rp__fold_tell(fold,
            "%s tells of sequence %" PRIu64 ", and the stream %s ends at %" PRIu64
            ": these are the outcomes of another stream. Purge %s, or bring the stream back",
            fold->subject, fold->head_before, log, state->last_sequence, fold->subject);
    else
        return true;
    return false;
}

static void on_state(void *arg, rp_status status, const rp_stream_state *state)
{
    rp_fold *fold = arg;
    if (fold->phase != RP__FOLD_CHECKING)
        return;
    if (status != RP_OK) {
        rp__fold_tell(fold, "the stream %s cannot be asked what it holds: %s%s", fold->spec.stream,
            rp_status_text(status), status == RP_NOT_FOUND ? " (run reprise provision)" : "");
        rp__fold_begin_again(fold, RP__FOLD_AGAIN_MS);
        return;
    }
    if (!log_goes_on(fold, state)) {
        rp__fold_begin_again(fold, RP__FOLD_AGAIN_MS);
        return;
    }
    rp__fold_tell(fold, "%s", "");
    rp_log_info(fold->log, "fold_begins", rp_log_count("behind", fold->sequence),
        rp_log_count("pairs", rp_pairs_count(fold->pairs)),
        rp_log_count("log_ends", state->last_sequence));
    if (fold->witnessed_ns != 0 && fold->witnessed_ns != state->created_ns)
        fold->witness = (rp_witness){0}; /* what was seen of another log says nothing */
    fold->created_ns = fold->witnessed_ns = state->created_ns;
    fold->anchor = fold->sequence;
    rp_verdicts_reset(&fold->verdicts, fold->sequence);
    rp_emitter_reset(fold->emitter);
    if (fold->spec.restored)
        fold->spec.restored(fold, fold->state);
    fold->phase = RP__FOLD_FOLDING;
    rp__fold_show(fold);
    rp__fold_follow(fold);
}

static void check_log(rp_fold *fold)
{
    rp_outcome_place head = {0};
    (void)rp_emitter_head(fold->emitter, &head);
    fold->head_before = head.sequence; /* it moves on while the stream is asked */
    fold->phase = RP__FOLD_CHECKING;
    rp_status status = rp_bus_stream_state(fold->env.bus, fold->spec.stream, on_state, fold);
    if (status == RP_OK)
        return;
    rp__fold_tell(fold, "the stream %s cannot be asked what it holds: %s", fold->spec.stream,
        rp_status_text(status));
    rp__fold_begin_again(fold, RP__FOLD_AGAIN_MS);
}

/* -- the newest snapshot ------------------------------------------------------------ */

static void forget_state(rp_fold *fold)
{
    rp_pairs_clear(fold->pairs);
    fold->sequence = fold->clock_ns = fold->created_ns = 0;
}

/* What is sound but of another fold is no reason to go back to an older one: it is taken, and then
 * the difference told. */
static rp_status on_snapshot(void *arg, rp_bytes bytes, rp_error *reterr)
{
    rp_fold *fold = arg;
    rp_snapshot_head head;
    forget_state(fold);
    fold->why[0] = '\0';
    rp_status status = rp_snapshot_read(bytes, fold->pairs, &head, reterr);
    if (status != RP_OK)
        return status;
    if (!rp_bytes_is(head.kind, fold->place.kind) || head.partition != fold->place.partition)
        return rp_error_set(
            reterr, RP_CORRUPT, "snapshot", "it is of another fold than its name says");
    if (!rp_bytes_is(head.stream, fold->spec.stream))
        rp__fold_tell(fold,
            "the newest snapshot is of the stream %.*s, not of %s: delete the snapshots of %s",
            (int)head.stream.len, (const char *)head.stream.data, fold->spec.stream,
            fold->place.kind);
    else if (head.partitions != fold->place.partitions)
        rp__fold_tell(fold,
            "the newest snapshot is of %" PRIu32 " partitions, and this process was started for "
            "%" PRIu32 ": the number of partitions is fixed with the first snapshot",
            head.partitions, fold->place.partitions);
    fold->sequence = head.sequence;
    fold->clock_ns = head.clock_ns;
    fold->created_ns = head.created_ns;
    return RP_OK;
}

static void on_restored(void *arg, rp_status status, const char *why)
{
    rp_fold *fold = arg;
    if (fold->phase != RP__FOLD_RESTORING)
        return;
    if (status == RP_NOT_FOUND)
        forget_state(fold);
    if (status == RP_OK && fold->why[0]) {
        rp__fold_begin_again(fold, RP__FOLD_AGAIN_MS);
    } else if (status != RP_OK && status != RP_NOT_FOUND) {
        rp__fold_tell(fold, "snapshots cannot be read: %s: %s", why, rp_status_text(status));
        rp__fold_begin_again(fold, RP__FOLD_AGAIN_MS);
    } else {
        check_log(fold);
    }
}

void rp__fold_begin(rp_fold *fold)
{
    rp_outcome_place head;
    if (!rp_emitter_head(fold->emitter, &head)) {
        fold->phase = RP__FOLD_OPENING; /* on_moved comes */
        rp__fold_tell(fold, "%s has not been read yet", fold->subject);
        return;
    }
    fold->phase = RP__FOLD_RESTORING;
    rp_status status = rp_archive_restore(fold->archive, on_snapshot, on_restored, fold);
    if (status == RP_OK)
        return;
    rp__fold_tell(fold, "snapshots cannot be read: %s", rp_status_text(status));
    rp__fold_begin_again(fold, RP__FOLD_AGAIN_MS);
}
