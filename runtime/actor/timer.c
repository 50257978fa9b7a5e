#include "runtime/actor/timer.h"

#include "runtime/base/decimal.h"

#include <stdio.h>
#include <string.h>

enum {
    SUBJECT_BYTES = 320,
    FIELDS = 6, /* of a schedule in cron's form, seconds first */
    EVERY_S_MIN = 1,
    EVERY_S_MAX = 10 * 366 * 24 * 3600
};

/* How long a message that fired is kept: TIMER itself drops nothing by age, since that would drop
 * timers too. */
#define DUE_KEPT "168h"

/* -- what can be asked for --------------------------------------------------------------------- */

static rp_status check_every(rp_bytes text, rp_error *reterr)
{
    uint64_t number = 0, unit = 0;
    rp_status status = rp_decimal_take(&text, &number);
    if (status == RP_OK && rp_bytes_is(text, "s"))
        unit = 1;
    else if (status == RP_OK && rp_bytes_is(text, "m"))
        unit = 60;
    else if (status == RP_OK && rp_bytes_is(text, "h"))
        unit = 3600;
    if (unit == 0)
        return rp_error_set(reterr, RP_INVALID, "schedule",
            "@every wants a whole number of s, m or h: \"@every 30s\"");
    if (number > EVERY_S_MAX || number * unit < EVERY_S_MIN || number * unit > EVERY_S_MAX)
        return rp_error_set(reterr, RP_INVALID, "schedule", "@every takes 1 second to 10 years");
    return RP_OK;
}

/* The form alone; what the fields say is the server's to judge, and it answers. */
static rp_status check_schedule(const char *schedule, rp_error *reterr)
{
    static const char every[] = "@every ";
    size_t len = strlen(schedule), fields = 1;
    if (len == 0 || len > RP_TIMER_SCHEDULE_MAX)
        return rp_error_set(reterr, RP_INVALID, "schedule", "a schedule has 1 to %d characters",
            RP_TIMER_SCHEDULE_MAX);
    if (strncmp(schedule, every, sizeof every - 1) == 0)
        return check_every(rp_bytes_text(schedule + sizeof every - 1), reterr);
    for (size_t i = 0; i < len; i++) {
        if (schedule[i] < ' ' || schedule[i] > '~')
            return rp_error_set(reterr, RP_INVALID, "schedule", "a schedule is printable ASCII");
        fields += schedule[i] == ' ';
    }
    if (fields != FIELDS)
        return rp_error_set(reterr, RP_INVALID, "schedule",
            "a schedule is \"@every TIME\" or six fields: second minute hour day month weekday");
    return RP_OK;
}

/* timer.<kind>.<key>; all that is behind the first token is one of ours, so that the target is as
 * well. */
static rp_status name_timer(
    const char *kind, rp_bytes key, char subject[SUBJECT_BYTES], rp_error *reterr)
{
    char token[RP_NAME_TOKEN_BYTES];
    int n = snprintf(subject, SUBJECT_BYTES, "timer.%.64s", kind);
    if (strlen(kind) > 64 || !rp_name_is_subject(rp_bytes_of(subject, (size_t)n)) ||
        strchr(kind, '.'))
        return rp_error_set(reterr, RP_INVALID, "kind", "a kind is one token of a subject");
    rp_status status = rp_name_encode(key, token, sizeof token);
    if (status != RP_OK)
        return rp_error_set(
            reterr, RP_INVALID, "key", "a timer's key has 1 to %d bytes", RP_NAME_MAX);
    n = snprintf(subject, SUBJECT_BYTES, "timer.%s.%s", kind, token);
    if (n + (int)sizeof ".due" > SUBJECT_BYTES)
        return rp_error_set(reterr, RP_INVALID, "key", "the key is too long for a subject");
    return RP_OK;
}

/* -- the outputs ------------------------------------------------------------------------------- */

rp_status rp_context_timer_set(rp_context *context, const rp_durable_timer *timer, rp_error *reterr)
{
    char subject[SUBJECT_BYTES], due[SUBJECT_BYTES + 8], when[RP_CLOCK_TEXT_BYTES + 8];
    const char *schedule = timer->schedule;
    rp_status status = name_timer(timer->kind, timer->key, subject, reterr);
    if (status == RP_OK && schedule)
        status = check_schedule(schedule, reterr);
    if (status == RP_OK && timer->zone && strlen(timer->zone) > RP_TIMER_ZONE_MAX)
        status = rp_error_set(reterr, RP_INVALID, "zone", "the name of a time zone is too long");
    if (status != RP_OK)
        return status;
    if (!schedule) {
        char text[RP_CLOCK_TEXT_BYTES];
        rp_clock_text(timer->at_ns, text);
        snprintf(when, sizeof when, "@at %s", text);
        schedule = when;
    }
    snprintf(due, sizeof due, "%s.due", subject);
    rp_output output = {.kind = RP_OUTPUT_SHARED,
        .stream = RP_TIMER_STREAM,
        .subject = rp_bytes_text(subject),
        .body = timer->body,
        .headers = {{RP_HEADER_SCHEDULE, rp_bytes_text(schedule)},
            {RP_HEADER_TARGET, rp_bytes_text(due)},
            {RP_HEADER_SCHEDULE_TTL, rp_bytes_text(DUE_KEPT)},
            {RP_HEADER_SCHEDULE_ZONE, timer->zone ? rp_bytes_text(timer->zone) : (rp_bytes){0}}},
        .header_count = timer->zone ? 4 : 3};
    return rp_context_output(context, &output);
}

rp_status rp_context_timer_cancel(
    rp_context *context, const char *kind, rp_bytes key, rp_error *reterr)
{
    char subject[SUBJECT_BYTES];
    rp_status status = name_timer(kind, key, subject, reterr);
    if (status != RP_OK)
        return status;
    /* A plain message in the timer's place, which itself goes soon. */
    rp_output output = {.kind = RP_OUTPUT_SHARED,
        .stream = RP_TIMER_STREAM,
        .subject = rp_bytes_text(subject),
        .headers = {{RP_HEADER_ROLLUP, rp_bytes_text("sub")},
            {RP_HEADER_TTL, rp_bytes_text(DUE_KEPT)}},
        .header_count = 2};
    return rp_context_output(context, &output);
}

rp_status rp_timer_due_key(const rp_message *message, char *key, size_t key_bytes, size_t *ret_len)
{
    if (!rp_bytes_is(rp_name_token(message->subject, 0), "timer") ||
        !rp_bytes_is(rp_name_token(message->subject, 3), "due"))
        return RP_INVALID;
    return rp_name_decode(rp_name_token(message->subject, 2), key, key_bytes, ret_len);
}
