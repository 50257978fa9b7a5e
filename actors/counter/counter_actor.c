/* The example fold: counters by key.
 *
 * {"by":5} on counter.<key>.add adds to a counter, {"by":-5} takes away; a counter is never below 0
 * nor above 2^53. When one passes a multiple of 1000, up or down, that is an event. Reads:
 * ask.counter.<key>.get, and ask.counter.<any key>.list for all counters in that key's partition.
 */
#include "actors/counter/counter.h"

#include <inttypes.h>
#include <stdio.h>

#include "runtime/base/decimal.h"
#include "runtime/base/name.h"

#define COUNT_MAX (INT64_C(1) << 53)

enum { MILESTONE = 1000 };

static int64_t count_of(const rp_fold *fold, rp_bytes key)
{
    uint64_t count = 0;
    return rp_decimal_parse(rp_fold_get(fold, key), &count) == RP_OK ? (int64_t)count : 0;
}

static void add(rp_fold *fold, rp_bytes key, int64_t by)
{
    int64_t before = count_of(fold, key), after = before + by;
    char text[64];
    if (after < 0 || after > COUNT_MAX) {
        rp_fold_refuse(fold, RP__ERROR__CODE__INVALID_ARGUMENT, "by", "0 to 2^53",
            "the counter is at %" PRId64 ", and would come to %" PRId64, before, after);
        return;
    }
    snprintf(text, sizeof text, "%" PRId64, after);
    rp_fold_put(fold, key, rp_bytes_text(text));
    if (before / MILESTONE == after / MILESTONE)
        return;
    snprintf(text, sizeof text, "{\"from\":%" PRId64 ",\"to\":%" PRId64 "}", before, after);
    rp_fold_event(fold, "milestone", rp_bytes_text(text));
}

static void fold(rp_fold *fold, void *state, const rp_message *message)
{
    char key[RP_NAME_MAX + 1];
    size_t len;
    (void)state;
    yyjson_val *body = rp_fold_json(fold, message), *by = yyjson_obj_get(body, "by");
    if (!body)
        return;
    if (rp_name_decode(rp_name_token(message->subject, 1), key, sizeof key, &len) != RP_OK)
        rp_fold_refuse(fold, RP__ERROR__CODE__INVALID_ARGUMENT, "key", NULL, "no encoded name");
    else if (!yyjson_is_int(by) || (yyjson_is_uint(by) && yyjson_get_uint(by) > COUNT_MAX) ||
             yyjson_get_sint(by) < -COUNT_MAX)
        rp_fold_refuse(fold, RP__ERROR__CODE__INVALID_ARGUMENT, "by", "2^53", "no whole number");
    else
        add(fold, rp_bytes_of(key, len), yyjson_get_sint(by));
}

static bool list_one(void *arg, rp_bytes key, rp_bytes value)
{
    rp_buffer *answer = arg;
    rp_buffer_text(answer, answer->data[answer->len - 1] == '{' ? "" : ",");
    rp_json_string(answer, key);
    rp_buffer_printf(answer, ":%.*s", (int)value.len, (const char *)value.data);
    return !answer->truncated;
}

static bool ask(
    rp_fold *fold, void *state, const rp_fold_ask *ask, rp_buffer *answer, rp_refusal *retref)
{
    (void)state;
    if (rp_bytes_is(ask->op, "get")) {
        rp_buffer_printf(answer, "{\"count\":%" PRId64 "}", count_of(fold, ask->name));
    } else if (rp_bytes_is(ask->op, "list")) {
        rp_buffer_text(answer, "{");
        rp_fold_each(fold, rp_bytes_text(""), list_one, answer);
        rp_buffer_text(answer, "}");
    } else {
        rp_refusal_set(
            retref, RP__ERROR__CODE__UNSUPPORTED, "op", NULL, "get, list, verdict, state");
        return false;
    }
    return true;
}

static const rp_fold_spec counter = {.stream = "COUNTER",
    .name_token = 1,
    .limits = RP_FOLD_LIMITS,
    .snapshot_every = 10000,
    .fold = fold,
    .ask = ask};

const rp_actor_spec rp_counter_actor = {.kind = "counter",
    .summary = "counts by key: the example of a fold",
    .example = "nats pub counter.apples.add '{\"by\":5}'",
    .fold = &counter};
