#include "unit/unit.h"

#include "base/bug.h"
#include "base/list.h"

struct item {
    char name;
    struct list link;
};

static const char *names(struct list *head)
{
    static char out[16];
    size_t n = 0;
    struct list *at, *after;
    list_each (at, after, head)
        out[n++] = container_of(at, struct item, link)->name;
    out[n] = '\0';
    /* The links back must tell the same. */
    for (at = head->prev; at != head; at = at->prev)
        assert_int_equal(container_of(at, struct item, link)->name, out[--n]);
    assert_int_equal(n, 0);
    return out;
}

static void items_come_in_the_order_of_their_ends(void **state)
{
    (void)state;
    struct list head;
    struct item a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};
    list_init(&head);
    assert_true(list_is_empty(&head));
    list_append(&head, &b.link);
    list_append(&head, &c.link);
    list_prepend(&head, &a.link);
    assert_string_equal(names(&head), "abc");
}

static void deleting_twice_does_nothing_more(void **state)
{
    (void)state;
    struct list head;
    struct item a = {.name = 'a'}, b = {.name = 'b'};
    list_init(&head);
    list_append(&head, &a.link);
    list_append(&head, &b.link);
    list_del(&a.link);
    list_del(&a.link);
    assert_true(list_is_empty(&a.link));
    assert_string_equal(names(&head), "b");
}

static void the_item_stood_on_may_be_deleted(void **state)
{
    (void)state;
    struct list head, *at, *after;
    struct item items[4] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}, {.name = 'd'}};
    list_init(&head);
    for (int i = 0; i < 4; i++)
        list_append(&head, &items[i].link);
    list_each (at, after, &head) {
        if (container_of(at, struct item, link)->name % 2)
            list_del(at);
    }
    assert_string_equal(names(&head), "bd");
}

static void moving_all_joins_and_empties(void **state)
{
    (void)state;
    struct list one, two;
    struct item a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};
    list_init(&one);
    list_init(&two);
    list_move_all(&one, &two);
    assert_true(list_is_empty(&one));
    list_append(&one, &a.link);
    list_append(&two, &b.link);
    list_append(&two, &c.link);
    list_move_all(&one, &two);
    assert_string_equal(names(&one), "abc");
    assert_true(list_is_empty(&two));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_come_in_the_order_of_their_ends),
        cmocka_unit_test(deleting_twice_does_nothing_more),
        cmocka_unit_test(the_item_stood_on_may_be_deleted),
        cmocka_unit_test(moving_all_joins_and_empties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
