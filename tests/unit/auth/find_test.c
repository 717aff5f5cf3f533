#include "unit/unit.h"

#include <stdio.h>

#include "auth/find.h"

static char inference[KEY_TEXT_MAX + 1], management[KEY_TEXT_MAX + 1], other[KEY_TEXT_MAX + 1];
static struct finder finder;

static int make_keys(void **state)
{
    struct key k = {0};
    (void)state;
    key_make(STR("sk-tp-v1-"), false, inference, &k);
    key_make(STR("sk-tp-v1-"), true, management, &k);
    key_make(STR("acme-v2-"), false, other, &k);
    finder_init(&finder, STR("acme-v2-"));
    return 0;
}

/* How many keys are in a text; the last one into `last`. */
static unsigned count(const char *text, struct found_key *last)
{
    size_t from = 0;
    unsigned n = 0;
    while (finder_next(&finder, str_c(text), &from, true, last))
        n++;
    assert_int_equal(from, strlen(text));
    return n;
}

static void around(const char *before, const char *key, const char *after, unsigned expected)
{
    char text[400];
    struct found_key k = {0};
    snprintf(text, sizeof text, "%s%s%s", before, key, after);
    if (count(text, &k) != expected)
        fail_msg("'%s' before, '%s' behind", before, after);
    if (expected) {
        assert_str(k.text, key);
        assert_int_equal(k.at, strlen(before));
        assert_int_equal(k.is_management, key == management);
    }
}

static void keys_are_found_wherever_they_stand(void **state)
{
    (void)state;
    static const char *const before[] = {"",    "\"",  "KEY=",    "Bearer ", "A",   "_",      "\n",
                                         "\\n", "%20", "\\u0022", "\\x22",   "%3d", "sk-tp-_"};
    static const char *const after[] = {"", "\"", "\n", "-", "_", "\\n", "%0A", ".", "\xff"};
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        for (size_t j = 0; j < sizeof after / sizeof after[0]; j++) {
            around(before[i], inference, after[j], 1);
            around(before[i], management, after[j], 1);
            around(before[i], other, after[j], 1);
        }
    }
}

static void what_is_part_of_something_longer_is_no_key(void **state)
{
    (void)state;
    static const char *const before[] = {"a", "0", "-", "my-", "x20", "\\u022", "%2"};
    static const char *const after[] = {"0", "f", "F", "A", "z", "00000000"};
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++)
        around(before[i], inference, "", 0);
    for (size_t i = 0; i < sizeof after / sizeof after[0]; i++)
        around("", inference, after[i], 0);
}

/* What must not be told must not be told within something longer either. */
static void a_text_holds_a_key_whatever_is_around(void **state)
{
    (void)state;
    static const char *const around_it[] = {"", "a", "0", "-", "F", "x20", "sk-tp-", "\n"};
    const char *const keys[] = {inference, management, other};
    char text[400];
    for (size_t i = 0; i < COUNT_OF(around_it); i++) {
        for (size_t j = 0; j < COUNT_OF(around_it); j++) {
            for (size_t k = 0; k < COUNT_OF(keys); k++) {
                int n = snprintf(text, sizeof text, "%s%s%s", around_it[i], keys[k], around_it[j]);
                assert_true(finder_holds(&finder, str_of(text, (size_t)n)));
                size_t cut = strlen(around_it[i]) + strlen(keys[k]) - 1;
                assert_false(finder_holds(&finder, str_of(text, cut)));
            }
        }
    }
    assert_false(finder_holds(&finder, STR("")));
    assert_false(finder_holds(&finder, STR("sk-tp-v1- acme-v2-")));
}

static void every_wrong_character_is_seen(void **state)
{
    (void)state;
    struct found_key k;
    for (size_t i = 0; inference[i]; i++) {
        char text[KEY_TEXT_MAX + 1];
        strcpy(text, inference);
        text[i] = text[i] == '1' ? '2' : '1';
        assert_int_equal(count(text, &k), 0);
        text[i] = '\0';
        assert_int_equal(count(text, &k), 0);
        strcpy(text, inference);
        if (text[i] >= 'a' && text[i] <= 'z') {
            text[i] = (char)(text[i] - 32);
            assert_int_equal(count(text, &k), 0);
        }
    }
}

/* The checksum alone finds nothing: digits that are right, without the prefix. */
static void digits_without_the_prefix_are_no_key(void **state)
{
    (void)state;
    struct found_key k;
    char text[200];
    assert_int_equal(count(inference + 9, &k), 0);
    snprintf(text, sizeof text, "sk-or-v1-%s", inference + 9);
    assert_int_equal(count(text, &k), 0);
    snprintf(text, sizeof text, "sk-tp-v2-%s", inference + 9);
    assert_int_equal(count(text, &k), 0);
    snprintf(text, sizeof text, "acme-mgmt-v1-%s", inference + 9);
    assert_int_equal(count(text, &k), 0);
    snprintf(text, sizeof text, "sk-tp-sk-tp-v1-%s", inference + 9);
    assert_int_equal(count(text, &k), 0);
}

static void several_are_found_in_order(void **state)
{
    (void)state;
    char text[600];
    struct found_key k;
    size_t from = 0;
    snprintf(text, sizeof text, "a:%s b:%s sk-tp- c:%s,sk-tp-v1-d", other, management, inference);
    assert_true(finder_next(&finder, str_c(text), &from, true, &k));
    assert_str(k.text, other);
    assert_true(finder_next(&finder, str_c(text), &from, true, &k));
    assert_str(k.text, management);
    assert_true(finder_next(&finder, str_c(text), &from, true, &k));
    assert_str(k.text, inference);
    assert_false(finder_next(&finder, str_c(text), &from, true, &k));
}

/* Fed in blocks with what must be kept of the one before, as scan does it. */
static void a_key_across_blocks_is_found_once(void **state)
{
    (void)state;
    char text[500], room[600];
    snprintf(text, sizeof text, "xx %s yy\n\\n%s zzzzzzzzzzz %s", inference, management, other);
    size_t all = strlen(text);
    for (size_t block = 1; block <= all; block++) {
        size_t kept = 0, from = 0, at = 0;
        unsigned n = 0;
        while (at < all) {
            size_t more = block < all - at ? block : all - at;
            memcpy(room + kept, text + at, more);
            at += more;
            struct found_key k;
            while (finder_next(&finder, str_of(room, kept + more), &from, at == all, &k))
                n++;
            size_t keep = kept + more - from + FIND_BEFORE;
            if (keep > kept + more)
                keep = kept + more;
            size_t drop = kept + more - keep;
            memmove(room, room + drop, keep);
            kept = keep;
            from -= drop;
            assert_true(kept <= FIND_CONTEXT);
        }
        assert_int_equal(n, 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_found_wherever_they_stand),
        cmocka_unit_test(what_is_part_of_something_longer_is_no_key),
        cmocka_unit_test(a_text_holds_a_key_whatever_is_around),
        cmocka_unit_test(every_wrong_character_is_seen),
        cmocka_unit_test(digits_without_the_prefix_are_no_key),
        cmocka_unit_test(several_are_found_in_order),
        cmocka_unit_test(a_key_across_blocks_is_found_once),
    };
    return cmocka_run_group_tests(tests, make_keys, NULL);
}
