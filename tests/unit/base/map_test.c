#include "unit/unit.h"

#include "base/map.h"

static void an_empty_map_has_nothing(void **state)
{
    (void)state;
    struct map m;
    size_t at = 0;
    map_init(&m);
    assert_null(map_get(&m, STR("a")));
    assert_null(map_del(&m, STR("a")));
    assert_null(map_next(&m, &at));
    map_release(&m);
}

static void putting_again_replaces_value_and_key(void **state)
{
    (void)state;
    struct map m;
    char first[] = "key", second[] = "key";
    int a, b;
    map_init(&m);
    assert_int_equal(map_put(&m, str_c(first), &a), ERR_OK);
    assert_int_equal(map_put(&m, str_c(second), &b), ERR_OK);
    memset(first, 'x', 3); /* the first key's owner is gone */
    assert_ptr_equal(map_get(&m, STR("key")), &b);
    assert_int_equal(m.n, 1);
    assert_ptr_equal(map_del(&m, STR("key")), &b);
    assert_null(map_get(&m, STR("key")));
    assert_int_equal(m.n, 0);
    map_release(&m);
}

static void keys_may_be_empty_or_hold_nuls(void **state)
{
    (void)state;
    struct map m;
    int a, b, c;
    map_init(&m);
    assert_int_equal(map_put(&m, STR_NONE, &a), ERR_OK);
    assert_int_equal(map_put(&m, STR("a\0b"), &b), ERR_OK);
    assert_int_equal(map_put(&m, STR("a\0c"), &c), ERR_OK);
    assert_ptr_equal(map_get(&m, STR("")), &a);
    assert_ptr_equal(map_get(&m, STR("a\0b")), &b);
    assert_ptr_equal(map_get(&m, STR("a\0c")), &c);
    assert_null(map_get(&m, STR("a")));
    map_release(&m);
}

enum { KEYS = 300 };

static void check_against(const struct map *m, const bool *there, uint64_t *keys)
{
    size_t n = 0, walked = 0, at = 0;
    for (int i = 0; i < KEYS; i++) {
        void *expected = there[i] ? &keys[i] : NULL;
        assert_ptr_equal(map_get(m, str_of((char *)&keys[i], sizeof keys[i])), expected);
        n += there[i];
    }
    assert_int_equal(m->n, n);
    assert_true(m->n <= m->cap / 4 * 3);
    for (uint64_t *key; (key = map_next(m, &at)); walked++)
        assert_true(there[key - keys]);
    assert_int_equal(walked, n);
}

/* Puts and deletions in any order, beside the plainest model: an array of what should be there. */
static void any_order_of_puts_and_deletions_agrees_with_a_model(void **state)
{
    (void)state;
    uint64_t seed = 11, keys[KEYS];
    bool there[KEYS] = {false};
    struct map m;
    map_init(&m);
    for (int i = 0; i < KEYS; i++)
        keys[i] = next_random(&seed);
    for (int step = 0; step < 60000; step++) {
        /* Waves, so that the map is full at times and nearly empty at others. */
        bool fill = (step / 3000) % 2 == 0;
        int i = (int)(next_random(&seed) % KEYS);
        struct str key = {(char *)&keys[i], sizeof keys[i]};
        if (next_random(&seed) % 4 < (fill ? 3u : 1u)) {
            assert_int_equal(map_put(&m, key, &keys[i]), ERR_OK);
            there[i] = true;
        } else {
            assert_ptr_equal(map_del(&m, key), there[i] ? &keys[i] : NULL);
            there[i] = false;
        }
        if (step % 250 == 0)
            check_against(&m, there, keys);
    }
    check_against(&m, there, keys);
    map_release(&m);
    assert_null(m.slots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_has_nothing),
        cmocka_unit_test(putting_again_replaces_value_and_key),
        cmocka_unit_test(keys_may_be_empty_or_hold_nuls),
        cmocka_unit_test(any_order_of_puts_and_deletions_agrees_with_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
