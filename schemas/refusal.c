#include "schemas/refusal.h"

#include <stdio.h>

#include "runtime/base/utf8.h"
#include "schemas/schema.h"

static rp_status status_of(Rp__Error__Code code)
{
    switch (code) {
    case RP__ERROR__CODE__INVALID_ARGUMENT:
    case RP__ERROR__CODE__INVALID_JSON:
    case RP__ERROR__CODE__INVALID_PROTOBUF:
    case RP__ERROR__CODE__INVALID_UTF8:
    case RP__ERROR__CODE__UNKNOWN_FIELD:
    case RP__ERROR__CODE__PROMPT_EMPTY:
        return RP_INVALID;
    case RP__ERROR__CODE__PAYLOAD_TOO_LARGE:
    case RP__ERROR__CODE__PROMPT_TOO_LONG:
        return RP_LIMIT;
    case RP__ERROR__CODE__MODEL_NOT_FOUND:
        return RP_NOT_FOUND;
    case RP__ERROR__CODE__UNSUPPORTED:
        return RP_UNSUPPORTED;
    case RP__ERROR__CODE__UNAVAILABLE:
        return RP_UNAVAILABLE;
    case RP__ERROR__CODE__OVERLOADED:
        return RP_BUSY;
    case RP__ERROR__CODE__REPLY_TO_DENIED:
        return RP_DENIED;
    case RP__ERROR__CODE__MODEL_FAULT:
    case RP__ERROR__CODE__DEAD:
    case RP__ERROR__CODE__INTERNAL:
    default:
        return RP_INTERNAL;
    }
}

/* Makes a text UTF-8 again: a character that was cut at the end goes, any other stray byte becomes
 * a question mark. */
static void mend(char *text)
{
    size_t n, len = strlen(text);
    for (size_t i = 0; i < len; i += n) {
        switch (rp_utf8_next(rp_bytes_of(text + i, len - i), &n)) {
        case RP_UTF8_WHOLE:
            break;
        case RP_UTF8_CUT:
            text[i] = '\0';
            return;
        case RP_UTF8_BROKEN:
            memset(text + i, '?', n);
        }
    }
}

rp_status rp_refusal_set(rp_refusal *retref, Rp__Error__Code code, const char *field,
    const char *limit, const char *format, ...)
{
    rp_status status = status_of(code);
    if (!retref)
        return status;
    rp_error *detail = &retref->detail;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail->message, sizeof detail->message, format, arguments);
    va_end(arguments);
    snprintf(detail->field, sizeof detail->field, "%s", field ? field : "");
    snprintf(detail->limit, sizeof detail->limit, "%s", limit ? limit : "");
    mend(detail->message);
    mend(detail->field);
    mend(detail->limit);
    detail->status = status;
    retref->code = code;
    return status;
}

void rp_refusal_error(const rp_refusal *refusal, Rp__Error *ret_error)
{
    rp__error__init(ret_error);
    ret_error->has_code = 1;
    ret_error->code = refusal->code;
    ret_error->message = refusal->detail.message;
    ret_error->field = refusal->detail.field[0] ? refusal->detail.field : NULL;
    ret_error->limit = refusal->detail.limit[0] ? refusal->detail.limit : NULL;
}

const char *rp_refusal_code_name(Rp__Error__Code code)
{
    const char *name = rp_schema_enum_name(&rp__error__code__descriptor, (int)code);
    return name ? name : "unknown";
}
