#include "unit/unit.h"

#include "io/internal.h"

/* The same 64 KiB twice, so that any stretch of up to 64 KiB can be viewed. */
static unsigned char bytes[2 * 65536];

static void make_bytes(void)
{
    uint64_t seed = 42;
    for (size_t i = 0; i < 65536; i++)
        bytes[i] = bytes[i + 65536] = (unsigned char)next_random(&seed);
}

/* What the queue would send first is what stands at `at` among the bytes. Returns how much that is.
 */
static size_t check_views(const struct outq *q, size_t at)
{
    uv_buf_t views[OUT_VIEWS];
    size_t all = 0;
    unsigned n = outq__views(q, views);
    for (unsigned i = 0; i < n; i++) {
        assert_true(views[i].len > 0);
        assert_memory_equal(views[i].base, bytes + (at + all) % 65536, views[i].len);
        all += views[i].len;
    }
    assert_true(all <= q->bytes);
    return all;
}

static void add(struct outq *q, struct spares *s, size_t at, size_t n)
{
    assert_true(outq__add(q, s, str_of((const char *)bytes + at % 65536, n), 0));
}

static void bytes_leave_in_the_order_in_which_they_came(void **state)
{
    (void)state;
    struct outq q = {0};
    struct spares s = {0};
    uint64_t seed = 7;
    size_t in = 0, out = 0;
    make_bytes();
    for (int i = 0; i < 20000; i++) {
        uint64_t what = next_random(&seed) % 8;
        size_t n = next_random(&seed) % (what ? 500 : 60000);
        if (what < 4) {
            add(&q, &s, in, n);
            in += n;
        } else if (what < 7) {
            size_t ready = check_views(&q, out);
            n = next_random(&seed) % (ready + 1);
            outq__consume(&q, &s, n);
            out += n;
        } else {
            outq__fit(&q, &s);
        }
        assert_int_equal(q.bytes, in - out);
    }
    check_views(&q, out);
    outq__drop(&q, &s);
    assert_null(q.head);
    assert_null(q.tail);
    spares__release(&s);
}

static void chunks_are_used_again_but_not_hoarded(void **state)
{
    (void)state;
    struct outq q = {0};
    struct spares s = {0};
    make_bytes();
    add(&q, &s, 0, 10);
    struct chunk *first = q.head;
    outq__drop(&q, &s);
    assert_int_equal(s.n, 1);
    add(&q, &s, 0, 10);
    assert_ptr_equal(q.head, first);
    assert_int_equal(s.n, 0);
    for (int i = 0; i < 2 * SPARES_MAX; i++)
        add(&q, &s, 0, CHUNK_ROOM);
    outq__drop(&q, &s);
    assert_int_equal(s.n, SPARES_MAX);
    spares__release(&s);
}

static void what_stays_is_kept_in_its_own_size(void **state)
{
    (void)state;
    struct outq q = {0};
    struct spares s = {0};
    make_bytes();
    add(&q, &s, 0, 1000);
    outq__consume(&q, &s, 900);
    outq__fit(&q, &s);
    assert_int_equal(q.head->cap, 100);
    assert_int_equal(s.n, 1);
    assert_int_equal(check_views(&q, 900), 100);
    outq__drop(&q, &s);
    spares__release(&s);
}

static void what_is_taken_is_the_front_and_the_rest_stays(void **state)
{
    (void)state;
    struct outq q = {0};
    struct spares s = {0};
    make_bytes();
    for (int i = 0; i < OUT_VIEWS + 2; i++)
        add(&q, &s, 0, CHUNK_ROOM);
    struct outq front = outq__take(&q);
    assert_int_equal(front.bytes, OUT_VIEWS * CHUNK_ROOM);
    assert_int_equal(q.bytes, 2 * CHUNK_ROOM);
    add(&q, &s, 0, 5);
    assert_int_equal(q.bytes, 2 * CHUNK_ROOM + 5);
    outq__drop(&q, &s);
    outq__drop(&front, &s);
    spares__release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_leave_in_the_order_in_which_they_came),
        cmocka_unit_test(chunks_are_used_again_but_not_hoarded),
        cmocka_unit_test(what_stays_is_kept_in_its_own_size),
        cmocka_unit_test(what_is_taken_is_the_front_and_the_rest_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
