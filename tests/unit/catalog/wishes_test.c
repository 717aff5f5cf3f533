/* The `provider` object: what is understood, and the sentence for what is not. */
#include "unit/unit.h"

#include "catalog/catalog.h"
#include "catalog/wishes.h"

static struct {
    struct json_tape tape;
    struct wishes wishes;
    struct fault fault;
} here;

static int set_up(void **state)
{
    (void)state;
    json_tape_init(&here.tape, 10000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    json_tape_release(&here.tape);
    return 0;
}

static enum err reading(const char *text)
{
    struct json root;
    assert_int_equal(json_parse(&here.tape, str_c(text), &root, NULL), ERR_OK);
    return wishes_read(root, &here.wishes, &here.fault);
}

static const struct wishes *wishes(const char *text)
{
    if (reading(text) != ERR_OK)
        fail_msg("%s: %s", text, here.fault.message);
    return &here.wishes;
}

static void nothing_is_wished_where_nothing_is_said(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "null", "{}",
        ("{\"order\":null,\"only\":null,\"ignore\":null,\"allow_fallbacks\":null,"
         "\"require_parameters\":null,\"data_collection\":null,\"zdr\":null,\"quantizations\":null,"
         "\"sort\":null,\"max_price\":null}"),
        ("{\"order\":[],\"only\":[],\"ignore\":[],\"quantizations\":[],\"max_price\":{},"
         "\"sort\":{\"by\":null,\"partition\":\"model\"},\"data_collection\":\"allow\"}"),
        "{\"preferred_min_throughput\":5,\"no_such_wish\":true}"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        const struct wishes *w = wishes(texts[i]);
        assert_true(w->allow_fallbacks && !w->require_parameters);
        assert_false(w->denies_training || w->wants_no_retention || w->is_pooled);
        assert_int_equal(w->sort, SORT_NONE);
        assert_int_equal(w->quantizations, 0);
        assert_int_equal(w->order.n + w->only.n + w->ignore.n, 0);
        assert_int_equal(w->prompt_most, WISHES_UNBOUNDED);
        assert_int_equal(w->completion_most, WISHES_UNBOUNDED);
        assert_int_equal(w->request_most, WISHES_UNBOUNDED);
    }
    assert_int_equal(wishes_read((struct json){0}, &here.wishes, NULL), ERR_OK);
}

static void every_wish_is_taken_over(void **state)
{
    (void)state;
    const struct wishes *w = wishes(
        "{\"order\":[\"a\",\"B/turbo\"],\"only\":[\"a\"],\"ignore\":[\"c\",\"d\",\"e\"],"
        "\"allow_fallbacks\":false,\"require_parameters\":true,\"data_collection\":\"deny\","
        "\"zdr\":true,\"quantizations\":[\"fp8\",\"unknown\"],\"sort\":\"latency\","
        "\"max_price\":{\"prompt\":0.5,\"completion\":\"2\",\"request\":\"0.001\",\"image\":1}}");
    assert_int_equal(w->order.n, 2);
    assert_str(w->order.at[1], "B/turbo");
    assert_str(w->only.at[0], "a");
    assert_int_equal(w->ignore.n, 3);
    assert_true(!w->allow_fallbacks && w->require_parameters);
    assert_true(w->denies_training && w->wants_no_retention);
    assert_int_equal(w->quantizations, 1u << QUANTIZATION_FP8 | 1u << QUANTIZATION_UNKNOWN);
    assert_int_equal(w->sort, SORT_LATENCY);
    assert_false(w->is_pooled);
    assert_int_equal(w->prompt_most, 500000);
    assert_int_equal(w->completion_most, 2000000);
    assert_int_equal(w->request_most, 1000000);
    assert_int_equal(wishes("{\"sort\":\"price\"}")->sort, SORT_PRICE);
    assert_int_equal(wishes("{\"sort\":\"exacto\"}")->sort, SORT_EXACTO);
    w = wishes("{\"sort\":{\"by\":\"throughput\",\"partition\":\"none\"}}");
    assert_int_equal(w->sort, SORT_THROUGHPUT);
    assert_true(w->is_pooled);
}

static void what_makes_no_sense_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sentence;
    } rows[] = {
        {"[]", "provider: expected an object, got an array"},
        {"{\"order\":\"a\"}", "provider.order: expected an array of providers, got a string"},
        {"{\"only\":[1]}", "provider.only[0]: expected a string, got a number"},
        {"{\"ignore\":[null]}", "provider.ignore[0]: expected a string, got null"},
        {"{\"allow_fallbacks\":\"no\"}",
         "provider.allow_fallbacks: expected true or false, got a string"},
        {"{\"require_parameters\":1}",
         "provider.require_parameters: expected true or false, got a number"},
        {"{\"zdr\":[]}", "provider.zdr: expected true or false, got an array"},
        {"{\"data_collection\":\"never\"}",
         "provider.data_collection: expected allow or deny, got another word"},
        {"{\"data_collection\":true}",
         "provider.data_collection: expected allow or deny, got a boolean"},
        {"{\"quantizations\":\"fp8\"}",
         "provider.quantizations: expected an array of strings, got a string"},
        {"{\"quantizations\":[\"fp9\"]}",
         "provider.quantizations: expected words such as fp8, bf16 or unknown, got another word"},
        {"{\"sort\":\"cheap\"}",
         "provider.sort: expected price, throughput, latency or exacto, got another word"},
        {"{\"sort\":{\"by\":\"price\",\"partition\":\"all\"}}",
         "provider.sort.partition: expected model or none, got another word"},
        {"{\"max_price\":1}", "provider.max_price: expected an object, got a number"},
        {"{\"max_price\":{\"prompt\":\"cheap\"}}",
         "provider.max_price.prompt: expected dollars such as 0.5, at most 6 digits after the "
         "point, got a string"},
        {"{\"max_price\":{\"completion\":-1}}",
         "provider.max_price.completion: expected dollars such as 0.5, at most 6 digits after the "
         "point, got a number"},
        {"{\"max_price\":{\"request\":1e-3}}",
         "provider.max_price.request: expected dollars such as 0.5, at most 9 digits after the "
         "point, got a number"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(reading(rows[i].text), ERR_INVALID);
        assert_string_equal(here.fault.message, rows[i].sentence);
    }
    assert_int_equal(reading("{\"zdr\":true,\"zdr\":false}"), ERR_INVALID);
}

static void lists_have_an_end(void **state)
{
    (void)state;
    char text[1024] = "{\"order\":[\"a\"";
    for (unsigned i = 1; i < WISHES_NAMES_MAX; i++)
        strcat(text, ",\"a\"");
    strcat(text, "]}");
    assert_int_equal(wishes(text)->order.n, WISHES_NAMES_MAX);
    strcpy(text + strlen(text) - 2, ",\"b\"]}");
    assert_int_equal(reading(text), ERR_INVALID);
    assert_string_equal(here.fault.message, "provider.order: more than 64 providers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_wished_where_nothing_is_said),
        cmocka_unit_test(every_wish_is_taken_over),
        cmocka_unit_test(what_makes_no_sense_is_refused_by_name),
        cmocka_unit_test(lists_have_an_end),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
