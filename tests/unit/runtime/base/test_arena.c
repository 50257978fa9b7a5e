#include "runtime/base/arena.h"

#include <criterion/criterion.h>
#include <stdalign.h>

static rp_arena arena_of(size_t chunk_bytes, size_t bytes_max)
{
    rp_arena arena;
    cr_assert(rp_arena_init(&arena, chunk_bytes, bytes_max) == RP_OK);
    return arena;
}

Test(arena, pieces_are_apart_and_aligned)
{
    rp_arena arena = arena_of(256, 64 << 10);
    uint8_t *pieces[200];
    for (size_t i = 0; i < 200; i++) {
        size_t size = i % 97;
        pieces[i] = rp_arena_alloc(&arena, size);
        cr_assert(pieces[i] && (uintptr_t)pieces[i] % alignof(max_align_t) == 0);
        memset(pieces[i], (int)i, size);
    }
    for (size_t i = 0; i < 200; i++) {
        for (size_t j = 0; j < i % 97; j++)
            cr_assert(pieces[i][j] == (uint8_t)i, "piece %zu was written over", i);
    }
    rp_arena_done(&arena);
}

Test(arena, bad_numbers_are_refused)
{
    rp_arena arena;
    cr_assert(rp_arena_init(&arena, 0, 1024) == RP_INVALID);
    cr_assert(rp_arena_init(&arena, 1025, 1024) == RP_INVALID);
    cr_assert(rp_arena_init(&arena, SIZE_MAX, SIZE_MAX) == RP_INVALID);
    cr_assert(rp_arena_alloc(&arena, 1) == NULL, "an arena that was refused gives nothing");
    rp_arena_done(&arena);
    rp_arena_done(NULL);
}

Test(arena, the_bound_holds_to_the_byte)
{
    rp_arena arena = arena_of(64, 1024);
    cr_assert(rp_arena_alloc(&arena, 1025) == NULL);
    cr_assert(rp_arena_alloc(&arena, SIZE_MAX) == NULL);
    cr_assert(rp_arena_alloc(&arena, 1008) != NULL);
    cr_assert(rp_arena_alloc(&arena, 17) == NULL);
    cr_assert(rp_arena_alloc(&arena, 16) != NULL);
    cr_assert(rp_arena_alloc(&arena, 1) == NULL);
    rp_arena_reset(&arena);
    cr_assert(rp_arena_alloc(&arena, 1024) != NULL);
    rp_arena_done(&arena);
}

/* What one message could take, the next can: chunks kept from before never stand in its way. */
Test(arena, what_fits_does_not_depend_on_what_came_before)
{
    rp_arena arena = arena_of(64, 4096);
    for (size_t size = 64; size <= 4096; size += 64) {
        cr_assert(rp_arena_alloc(&arena, size) != NULL, "%zu after smaller ones", size);
        cr_assert(arena.bytes_held <= 2 * 4096 + 64);
        rp_arena_reset(&arena);
    }
    for (size_t i = 0; i < 4096 / 16; i++)
        cr_assert(rp_arena_alloc(&arena, 16) != NULL, "small piece %zu after large ones", i);
    cr_assert(rp_arena_alloc(&arena, 16) == NULL);
    cr_assert(arena.bytes_held <= 2 * 4096 + 64);
    rp_arena_done(&arena);
}

Test(arena, after_warm_up_nothing_is_taken_from_malloc)
{
    rp_arena arena = arena_of(256, 64 << 10);
    size_t held = 0;
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < 100; i++)
            cr_assert(rp_arena_alloc(&arena, (i * 37) % 500) != NULL);
        cr_assert(round == 0 || arena.bytes_held == held, "round %d", round);
        held = arena.bytes_held;
        rp_arena_reset(&arena);
    }
    rp_arena_done(&arena);
}

Test(arena, arrays_are_cleared_and_products_checked)
{
    rp_arena arena = arena_of(64, 4096);
    memset(rp_arena_alloc(&arena, 512), 0xFF, 512);
    rp_arena_reset(&arena);
    uint64_t *array = rp_arena_array(&arena, 64, sizeof *array);
    for (size_t i = 0; i < 64; i++)
        cr_assert(array[i] == 0);
    cr_assert(rp_arena_array(&arena, SIZE_MAX / 2, 3) == NULL);
    cr_assert(rp_arena_array(&arena, 3, SIZE_MAX / 2) == NULL);
    cr_assert(rp_arena_array(&arena, 0, 8) != NULL && rp_arena_array(&arena, 8, 0) != NULL);
    rp_arena_done(&arena);
}

Test(arena, texts_and_copies)
{
    rp_arena arena = arena_of(64, 4096);
    cr_assert_str_eq(rp_arena_text(&arena, rp_bytes_of("abcdef", 3)), "abc");
    cr_assert_str_eq(rp_arena_text(&arena, rp_bytes_of(NULL, 0)), "");
    rp_bytes copy = rp_arena_copy(&arena, rp_bytes_of("a\0b", 3));
    cr_assert(rp_bytes_equal(copy, rp_bytes_of("a\0b", 3)));
    cr_assert_str_eq(rp_arena_printf(&arena, "%s-%d", "x", 7), "x-7");
    char wide[4096];
    memset(wide, 'w', sizeof wide);
    cr_assert(rp_arena_text(&arena, rp_bytes_of(wide, sizeof wide)) == NULL);
    copy = rp_arena_copy(&arena, rp_bytes_of(wide, sizeof wide));
    cr_assert(copy.data == NULL && copy.len == 0);
    cr_assert(rp_arena_printf(&arena, "%4096d", 1) == NULL);
    rp_arena_done(&arena);
}
