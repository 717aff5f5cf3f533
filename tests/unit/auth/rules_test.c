#include "unit/unit.h"

#include "auth/rules.h"

static bool allows(const char *list, const char *item)
{
    return rules_allow(list ? str_c(list) : STR_NONE, str_c(item));
}

static bool within(const char *list, const char *bound)
{
    struct str item;
    return rules_within(list ? str_c(list) : STR_NONE, bound ? str_c(bound) : STR_NONE, &item);
}

static void an_item_names_one_or_all_of_an_author(void **state)
{
    (void)state;
    assert_true(allows(NULL, "a/b") && !allows("", "a/b"));
    assert_true(allows("x/y\na/b\n", "a/b") && !allows("x/y\na/b\n", "a/bc"));
    assert_true(allows("a/*\n", "a/b") && !allows("a/*\n", "ab/c") && !allows("a/*\n", "a"));
    assert_false(allows("a*\n", "a/b")); /* a star means nothing but behind a slash */
    assert_false(allows("A/b\n", "a/b"));
    assert_false(allows("x\n", ""));
}

static void a_list_lies_within_another_or_tells_what_does_not(void **state)
{
    (void)state;
    struct str item;
    assert_true(within(NULL, NULL) && !within(NULL, "a/b\n") && within("", "a/b\n"));
    assert_true(within("a/b\na/c\n", "a/*\n") && within("a/*\n", "a/*\n"));
    assert_true(!within("a/*\n", "a/b\n") && within("a/b\n", NULL) && !within("a/b\n", ""));
    assert_false(rules_within(STR("a/b\nc/d\n"), STR("a/b\n"), &item));
    assert_str(item, "c/d");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_item_names_one_or_all_of_an_author),
        cmocka_unit_test(a_list_lies_within_another_or_tells_what_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
