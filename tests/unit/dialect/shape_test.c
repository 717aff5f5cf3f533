#include "unit/unit.h"

#include "dialect/shape.h"

static const struct shape inner[] = {
    SHAPE_IS("text", SHAPE_STRING),
    SHAPE_IN("share", SHAPE_NUMBER, 0, 1),
    SHAPE_END,
};

static const struct shape outer[] = {
    SHAPE_IS("flag", SHAPE_BOOLEAN),
    SHAPE_IN("count", SHAPE_COUNT, 1, 20),
    SHAPE_IN("any_count", SHAPE_COUNT, 0, 0),
    SHAPE_IS("number", SHAPE_NUMBER),
    SHAPE_LIST("parts", SHAPE_STRING | SHAPE_OBJECT | SHAPE_ARRAY, SHAPE_OBJECT, inner),
    SHAPE_LIST("words", SHAPE_ARRAY, SHAPE_STRING, NULL),
    SHAPE_OF("one", SHAPE_OBJECT, inner),
    SHAPE_IS("bare", SHAPE_ARRAY),
    SHAPE_END,
};

static struct json_tape tape;

static enum err check(const char *text, struct fault *f)
{
    struct json root;
    assert_int_equal(json_parse(&tape, str_c(text), &root, NULL), ERR_OK);
    return shape_check_members(outer, root, NULL, f);
}

static void what_is_right_or_null_or_unknown_passes(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "{}",
        "{\"flag\":true,\"count\":20,\"any_count\":18446744073709551615,\"number\":-1e400}",
        "{\"flag\":null,\"count\":null,\"parts\":null,\"one\":{\"text\":null}}",
        "{\"parts\":\"x\",\"words\":[\"a\",\"b\"],\"bare\":[1,{},null]}",
        "{\"parts\":[{\"text\":\"x\",\"share\":0.5,\"more\":[]}],\"unknown\":{\"text\":5}}",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(check(rows[i], NULL), ERR_OK);
}

static void what_is_wrong_is_named_by_its_path(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sentence;
    } rows[] = {
        {"{\"flag\":1}", "flag: expected true or false, got a number"},
        {"{\"fl\\u0061g\":1}", "flag: expected true or false, got a number"},
        {"{\"count\":0}",
         "count: expected a whole number from 1 to 20, got a number outside of that"},
        {"{\"count\":\"1\"}", "count: expected a whole number from 1 to 20, got a string"},
        {"{\"any_count\":1.5}", "any_count: expected a whole number, got a number outside of that"},
        {"{\"number\":[]}", "number: expected a number, got an array"},
        {"{\"parts\":1}", "parts: expected a string, an object or an array, got a number"},
        {"{\"parts\":[{},null]}", "parts[1]: expected an object, got null"},
        {"{\"parts\":[{},{\"text\":[]}]}", "parts[1].text: expected a string, got an array"},
        {"{\"one\":{\"share\":1.5}}",
         "one.share: expected a number from 0 to 1, got a number outside of that"},
        {"{\"words\":[\"a\",{}]}", "words[1]: expected a string, got an object"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fault f = {0};
        assert_int_equal(check(rows[i].text, &f), ERR_INVALID);
        assert_string_equal(f.message, rows[i].sentence);
    }
}

static int set_up(void **state)
{
    (void)state;
    json_tape_init(&tape, 1000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    json_tape_release(&tape);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_right_or_null_or_unknown_passes),
        cmocka_unit_test(what_is_wrong_is_named_by_its_path),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
