#include "runtime/actor/fold/fold_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/actor/fold/snapshot.h"
#include "runtime/base/name.h"

enum {
    ARENA_CHUNK_BYTES = 64 << 10,
    ARENA_BYTES_MAX = 32 << 20, /* JSON of the longest message, as a tree */
    NAMES_BYTES_MAX = 256
};

#define LEASES "LEASES"

static void look(rp_fold *fold);

/* -- ready, or why not ------------------------------------------------------------------------- */

void rp__fold_tell(rp_fold *fold, const char *format, ...)
{
    char why[RP__FOLD_WHY_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    if (strcmp(why, fold->why) == 0)
        return;
    memcpy(fold->why, why, sizeof why);
    if (why[0])
        rp_log_warn(fold->log, "fold_not_ready", rp_log_text("why", why));
}

bool rp_fold_troubled(const rp_fold *fold, const char **ret_why)
{
    const char *why = fold->why;
    if (!why[0] && !fold->caught_up)
        why = "catching up with its log";
    if (!why[0] && rp_emitter_trouble(fold->emitter))
        why = rp_emitter_trouble(fold->emitter);
    if (!why[0] && fold->lease && rp_lease_troubled(fold->lease))
        why = fold->lease_why;
    if (!why[0])
        return false;
    *ret_why = why;
    return true;
}

void rp__fold_show(rp_fold *fold)
{
    rp_gauge_set_count(fold->counts.sequence, fold->sequence);
    rp_gauge_set_count(fold->counts.pairs, rp_pairs_count(fold->pairs));
    rp_gauge_set_count(fold->counts.pairs_bytes, rp_pairs_bytes(fold->pairs));
    rp_gauge_set_count(fold->counts.waiting, rp_emitter_count(fold->emitter));
}

/* -- leaving the log --------------------------------------------------------------------------- */

static void unfollow(rp_fold *fold)
{
    if (fold->follower)
        rp_bus_unfollow(fold->env.bus, fold->follower);
    fold->follower = NULL;
}

/* Neither emits nor answers: others do. */
static void retire(rp_fold *fold)
{
    unfollow(fold);
    fold->caught_up = false;
    rp_asks_close(fold->asks);
    rp_emitter_emit(fold->emitter, false);
    rp_gauge_set_count(fold->counts.holder, 0);
    rp_buffer_done(&fold->snapshot);
    fold->snapshot_sequence = 0;
}

static void give_up_lease(rp_fold *fold)
{
    rp_lease_free(fold->lease); /* what is held expires */
    fold->lease = NULL;
}

void rp__fold_break(rp_fold *fold, const char *format, ...)
{
    va_list arguments;
    if (fold->phase == RP__FOLD_BROKEN)
        return;
    va_start(arguments, format);
    vsnprintf(fold->why, sizeof fold->why, format, arguments);
    va_end(arguments);
    rp_log_error(fold->log, "fold_broken", rp_log_text("why", fold->why));
    fold->phase = RP__FOLD_BROKEN;
    retire(fold);
    give_up_lease(fold);
}

void rp__fold_begin_again(rp_fold *fold, uint64_t wait_ms)
{
    if (fold->phase == RP__FOLD_BROKEN || fold->phase == RP__FOLD_DRAINING)
        return;
    retire(fold);
    give_up_lease(fold);
    fold->phase = RP__FOLD_WAITING;
    rp_timer_set(fold->again, wait_ms * RP_NS_PER_MS, 0);
}

static void on_again(void *arg)
{
    rp__fold_begin(arg);
}

/* -- snapshots --------------------------------------------------------------------------------- */

static rp_snapshot_head head_of(const rp_fold *fold)
{
    return (rp_snapshot_head){.kind = rp_bytes_text(fold->place.kind),
        .stream = rp_bytes_text(fold->spec.stream),
        .partition = fold->place.partition,
        .partitions = fold->place.partitions,
        .created_ns = fold->created_ns,
        .sequence = fold->sequence,
        .clock_ns = fold->clock_ns};
}

static size_t snapshot_bytes_max(const rp_fold *fold)
{
    const rp_fold_limits *limits = &fold->spec.limits;
    return limits->bytes_max + limits->pairs_max * RP_PAIRS_HEAD_BYTES + RP_SNAPSHOT_HEAD_BYTES +
           NAMES_BYTES_MAX;
}

static bool is_holder(void *arg)
{
    const rp_fold *fold = arg;
    return fold->lease && rp_lease_token(fold->lease) != 0;
}

/* Writes the present state down; it is stored when all outcomes up to it are. */
static void take_snapshot(rp_fold *fold)
{
    rp_snapshot_head head = head_of(fold);
    rp_hash128 kept = rp_pairs_digest(fold->pairs), found = rp_pairs_recompute(fold->pairs);
    if (kept.low != found.low || kept.high != found.high) {
        rp_counter_add(fold->counts.mismatches, 1);
        rp__fold_break(fold, "the pairs are not what was written: memory is damaged");
        return;
    }
    rp_buffer_init(&fold->snapshot, snapshot_bytes_max(fold));
    rp_status status = rp_snapshot_write(&head, fold->pairs, &fold->snapshot);
    if (status == RP_OK) {
        fold->snapshot_sequence = fold->sequence;
    } else {
        rp_log_error(fold->log, "snapshot_not_made", rp_log_status("status", status));
        rp_buffer_done(&fold->snapshot);
    }
}

static bool snapshot_is_due(rp_fold *fold)
{
    uint64_t newest = rp_archive_newest(fold->archive);
    return is_holder(fold) && fold->snapshot_sequence == 0 && !rp_archive_is_busy(fold->archive) &&
           fold->anchor == fold->sequence && fold->sequence > newest &&
           (fold->phase == RP__FOLD_DRAINING ||
               fold->sequence - newest >= fold->place.snapshot_every);
}

static void on_archived(void *arg, rp_status status, uint64_t sequence, const char *why)
{
    rp_fold *fold = arg;
    if (status == RP_OK) {
        rp_counter_add(fold->counts.snapshots, 1);
        rp_log_info(fold->log, "snapshot_stored", rp_log_count("sequence", sequence));
    } else {
        rp_log_warn(fold->log, "snapshot_not_stored", rp_log_status("status", status),
            rp_log_text("why", why));
    }
    fold->last_snapshot |= status != RP_OK || sequence == fold->sequence;
    look(fold);
}

static void store_snapshot(rp_fold *fold)
{
    uint64_t sequence = fold->snapshot_sequence;
    rp_status status = rp_archive_put(fold->archive, sequence, &fold->snapshot, on_archived, fold);
    fold->snapshot_sequence = 0;
    if (status == RP_OK)
        return;
    rp_log_warn(fold->log, "snapshot_not_stored", rp_log_status("status", status));
    rp_buffer_done(&fold->snapshot);
}

/* -- what the modules tell --------------------------------------------------------------------- */

static void drain_on(rp_fold *fold);

/* Something has moved: is there something to do? */
static void look(rp_fold *fold)
{
    if (fold->phase != RP__FOLD_FOLDING && fold->phase != RP__FOLD_DRAINING)
        return;
    if (snapshot_is_due(fold))
        take_snapshot(fold);
    if (fold->snapshot_sequence != 0 && is_holder(fold) &&
        rp_emitter_unstored(fold->emitter) > fold->snapshot_sequence)
        store_snapshot(fold);
    if (fold->phase == RP__FOLD_DRAINING)
        drain_on(fold);
}

static void on_moved(void *arg)
{
    rp_fold *fold = arg;
    rp__fold_show(fold);
    if (fold->phase == RP__FOLD_OPENING)
        rp__fold_begin(fold);
    else
        look(fold);
}

static void on_outcome(void *arg, const rp_message *outcome)
{
    rp_fold *fold = arg;
    rp_counter_add(fold->counts.outcomes, 1);
    if (fold->phase != RP__FOLD_BROKEN)
        rp__fold_compare(fold, outcome);
}

static uint64_t folded(void *arg)
{
    const rp_fold *fold = arg;
    return fold->sequence;
}

static void on_taken(void *arg, uint64_t token)
{
    rp_fold *fold = arg;
    rp_log_info(fold->log, "lease_taken", rp_log_count("token", token));
    rp_gauge_set_count(fold->counts.holder, 1);
    rp_archive_look(fold->archive);
    rp_emitter_emit(fold->emitter, true);
}

static void on_lost(void *arg, const char *why)
{
    rp_fold *fold = arg;
    rp_log_info(fold->log, "lease_lost", rp_log_text("why", why));
    rp_gauge_set_count(fold->counts.holder, 0);
    rp_emitter_emit(fold->emitter, false);
    rp_buffer_done(&fold->snapshot);
    fold->snapshot_sequence = 0;
    look(fold);
}

static void on_lease_trouble(void *arg, rp_status status, const char *why)
{
    rp_fold *fold = arg;
    rp_log_warn(
        fold->log, "lease_put_off", rp_log_status("status", status), rp_log_text("why", why));
}

static void want_lease(rp_fold *fold)
{
    char key[RP_FOLD_KIND_MAX + 16];
    int n = snprintf(key, sizeof key, "%s.%" PRIu32, fold->place.kind, fold->place.partition);
    rp_lease_spec spec = {.store = fold->place.store,
        .bucket = LEASES,
        .key = rp_bytes_of(key, (size_t)n),
        .ttl_s = RP_FOLD_LEASE_S,
        .on_taken = on_taken,
        .on_lost = on_lost,
        .on_trouble = on_lease_trouble,
        .arg = fold};
    if (fold->lease)
        return;
    snprintf(fold->lease_why, sizeof fold->lease_why,
        "outcomes are not stored: the lease %s cannot be had, as the bucket " LEASES " is missing "
        "(run reprise provision) or cannot be written",
        key);
    rp_status status = rp_lease_new(&spec, &fold->lease);
    if (status != RP_OK)
        rp_log_error(fold->log, "lease_not_wanted", rp_log_status("status", status));
}

/* -- following the log ------------------------------------------------------------------------- */

static void on_message(void *arg, const rp_message *message)
{
    rp_fold *fold = arg;
    if (fold->phase != RP__FOLD_FOLDING || message->stream_sequence <= fold->sequence)
        return;
    if (!rp__fold_message(fold, message))
        return;
    rp_gauge_set_count(fold->counts.lag, message->pending);
    rp__fold_show(fold);
    if (rp_emitter_full(fold->emitter)) {
        rp_counter_add(fold->counts.limits, 1);
        unfollow(fold);   /* until there is room */
        want_lease(fold); /* and somebody must make it, though this replica may be far behind */
    }
    look(fold);
    rp_asks_folded(fold->asks);
}

static void on_room(void *arg)
{
    rp_fold *fold = arg;
    if (fold->phase == RP__FOLD_FOLDING && !fold->follower)
        rp__fold_follow(fold);
}

static void on_caught_up(void *arg)
{
    rp_fold *fold = arg;
    if (fold->phase != RP__FOLD_FOLDING)
        return;
    rp_gauge_set_count(fold->counts.lag, 0);
    if (!fold->caught_up)
        rp_log_info(fold->log, "fold_caught_up", rp_log_count("sequence", fold->sequence),
            rp_log_count("pairs", rp_pairs_count(fold->pairs)));
    fold->caught_up = true;
    rp_status status = rp_asks_open(fold->asks);
    if (status != RP_OK)
        rp_log_error(fold->log, "reads_not_taken", rp_log_status("status", status));
    want_lease(fold);
}

static void on_log_lost(void *arg, uint64_t expected, uint64_t first)
{
    rp_fold *fold = arg;
    rp_log_warn(
        fold->log, "log_lost", rp_log_count("expected", expected), rp_log_count("first", first));
    rp__fold_begin_again(fold, 0);
}

void rp__fold_follow(rp_fold *fold)
{
    rp_follower_spec spec = {.stream = fold->spec.stream,
        .filter = ">",
        .from = RP_FOLLOW_SEQUENCE,
        .sequence = fold->sequence + 1,
        .created_ns = fold->created_ns,
        .on_message = on_message,
        .on_caught_up = on_caught_up,
        .on_lost = on_log_lost,
        .arg = fold};
    rp_status status = rp_bus_follow(fold->env.bus, &spec, &fold->follower);
    if (status == RP_OK)
        return;
    rp__fold_tell(fold, "its log cannot be followed: %s", rp_status_text(status));
    rp__fold_begin_again(fold, RP__FOLD_AGAIN_MS);
}

/* -- the end ----------------------------------------------------------------------------------- */

static void on_end(void *arg)
{
    rp_fold *fold = arg;
    fold->drained(fold->drained_arg);
}

static void on_released(void *arg)
{
    rp_fold *fold = arg;
    if (fold->ended)
        return;
    fold->ended = true;
    rp_timer_clear(fold->limit);
    rp_timer_set(fold->end, 0, 0); /* not inside a call */
}

static void release(rp_fold *fold)
{
    rp_lease *lease = fold->lease;
    rp_emitter_emit(fold->emitter, false);
    fold->phase = RP__FOLD_BROKEN; /* nothing is to be done any more */
    if (lease)
        rp_lease_release(lease, on_released, fold);
    else
        on_released(fold);
}

/* Outcomes first, then a snapshot, then the lease. */
static void drain_on(rp_fold *fold)
{
    if (fold->ended)
        return;
    bool writes =
        fold->snapshot_sequence != 0 || rp_archive_is_busy(fold->archive) || snapshot_is_due(fold);
    if (!is_holder(fold) ||
        (rp_emitter_count(fold->emitter) == 0 && (fold->last_snapshot || !writes)))
        release(fold);
}

static void on_limit(void *arg)
{
    rp_fold *fold = arg;
    rp_log_warn(
        fold->log, "drain_cut_short", rp_log_count("outcomes", rp_emitter_count(fold->emitter)));
    on_released(fold); /* the lease expires */
}

void rp_fold_drain(rp_fold *fold, uint64_t limit_ns, void (*drained)(void *arg), void *arg)
{
    bool folds = fold->phase == RP__FOLD_FOLDING;
    fold->drained = drained;
    fold->drained_arg = arg;
    unfollow(fold);
    rp_asks_close(fold->asks);
    rp_timer_clear(fold->again);
    rp_timer_set(fold->limit, limit_ns, 0);
    if (fold->phase != RP__FOLD_BROKEN)
        fold->phase = RP__FOLD_DRAINING;
    if (folds)
        look(fold);
    else
        release(fold);
}

size_t rp_fold_waiting(const rp_fold *fold)
{
    return rp_emitter_count(fold->emitter);
}

rp_hash128 rp_fold_digest(const rp_fold *fold)
{
    return rp_pairs_digest(fold->pairs);
}

uint32_t rp_fold_partition_of(rp_bytes token, uint32_t partitions)
{
    return rp_hash_fnv1a32(token) % partitions;
}

void rp_fold_free(rp_fold *fold)
{
    if (!fold)
        return;
    rp_bus_forget(fold->env.bus, fold);
    unfollow(fold);
    rp_lease_free(fold->lease);
    rp_asks_free(fold->asks);
    rp_archive_free(fold->archive);
    rp_emitter_free(fold->emitter);
    rp_timer_free(fold->again);
    rp_timer_free(fold->limit);
    rp_timer_free(fold->end);
    rp_buffer_done(&fold->snapshot);
    rp_verdicts_done(&fold->verdicts);
    rp_arena_done(&fold->arena);
    rp_pairs_free(fold->pairs);
    rp_log_free(fold->log);
    free(fold);
}

/* -- the start --------------------------------------------------------------------------------- */

static rp_status start_state(rp_fold *fold)
{
    const rp_fold_limits *limits = &fold->spec.limits;
    rp_pairs_limits pairs = {.pairs_max = limits->pairs_max,
        .key_bytes_max = limits->key_bytes_max,
        .value_bytes_max = limits->value_bytes_max,
        .bytes_max = limits->bytes_max,
        .writes_max = limits->writes_max};
    rp_status status = rp_pairs_new(&pairs, &fold->pairs);
    if (status == RP_OK)
        status = rp_arena_init(&fold->arena, ARENA_CHUNK_BYTES, ARENA_BYTES_MAX);
    if (status == RP_OK)
        status = rp_verdicts_init(&fold->verdicts, limits->verdicts_max);
    return status;
}

static rp_status start_modules(rp_fold *fold)
{
    const rp_fold_place *place = &fold->place;
    const rp_fold_limits *limits = &fold->spec.limits;
    rp_emitter_spec emitter = {.env = &fold->env,
        .log = fold->spec.stream,
        .subject = fold->subject,
        .outcomes_max = limits->outcomes_ahead_max,
        .drafts_max = limits->outcomes_message_max,
        .on_outcome = on_outcome,
        .on_moved = on_moved,
        .on_room = on_room,
        .holds = is_holder,
        .arg = fold};
    rp_archive_spec archive = {.env = &fold->env,
        .store = place->store,
        .kind = place->kind,
        .partition = place->partition,
        .bytes_max = snapshot_bytes_max(fold),
        .corrupt = fold->counts.snapshots_corrupt};
    rp_asks_spec asks = {.env = &fold->env,
        .kind = place->kind,
        .partition = place->partition,
        .partitions = place->partitions,
        .waiting_max = limits->asks_waiting_max,
        .wait_ns = limits->ask_wait_ns,
        .folded = folded,
        .answer = rp__fold_answer,
        .arg = fold,
        .answered = fold->counts.asks,
        .limits = fold->counts.limits};
    rp_status status = rp_archive_new(&archive, &fold->archive);
    if (status == RP_OK)
        status = rp_asks_new(&asks, &fold->asks);
    if (status == RP_OK)
        status = rp_emitter_new(&emitter, &fold->emitter);
    return status;
}

static rp_status start(rp_fold *fold)
{
    char partition[16];
    rp_host *host = fold->env.host;
    const rp_fold_place *place = &fold->place;
    snprintf(partition, sizeof partition, "%" PRIu32, place->partition);
    snprintf(
        fold->subject, sizeof fold->subject, "outcome.%s.%" PRIu32, place->kind, place->partition);
    rp_fold_metrics_of(place->metrics, place->partition, &fold->counts);
    rp_status status = rp_log_child(fold->env.log, &fold->log, rp_log_text("partition", partition));
    if (fold->log)
        fold->env.log = fold->log;
    if (status == RP_OK)
        status = rp_timer_new(host, on_again, fold, &fold->again);
    if (status == RP_OK)
        status = rp_timer_new(host, on_limit, fold, &fold->limit);
    if (status == RP_OK)
        status = rp_timer_new(host, on_end, fold, &fold->end);
    if (status == RP_OK)
        status = start_state(fold);
    if (status == RP_OK)
        status = start_modules(fold);
    return status;
}

static bool is_token(const char *text, size_t len_max)
{
    size_t len = strlen(text);
    return len > 0 && len <= len_max && !strchr(text, '.') &&
           rp_name_is_subject(rp_bytes_of(text, len));
}

rp_status rp_fold_new(const rp_worker_env *env, const rp_fold_spec *spec,
    const rp_fold_place *place, void *state, rp_fold **ret_fold, rp_error *reterr)
{
    if (!is_token(place->kind, RP_FOLD_KIND_MAX) ||
        !is_token(spec->stream, RP_SNAPSHOT_STREAM_MAX) || place->partitions < 1 ||
        place->partitions > RP_FOLD_PARTITIONS_MAX || place->partition >= place->partitions)
        return rp_error_set(reterr, RP_INVALID, "partition",
            "partition %" PRIu32 " of %" PRIu32 ": there are 1 to %d, counted from 0",
            place->partition, place->partitions, RP_FOLD_PARTITIONS_MAX);
    rp_fold *fold = calloc(1, sizeof *fold);
    if (!fold)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    fold->env = *env;
    fold->spec = *spec;
    fold->place = *place;
    fold->state = state;
    if (fold->place.snapshot_every == 0)
        fold->place.snapshot_every = spec->snapshot_every;
    RP_ASSERT(fold->place.snapshot_every > 0); /* the spec says how often */
    rp_status status = start(fold);
    if (status != RP_OK) {
        rp_fold_free(fold);
        return rp_error_set(reterr, status, "partition", "partition %" PRIu32 " cannot begin: %s",
            place->partition, rp_status_text(status));
    }
    rp__fold_begin(fold);
    *ret_fold = fold;
    return RP_OK;
}
