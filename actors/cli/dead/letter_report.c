/* A dead letter as it is shown. */
#include "actors/cli/dead/letter.h"

#include "actors/cli/shared/text/json_member.h"
#include "actors/cli/shared/text/units.h"
#include "runtime/base/clock.h"
#include "runtime/base/json.h"
#include "runtime/base/utf8.h"
#include "schemas/refusal.h"

#include <inttypes.h>
#include <stdio.h>

enum { HEX_COLUMNS = 16, WHY_COLUMNS = 80 };

static const char unreadable[] = "the letter itself cannot be read";

/* -- one of several ---------------------------------------------------------------------------- */

void rp_letter_row(const rp_letter *letter, uint64_t now_ns, rp_table *table)
{
    char age[RP_UNITS_TEXT_BYTES];
    const Rp__Dead *dead = letter->dead;
    rp_units_duration(now_ns > letter->timestamp_ns ? now_ns - letter->timestamp_ns : 0, age);
    rp_table_cell(table, "%" PRIu64, letter->sequence);
    rp_table_cell(table, "%s ago", age);
    rp_table_cell(table, "%s", letter->kind);
    if (!dead) {
        for (int i = 0; i < 5; i++)
            rp_table_cell(table, "%s", "");
        rp_table_cell(table, "%s", unreadable);
        return;
    }
    rp_bytes why = rp_utf8_cut(rp_bytes_text(dead->error->message), WHY_COLUMNS);
    rp_table_cell(table, "%s:%" PRIu64, dead->stream, dead->sequence);
    rp_table_cell(table, "%s", dead->subject);
    rp_table_cell(table, "%s", letter->tenant);
    rp_table_cell(table, "%s", letter->request);
    rp_table_cell(table, "%" PRIu64, dead->deliveries);
    rp_table_cell(table, "%.*s%s", (int)why.len, (const char *)why.data,
        why.len < strlen(dead->error->message) ? "..." : "");
}

static void error_json(const Rp__Error *error, rp_buffer *out)
{
    rp_buffer_text(out, ",\"error\":{");
    rp_json_member(out, "code", rp_refusal_code_name(error->code));
    rp_json_member(out, "message", error->message);
    if (error->field)
        rp_json_member(out, "field", error->field);
    if (error->limit)
        rp_json_member(out, "limit", error->limit);
    rp_buffer_text(out, "}");
}

void rp_letter_json(const rp_letter *letter, rp_buffer *out)
{
    char time[RP_CLOCK_TEXT_BYTES];
    const Rp__Dead *dead = letter->dead;
    rp_clock_text(letter->timestamp_ns, time);
    rp_buffer_printf(out, "\"dead\":%" PRIu64, letter->sequence);
    rp_json_member(out, "time", time);
    rp_json_member(out, "kind", letter->kind);
    rp_buffer_printf(out, ",\"readable\":%s", dead ? "true" : "false");
    if (!dead)
        return;
    rp_json_member(out, "stream", dead->stream);
    rp_buffer_printf(out, ",\"sequence\":%" PRIu64, dead->sequence);
    rp_json_member(out, "subject", dead->subject);
    if (*letter->tenant)
        rp_json_member(out, "tenant", letter->tenant);
    if (*letter->request)
        rp_json_member(out, "request", letter->request);
    rp_buffer_printf(out, ",\"deliveries\":%" PRIu64, dead->deliveries);
    error_json(dead->error, out);
}

/* -- one alone --------------------------------------------------------------------------------- */

/* Control characters that a stored text may hold do not reach the terminal. */
static void line(rp_buffer *out, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    rp_buffer_printf(out, "%-11s", name);
    for (; *value; value++)
        rp_buffer_byte(out, (uint8_t)*value < ' ' || *value == 0x7F ? '?' : (uint8_t)*value);
    rp_buffer_text(out, "\n");
}

void rp_letter_text(const rp_letter *letter, rp_buffer *out)
{
    char time[RP_CLOCK_TEXT_BYTES], sequence[24], deliveries[24];
    const Rp__Dead *dead = letter->dead;
    rp_clock_text(letter->timestamp_ns, time);
    rp_buffer_printf(out, "%-11sDEAD:%" PRIu64 ", at %s\n", "letter", letter->sequence, time);
    line(out, "from", letter->kind);
    if (!dead) {
        rp_buffer_printf(out, "%-11s%s\n", "why", unreadable);
        return;
    }
    line(out, "why", dead->error->message);
    line(out, "code", rp_refusal_code_name(dead->error->code));
    line(out, "field", dead->error->field);
    line(out, "limit", dead->error->limit);
    snprintf(deliveries, sizeof deliveries, "%" PRIu64, dead->deliveries);
    line(out, "deliveries", deliveries);
    line(out, "tenant", letter->tenant);
    line(out, "request", letter->request);
    line(out, "subject", dead->subject);
    line(out, "stream", dead->stream);
    snprintf(sequence, sizeof sequence, "%" PRIu64, dead->sequence);
    line(out, "sequence", sequence);
}

/* -- bodies ------------------------------------------------------------------------------------ */

/* Whether a terminal may have it: UTF-8 without control characters but tabs and line feeds. */
static bool is_text(rp_bytes body)
{
    bool text = rp_utf8_valid(body);
    for (size_t i = 0; i < body.len && text; i++) {
        uint8_t c = body.data[i];
        bool control = (c < ' ' && c != '\n' && c != '\t' && c != '\r') || c == 0x7F;
        /* U+0080 to U+009F */
        bool c1 = c == 0xC2 && i + 1 < body.len && body.data[i + 1] < 0xA0;
        text = !control && !c1;
    }
    return text;
}

static void text_lines(rp_bytes text, rp_buffer *out)
{
    bool begins = true;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c == '\r')
            continue;
        if (begins)
            rp_buffer_text(out, "  ");
        rp_buffer_byte(out, c);
        begins = c == '\n';
    }
    if (!begins)
        rp_buffer_text(out, "\n");
}

static void hex_line(rp_bytes body, size_t at, rp_buffer *out)
{
    rp_buffer_printf(out, "  %08zx ", at);
    for (size_t i = at; i < at + HEX_COLUMNS; i++) {
        if (i < body.len)
            rp_buffer_printf(out, " %02x", body.data[i]);
        else
            rp_buffer_text(out, "   ");
    }
    rp_buffer_text(out, "  |");
    for (size_t i = at; i < at + HEX_COLUMNS && i < body.len; i++)
        rp_buffer_byte(out, body.data[i] < ' ' || body.data[i] > '~' ? '.' : body.data[i]);
    rp_buffer_text(out, "|\n");
}

void rp_letter_body_text(rp_bytes body, size_t bytes_max, rp_buffer *out)
{
    bool text = is_text(body);
    rp_bytes shown = text ? rp_utf8_cut(body, bytes_max)
                          : rp_bytes_of(body.data, body.len < bytes_max ? body.len : bytes_max);
    if (text)
        text_lines(shown, out);
    for (size_t at = 0; at < shown.len && !text; at += HEX_COLUMNS)
        hex_line(shown, at, out);
    if (shown.len < body.len)
        rp_buffer_printf(out, "  ... and %zu bytes more\n", body.len - shown.len);
    if (body.len == 0)
        rp_buffer_text(out, "  (empty)\n");
}

void rp_letter_body_json(rp_bytes body, size_t bytes_max, rp_buffer *out)
{
    bool text = is_text(body);
    rp_bytes shown = text ? rp_utf8_cut(body, bytes_max)
                          : rp_bytes_of(body.data, body.len < bytes_max ? body.len : bytes_max);
    rp_buffer_printf(out, ",\"body_bytes\":%zu,\"body_cut\":%s,", body.len,
        shown.len < body.len ? "true" : "false");
    if (text) {
        rp_buffer_text(out, "\"body\":");
        rp_json_string(out, shown);
        return;
    }
    rp_buffer_text(out, "\"body_hex\":\"");
    for (size_t i = 0; i < shown.len; i++)
        rp_buffer_printf(out, "%02x", shown.data[i]);
    rp_buffer_text(out, "\"");
}
