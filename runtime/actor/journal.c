#include "runtime/actor/journal.h"

#include <inttypes.h>

/* Room that is kept for RANDOM, CUT and the closing bracket. */
enum { TAIL_BYTES = 96 };

void rp_journal_init(rp_journal *journal)
{
    *journal = (rp_journal){0};
    rp_buffer_init(&journal->text, RP_JOURNAL_BYTES_MAX);
}

void rp_journal_done(rp_journal *journal)
{
    rp_buffer_done(&journal->text);
}

void rp_journal_clear(rp_journal *journal)
{
    rp_buffer_clear(&journal->text);
    journal->draws = 0;
    journal->left_out = 0;
    journal->closed = false;
}

/* Takes the end of the text off again. */
static void reopen(rp_journal *journal)
{
    if (journal->closed)
        rp_buffer_cut(&journal->text, journal->entries_len);
    journal->closed = false;
}

/* A JSON string in ASCII: a header takes nothing else. */
static void ascii_string(rp_buffer *out, const char *text)
{
    rp_buffer_byte(out, '"');
    for (const char *p = text; *p; p++) {
        uint8_t c = (uint8_t)*p;
        if (c == '"' || c == '\\' || c < ' ' || c > '~')
            rp_buffer_printf(out, "\\u%04x", c);
        else
            rp_buffer_byte(out, c);
    }
    rp_buffer_byte(out, '"');
}

static void begin(rp_journal *journal, const char *place, const char *key)
{
    rp_buffer *text = &journal->text;
    rp_buffer_byte(text, text->len ? ',' : '[');
    rp_buffer_byte(text, '[');
    ascii_string(text, place);
    rp_buffer_byte(text, ',');
    ascii_string(text, key);
    rp_buffer_byte(text, ',');
}

/* Takes an entry back that did not fit whole. */
static void end(rp_journal *journal, size_t start)
{
    rp_buffer *text = &journal->text;
    rp_buffer_byte(text, ']');
    if (!text->truncated && text->len + TAIL_BYTES <= RP_JOURNAL_BYTES_MAX)
        return;
    journal->left_out++;
    text->truncated = false;
    text->len = start;
    if (text->data)
        text->data[start] = '\0';
}

void rp_journal_revision(rp_journal *journal, const char *place, const char *key, uint64_t revision)
{
    reopen(journal);
    size_t start = journal->text.len;
    begin(journal, place, key);
    rp_buffer_printf(&journal->text, "%" PRIu64, revision);
    end(journal, start);
}

void rp_journal_value(rp_journal *journal, const char *place, const char *key, const char *value)
{
    reopen(journal);
    size_t start = journal->text.len;
    begin(journal, place, key);
    ascii_string(&journal->text, value);
    end(journal, start);
}

void rp_journal_draw(rp_journal *journal)
{
    reopen(journal);
    journal->draws++;
}

const char *rp_journal_text(rp_journal *journal)
{
    rp_buffer *text = &journal->text;
    if (text->len == 0 && journal->draws == 0 && journal->left_out == 0)
        return "";
    if (journal->closed)
        return rp_buffer_string(text);
    journal->entries_len = text->len;
    if (journal->draws)
        rp_buffer_printf(
            text, "%s[\"RANDOM\",\"\",%" PRIu64 "]", text->len ? "," : "[", journal->draws);
    if (journal->left_out)
        rp_buffer_printf(
            text, "%s[\"CUT\",\"\",%" PRIu64 "]", text->len ? "," : "[", journal->left_out);
    rp_buffer_byte(text, ']');
    journal->closed = true;
    return rp_buffer_string(text);
}
