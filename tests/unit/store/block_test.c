/* Generations in blocks: where they go, and that each is found again. */
#include "unit/store/support.h"

#include "store/block.h"
#include "store/journal_record.h"

enum { ROWS = 50 };

struct made {
    struct buf bytes;
    struct generation rows[ROWS];
    struct block_writer writer;
    struct block block;
};

/* Ids three apart, and two tags of each. */
static int setup(void **state)
{
    struct made *m = calloc(1, sizeof *m);
    size_t n;
    buf_init(&m->bytes, 1 << 20);
    block_writer_init(&m->writer);
    for (int64_t i = 0; i < ROWS; i++) {
        struct generation g = make_generation(i / 2 * 3, 1, 2, i);
        g.tag = (uint64_t)(i % 2 * 7 + 1);
        assert_int_equal(journal_encode(&g, &m->bytes), ERR_OK);
    }
    journal_scan(buf_view(&m->bytes), m->rows, ROWS, &n);
    assert_int_equal(n, ROWS);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(block_add(&m->writer, &m->rows[i]), ERR_OK);
    m->block = (struct block){buf_view(&m->writer.directory), buf_view(&m->writer.records)};
    *state = m;
    return 0;
}

static int teardown(void **state)
{
    struct made *m = *state;
    block_writer_release(&m->writer);
    buf_release(&m->bytes);
    free(m);
    return 0;
}

static void what_goes_in_comes_out(void **state)
{
    struct made *m = *state;
    struct generation g;
    assert_int_equal(block_count(m->block.directory), ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        assert_int_equal(block_find(m->block.directory, m->rows[i].id, m->rows[i].tag), i);
        assert_true(block_has(m->block.directory, m->rows[i].id, m->rows[i].tag));
        assert_true(block_read(&m->block, i, &g));
        assert_same_generation(&g, &m->rows[i]);
    }
    assert_false(block_read(&m->block, ROWS, &g));
}

static void what_is_not_there_is_not_found(void **state)
{
    struct made *m = *state;
    assert_false(block_has(m->block.directory, 3, 2));
    assert_false(block_has(m->block.directory, 4, 1));
    assert_false(block_has(m->block.directory, INT64_MAX, UINT64_MAX));
    assert_false(block_has(STR_NONE, 0, 0));
}

static void a_damaged_block_is_not_read(void **state)
{
    struct made *m = *state;
    struct generation g;
    struct block cut = {m->block.directory, str_head(m->block.records, m->block.records.n - 1)};
    assert_false(block_read(&cut, ROWS - 1, &g));
    assert_true(block_read(&cut, ROWS - 2, &g));
    for (size_t at = 16; at < 20; at++) { /* the end of the first record */
        m->writer.directory.p[at] ^= 0x7f;
        assert_false(block_read(&m->block, 0, &g));
        assert_false(block_read(&m->block, 1, &g));
        m->writer.directory.p[at] ^= 0x7f;
    }
}

static void keys_grow_with_time_and_differ_by_maker(void **state)
{
    (void)state;
    struct generation_ids one = {.maker = 1}, two = {.maker = 2};
    int64_t a = generation_id_next(&one, SOME_MS), b = generation_id_next(&two, SOME_MS);
    int64_t again = generation_id_next(&one, SOME_MS),
            later = generation_id_next(&one, SOME_MS + 256);
    assert_int_equal(block_keys_of(a).first, block_keys_of(again).first);
    assert_true(block_keys_of(a).last < block_keys_of(b).first);
    assert_true(block_keys_of(b).last < block_keys_of(later).first);
    assert_true(block_keys_of(INT64_MAX).first > 0);
    assert_true(block_keys_of(INT64_MAX).last >= block_keys_of(INT64_MAX).first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_goes_in_comes_out, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_not_found, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_block_is_not_read, setup, teardown),
        cmocka_unit_test(keys_grow_with_time_and_differ_by_maker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
