#include "unit/unit.h"

#include <stdalign.h>

#include "base/arena.h"

static void memory_is_aligned_apart_and_writable(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 256, 1 << 20);
    char *chunks[500];
    for (size_t i = 0; i < 500; i++) {
        chunks[i] = arena_alloc(&a, i);
        assert_non_null(chunks[i]);
        assert_int_equal((uintptr_t)chunks[i] % alignof(max_align_t), 0);
        memset(chunks[i], (int)i, i);
    }
    for (size_t i = 0; i < 500; i++) {
        for (size_t j = 0; j < i; j++)
            assert_int_equal((unsigned char)chunks[i][j], i & 255);
    }
    arena_release(&a);
    assert_int_equal(a.used, 0);
}

static void the_ceiling_holds_and_what_was_taken_stays(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 64, 128);
    char *p = arena_zalloc(&a, 64);
    assert_non_null(p);
    assert_int_equal(p[63], 0);
    assert_null(arena_alloc(&a, 65));
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX - 20));
    assert_non_null(arena_alloc(&a, 64));
    assert_null(arena_alloc(&a, 1));
    assert_true(a.used <= a.max);
    arena_release(&a);
    assert_non_null(arena_alloc(&a, 128));
    arena_release(&a);
}

static void strings_are_copied_and_terminated(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 64, 1024);
    char text[] = "abc";
    struct str copy = arena_str(&a, str_of(text, 3));
    text[0] = 'x';
    assert_string_equal(copy.p, "abc");
    struct str empty = arena_str(&a, STR_NONE);
    assert_non_null(empty.p);
    assert_int_equal(empty.n, 0);
    assert_null(arena_str(&a, str_of(text, SIZE_MAX)).p);
    arena_release(&a);
}

static char ran[8];

static void note(void *c)
{
    ran[strlen(ran)] = *(char *)c;
}

static void what_was_deferred_runs_newest_first_and_once(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 64, 1024);
    memset(ran, 0, sizeof ran);
    assert_true(arena_defer(&a, note, "a"));
    assert_true(arena_defer(&a, note, "b"));
    assert_true(arena_defer(&a, note, "c"));
    arena_release(&a);
    arena_release(&a);
    assert_string_equal(ran, "cba");
}

static void nothing_is_deferred_without_room(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 64, 8);
    memset(ran, 0, sizeof ran);
    assert_false(arena_defer(&a, note, "a"));
    arena_release(&a);
    assert_string_equal(ran, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_aligned_apart_and_writable),
        cmocka_unit_test(the_ceiling_holds_and_what_was_taken_stays),
        cmocka_unit_test(strings_are_copied_and_terminated),
        cmocka_unit_test(what_was_deferred_runs_newest_first_and_once),
        cmocka_unit_test(nothing_is_deferred_without_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
