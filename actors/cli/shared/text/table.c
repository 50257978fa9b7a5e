#include "actors/cli/shared/text/table.h"

#include <stdio.h>

enum { CELL_BYTES_MAX = 256, GAP = 2 };

/* Columns on the screen: bytes that begin a character. Names are ASCII but for what models are
 * called. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((uint8_t)*text & 0xC0) != 0x80;
    return width;
}

static void add(rp_table *table, const char *text)
{
    size_t column = table->count++ % table->columns, width = width_of(text);
    if (width > table->widths[column])
        table->widths[column] = width;
    rp_buffer_append(&table->cells, text, strlen(text) + 1);
}

void rp_table_init(rp_table *table, rp_buffer *out, size_t columns, const char *headers)
{
    RP_ASSERT(columns > 0 && columns <= RP_TABLE_COLUMNS_MAX);
    *table = (rp_table){.out = out, .columns = columns};
    rp_buffer_init(&table->cells, RP_TABLE_BYTES_MAX);
    for (size_t i = 0; i < columns; i++, headers += strlen(headers) + 1) {
        table->right[i] = headers[0] == '>';
        headers += table->right[i];
        add(table, headers);
    }
}

void rp_table_cell(rp_table *table, const char *format, ...)
{
    char text[CELL_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (char *p = text; *p; p++)
        *p = (uint8_t)*p < ' ' || *p == 0x7F ? '?' : *p;
    add(table, text);
}

/* A row ends with what its last filled cell says, not with blanks. */
static const char *write_row(const rp_table *table, const char *cell)
{
    rp_buffer *out = table->out;
    size_t start = out->len;
    for (size_t column = 0; column < table->columns; column++) {
        size_t fill = table->widths[column] - width_of(cell);
        bool last = column + 1 == table->columns;
        if (table->right[column])
            rp_buffer_printf(out, "%*s", (int)fill, "");
        rp_buffer_text(out, cell);
        if (!last)
            rp_buffer_printf(out, "%*s", (int)(GAP + (table->right[column] ? 0 : fill)), "");
        cell += strlen(cell) + 1;
    }
    while (out->len > start && out->data[out->len - 1] == ' ')
        rp_buffer_cut(out, out->len - 1);
    rp_buffer_text(out, "\n");
    return cell;
}

void rp_table_done(rp_table *table)
{
    const char *cell = rp_buffer_string(&table->cells);
    size_t rows = table->count / table->columns;
    if (table->cells.truncated)
        table->out->truncated = true;
    else
        for (size_t row = 0; row < rows && rows > 1; row++)
            cell = write_row(table, cell);
    rp_buffer_done(&table->cells);
}
