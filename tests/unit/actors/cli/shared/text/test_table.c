/* Tables: alignment, and what a terminal must not see. */
#include "actors/cli/shared/text/table.h"

#include <criterion/criterion.h>

static rp_buffer out;

static void setup(void)
{
    rp_buffer_init(&out, 1 << 20);
}

static void teardown(void)
{
    rp_buffer_done(&out);
}

TestSuite(table, .init = setup, .fini = teardown);

Test(table, columns_are_as_wide_as_they_need)
{
    rp_table table;
    rp_table_init(&table, &out, 3, "NAME\0>N\0WHAT\0");
    rp_table_cell(&table, "%s", "a");
    rp_table_cell(&table, "%d", 1000);
    rp_table_cell(&table, "x");
    rp_table_cell(&table, "longer");
    rp_table_cell(&table, "%d", 7);
    rp_table_cell(&table, "y");
    rp_table_done(&table);
    cr_assert_str_eq(rp_buffer_string(&out), "NAME       N  WHAT\n"
                                             "a       1000  x\n"
                                             "longer     7  y\n");
}

Test(table, characters_count_not_bytes)
{
    rp_table table;
    rp_table_init(&table, &out, 2, "A\0B\0");
    rp_table_cell(&table, "modèle");
    rp_table_cell(&table, "1");
    rp_table_cell(&table, "model");
    rp_table_cell(&table, "2");
    rp_table_done(&table);
    cr_assert_str_eq(rp_buffer_string(&out), "A       B\nmodèle  1\nmodel   2\n");
}

Test(table, empty_cells_at_the_end_of_a_row_leave_no_blanks)
{
    rp_table table;
    rp_table_init(&table, &out, 3, "A\0B\0>C\0");
    rp_table_cell(&table, "a");
    rp_table_cell(&table, "%s", "");
    rp_table_cell(&table, "%s", "");
    rp_table_cell(&table, "%s", "");
    rp_table_cell(&table, "%s", "");
    rp_table_cell(&table, "3");
    rp_table_done(&table);
    cr_assert_str_eq(rp_buffer_string(&out), "A  B  C\na\n      3\n");
}

Test(table, without_rows_nothing_is_written)
{
    rp_table table;
    rp_table_init(&table, &out, 2, "A\0B\0");
    rp_table_done(&table);
    cr_assert_eq(out.len, 0);
}

Test(table, control_characters_do_not_reach_the_terminal)
{
    rp_table table;
    rp_table_init(&table, &out, 1, "A\0");
    rp_table_cell(&table, "a\033[2Jb\nc\x7F");
    rp_table_done(&table);
    cr_assert_str_eq(rp_buffer_string(&out), "A\na?[2Jb?c?\n");
}

Test(table, a_full_buffer_shows)
{
    rp_table table;
    rp_table_init(&table, &out, 1, "A\0");
    for (int i = 0; i < RP_TABLE_BYTES_MAX / 100; i++)
        rp_table_cell(&table, "%0200d", i);
    rp_table_done(&table);
    cr_assert(out.truncated);
}
