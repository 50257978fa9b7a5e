#include "runtime/base/status.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    const char *text;
} statuses[RP_STATUS_COUNT] = {
#define X(code, name, text) [RP_##code] = {name, text},
    RP_STATUS_MAP(X)
#undef X
};

const char *rp_status_name(rp_status status)
{
    return (unsigned)status < RP_STATUS_COUNT ? statuses[status].name : "unknown";
}

const char *rp_status_text(rp_status status)
{
    return (unsigned)status < RP_STATUS_COUNT ? statuses[status].text : "unknown status";
}

static void set(rp_error *error, rp_status status, const char *field, const char *limit,
    const char *format, va_list arguments) RP_PRINTF(5, 0);

static void set(rp_error *error, rp_status status, const char *field, const char *limit,
    const char *format, va_list arguments)
{
    error->status = status;
    snprintf(error->field, sizeof error->field, "%s", field ? field : "");
    snprintf(error->limit, sizeof error->limit, "%s", limit ? limit : "");
    vsnprintf(error->message, sizeof error->message, format, arguments);
}

rp_status rp_error_set(
    rp_error *reterr, rp_status status, const char *field, const char *format, ...)
{
    if (reterr) {
        va_list arguments;
        va_start(arguments, format);
        set(reterr, status, field, NULL, format, arguments);
        va_end(arguments);
    }
    return status;
}

rp_status rp_error_limit(
    rp_error *reterr, const char *field, const char *limit, const char *format, ...)
{
    if (reterr) {
        va_list arguments;
        va_start(arguments, format);
        set(reterr, RP_LIMIT, field, limit, format, arguments);
        va_end(arguments);
    }
    return RP_LIMIT;
}

void rp_error_prefix(rp_error *reterr, const char *format, ...)
{
    if (!reterr)
        return;
    char message[RP_ERROR_MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (n < 0 || (size_t)n >= sizeof message)
        return;
    int rest = snprintf(message + n, sizeof message - (size_t)n, ": %s", reterr->message);
    if (rest >= 0) /* cut to fit where it is longer */
        memcpy(reterr->message, message, sizeof message);
}
