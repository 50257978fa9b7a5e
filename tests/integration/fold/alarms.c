/* A fold with timers, for the tests of this folder: alarms by key.
 *
 * {"in_ms":5000} on alarm.<key>.set rings after five seconds, which is the event "rang"; set again,
 * it rings at the new time alone; {} takes it back. The key's pair is the sequence of the message
 * that set it, which the timer brings along: one that comes a second time, or was replaced in the
 * moment in which it fired, finds another sequence there or none, and is refused.
 */
#include "runtime/actor/process/process.h"

#include <inttypes.h>
#include <stdio.h>

#include "runtime/base/decimal.h"
#include "runtime/base/name.h"

#define IN_MS_MAX (UINT64_C(24) * 3600 * 1000)

enum { KEY_BYTES_MAX = 128 };

static void set(rp_fold *fold, rp_bytes key, yyjson_val *in)
{
    char timer[RP_WORKER_SUBJECT_BYTES], due[RP_WORKER_SUBJECT_BYTES], body[64], sequence[32];
    snprintf(timer, sizeof timer, "alarm.%.*s.timer", (int)key.len, (const char *)key.data);
    snprintf(due, sizeof due, "alarm.%.*s.due", (int)key.len, (const char *)key.data);
    if (!in) {
        rp_fold_remove(fold, key);
        rp_fold_timer_cancel(fold, rp_bytes_text(timer));
        return;
    }
    uint64_t at_ns = rp_fold_now_ns(fold) + yyjson_get_uint(in) * RP_NS_PER_MS;
    snprintf(sequence, sizeof sequence, "%" PRIu64, rp_fold_sequence(fold));
    snprintf(body, sizeof body, "{\"set\":%s}", sequence);
    rp_fold_put(fold, key, rp_bytes_text(sequence));
    rp_fold_timer(fold, rp_bytes_text(timer), rp_bytes_text(due), rp_bytes_text(body), at_ns);
}

static void ring(rp_fold *fold, rp_bytes key, yyjson_val *sequence)
{
    uint64_t wanted;
    if (rp_decimal_parse(rp_fold_get(fold, key), &wanted) != RP_OK ||
        wanted != yyjson_get_uint(sequence)) {
        rp_fold_refuse(
            fold, RP__ERROR__CODE__INVALID_ARGUMENT, "set", NULL, "no such alarm is set");
        return;
    }
    rp_fold_remove(fold, key);
    rp_fold_event(fold, "rang", rp_bytes_text("{}"));
}

static void fold(rp_fold *fold, void *state, const rp_message *message)
{
    rp_bytes key = rp_name_token(message->subject, 1), verb = rp_name_token(message->subject, 2);
    yyjson_val *body = rp_fold_json(fold, message), *in = yyjson_obj_get(body, "in_ms");
    (void)state;
    if (!body)
        return;
    if (key.len > KEY_BYTES_MAX)
        rp_fold_refuse(fold, RP__ERROR__CODE__INVALID_ARGUMENT, "key", "128 bytes", "too long");
    else if (rp_bytes_is(verb, "due"))
        ring(fold, key, yyjson_obj_get(body, "set"));
    else if (in && (!yyjson_is_uint(in) || yyjson_get_uint(in) > IN_MS_MAX))
        rp_fold_refuse(fold, RP__ERROR__CODE__INVALID_ARGUMENT, "in_ms", "a day", "no such time");
    else
        set(fold, key, in);
}

int main(int argc, char **argv)
{
    static const rp_fold_spec alarms = {.stream = "ALARM",
        .name_token = 1,
        .limits = RP_FOLD_LIMITS,
        .snapshot_every = 50,
        .fold = fold};
    static const rp_actor_spec actor = {.kind = "alarm",
        .summary = "rings at the time asked for: a fold with timers",
        .example = "nats pub alarm.tea.set '{\"in_ms\":5000}'",
        .fold = &alarms};
    return rp_process_main(&actor, argc, argv);
}
