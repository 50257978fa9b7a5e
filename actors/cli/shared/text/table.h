/* A table for a terminal: columns as wide as their widest cell, two spaces between.
 *
 *     rp_table table;
 *     rp_table_init(&table, out, 3, "ACTOR\0READY\0>SLOTS\0");
 *     rp_table_cell(&table, "%s", kind);
 *     ...
 *     rp_table_done(&table);    writes it and frees
 *
 * A header that begins with > aligns its column to the right (numbers). Cells are added row by row.
 */
#ifndef ACTORS_CLI_SHARED_TEXT_TABLE_H
#define ACTORS_CLI_SHARED_TEXT_TABLE_H

#include "runtime/base/buffer.h"

enum { RP_TABLE_COLUMNS_MAX = 12, RP_TABLE_BYTES_MAX = 1 << 20 };

/* In the caller's storage; the fields are the table's own. */
typedef struct rp_table {
    rp_buffer *out;
    rp_buffer cells; /* texts, each with its NUL, headers first */
    size_t columns;
    size_t count; /* of cells */
    size_t widths[RP_TABLE_COLUMNS_MAX];
    bool right[RP_TABLE_COLUMNS_MAX];
} rp_table;

/* `headers` is `columns` strings, one behind the other, each with its NUL. */
void rp_table_init(rp_table *table, rp_buffer *out, size_t columns, const char *headers);

/* Adds the next cell; control characters are shown as '?'. */
void rp_table_cell(rp_table *table, const char *format, ...) RP_PRINTF(2, 3);

/* Writes the table, unless it has no rows, and frees what it held. */
void rp_table_done(rp_table *table);

#endif
