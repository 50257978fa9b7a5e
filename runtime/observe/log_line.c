#include "runtime/observe/log_internal.h"

#include <inttypes.h>

#include "runtime/base/json.h"
#include "runtime/base/utf8.h"

enum {
    TAIL_BYTES = 32, /* room for what ends a line: the mark of a cut, the brace, the line feed */
    NAME_MAX_SHOWN = 64,
    EVENT_COLUMN = 24, /* text: fields start here */
    TIME_OF_DAY = 11   /* where it starts in RFC 3339 */
};

#define ELLIPSIS "\xE2\x80\xA6"

#define COLOUR_OFF  "\033[0m"
#define COLOUR_DIM  "\033[2m"
#define COLOUR_BOLD "\033[1m"

static const struct {
    const char *name;
    const char *column;
    const char *colour;
} levels[RP_LOG_OFF] = {
    [RP_LOG_DEBUG] = {"debug", "DEBUG", "\033[36m"},
    [RP_LOG_INFO] = {"info", "INFO ", "\033[32m"},
    [RP_LOG_WARN] = {"warn", "WARN ", "\033[33m"},
    [RP_LOG_ERROR] = {"error", "ERROR", "\033[1;31m"},
};

static void coloured(rp_buffer *line, rp__log_style style, const char *colour, const char *text)
{
    if (style.colour)
        rp_buffer_text(line, colour);
    rp_buffer_text(line, text);
    if (style.colour)
        rp_buffer_text(line, COLOUR_OFF);
}

void rp__log_line_begin(
    rp_buffer *line, rp__log_style style, uint64_t unix_ns, rp_log_level level, const char *event)
{
    char time[RP_CLOCK_TEXT_BYTES];
    size_t event_len = strnlen(event, NAME_MAX_SHOWN);
    rp_clock_text(unix_ns, time);
    if (style.json) {
        rp_buffer_printf(
            line, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":", time, levels[level].name);
        rp_json_string(line, rp_bytes_of(event, event_len));
        return;
    }
    time[strlen(time) - 1] = '\0'; /* the Z: all lines are in UTC */
    coloured(line, style, COLOUR_DIM, time + TIME_OF_DAY);
    rp_buffer_byte(line, ' ');
    coloured(line, style, levels[level].colour, levels[level].column);
    rp_buffer_byte(line, ' ');
    if (style.colour)
        rp_buffer_text(line, COLOUR_BOLD);
    rp_buffer_append(line, event, event_len);
    if (style.colour)
        rp_buffer_text(line, COLOUR_OFF);
    if (event_len < EVENT_COLUMN)
        rp_buffer_printf(line, "%*s", (int)(EVENT_COLUMN - event_len), "");
}

static void put_name(rp_buffer *line, rp__log_style style, const char *name, const char *unit)
{
    size_t len = strnlen(name, NAME_MAX_SHOWN);
    if (style.json) {
        rp_buffer_byte(line, ',');
        rp_buffer_printf(line, "\"%.*s%s\":", (int)len, name, unit);
        return;
    }
    rp_buffer_byte(line, ' ');
    if (style.colour)
        rp_buffer_text(line, COLOUR_DIM);
    rp_buffer_append(line, name, len);
    rp_buffer_byte(line, '=');
    if (style.colour)
        rp_buffer_text(line, COLOUR_OFF);
}

/* Whether a text reads well without quotes. */
static bool is_bare(rp_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c <= ' ' || c > '~' || c == '"' || c == '=' || c == '\\')
            return false;
    }
    return text.len > 0;
}

/* DEL and the C1 controls are plain characters to JSON, but commands to a terminal. */
static void defuse(uint8_t *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == 0x7F)
            text[i] = '?';
        if (text[i] == 0xC2 && i + 1 < len && text[i + 1] >= 0x80 && text[i + 1] < 0xA0)
            text[i] = text[i + 1] = '?';
    }
}

static void put_text(rp_buffer *line, rp__log_style style, rp_bytes text)
{
    uint8_t shown[RP_LOG_VALUE_MAX + sizeof ELLIPSIS];
    if (!text.data) {
        rp_buffer_text(line, "null");
        return;
    }
    size_t len = rp_utf8_cut(text, RP_LOG_VALUE_MAX).len;
    memcpy(shown, text.data, len);
    if (!style.json)
        defuse(shown, len);
    if (len < text.len) {
        memcpy(shown + len, ELLIPSIS, sizeof ELLIPSIS - 1);
        len += sizeof ELLIPSIS - 1;
    }
    rp_bytes value = rp_bytes_of(shown, len);
    if (!style.json && is_bare(value))
        rp_buffer_append(line, value.data, value.len);
    else
        rp_json_string(line, value);
}

/* Three significant digits in the unit that fits; people compare by eye. */
static void put_duration(rp_buffer *line, uint64_t ns)
{
    static const struct {
        uint64_t from;
        const char *name;
    } units[] = {{RP_NS_PER_S, "s"}, {RP_NS_PER_MS, "ms"}, {RP_NS_PER_US, "us"}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (ns < units[i].from)
            continue;
        uint64_t whole = ns / units[i].from;
        int decimals = whole < 10 ? 2 : whole < 100 ? 1 : 0;
        rp_buffer_printf(
            line, "%.*f%s", decimals, (double)ns / (double)units[i].from, units[i].name);
        return;
    }
    rp_buffer_printf(line, "%" PRIu64 "ns", ns);
}

static void put_field(rp_buffer *line, rp__log_style style, const rp_log_field *field);

static void put_failure(rp_buffer *line, rp__log_style style, const rp_error *failure)
{
    const rp_log_field status = rp_log_status("status", failure->status);
    const rp_log_field details[] = {rp_log_text("field", failure->field),
        rp_log_text("limit", failure->limit), rp_log_text("error", failure->message)};
    put_field(line, style, &status);
    for (size_t i = 0; i < sizeof details / sizeof details[0]; i++) {
        if (details[i].value.text.len > 0)
            put_field(line, style, &details[i]);
    }
}

static void put_field(rp_buffer *line, rp__log_style style, const rp_log_field *field)
{
    if (field->kind == RP_LOG_KIND_FAILURE) {
        if (field->value.failure)
            put_failure(line, style, field->value.failure);
        return;
    }
    bool in_ns = style.json && field->kind == RP_LOG_KIND_DURATION;
    put_name(line, style, field->name, in_ns ? "_ns" : "");
    switch (field->kind) {
    case RP_LOG_KIND_TEXT:
        put_text(line, style, field->value.text);
        break;
    case RP_LOG_KIND_COUNT:
        rp_buffer_printf(line, "%" PRIu64, field->value.count);
        break;
    case RP_LOG_KIND_NUMBER:
        rp_buffer_printf(line, "%" PRId64, field->value.number);
        break;
    case RP_LOG_KIND_FLOAT:
        rp_json_double(line, field->value.real);
        break;
    case RP_LOG_KIND_DURATION:
        if (style.json)
            rp_buffer_printf(line, "%" PRIu64, field->value.count);
        else
            put_duration(line, field->value.count);
        break;
    case RP_LOG_KIND_FLAG:
        rp_buffer_text(line, field->value.flag ? "true" : "false");
        break;
    case RP_LOG_KIND_STATUS:
        put_text(line, style, rp_bytes_text(rp_status_name(field->value.status)));
        break;
    case RP_LOG_KIND_FAILURE:
        break; /* above */
    }
}

/* Keeps what was added since `mark` if the line still has room for its end. */
static bool settle(rp_buffer *line, size_t mark)
{
    if (!line->truncated && line->len <= RP_LOG_LINE_MAX - TAIL_BYTES)
        return true;
    rp_buffer_cut(line, mark);
    return false;
}

bool rp__log_line_field(rp_buffer *line, rp__log_style style, const rp_log_field *field)
{
    size_t mark = line->len;
    put_field(line, style, field);
    return settle(line, mark);
}

bool rp__log_line_bound(rp_buffer *line, rp_bytes bound)
{
    size_t mark = line->len;
    rp_buffer_append(line, bound.data, bound.len);
    return settle(line, mark);
}

void rp__log_line_end(rp_buffer *line, rp__log_style style, bool cut)
{
    const rp_log_field mark = rp_log_flag("cut", true);
    if (cut)
        put_field(line, style, &mark);
    rp_buffer_text(line, style.json ? "}\n" : "\n");
}
