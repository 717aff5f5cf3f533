/* What every row of the table of kinds must be, so that a new row is checked by being there. */
#include "unit/unit.h"

#include "base/bug.h"
#include "catalog/kind.h"

static void rows_are_found_by_their_names(void **state)
{
    (void)state;
    const struct kind *k;
    for (unsigned i = 1; (k = kind_at(i)); i++) {
        assert_int_equal(kind_find(k->name), i);
        assert_true(k->name.n > 0 && k->title.n > 0);
        assert_true(str_starts(k->source, STR("https://")));
    }
    assert_int_equal(kind_find(STR("generic")), 0);
    assert_int_equal(kind_find(STR("nobody")), 0);
    assert_int_equal(kind_find(STR_NONE), 0);
}

static void addresses_are_whole_and_do_not_end_in_a_slash(void **state)
{
    (void)state;
    const struct kind *k;
    for (unsigned i = 1; (k = kind_at(i)); i++) {
        bool is_remote = str_starts(k->base_url, STR("https://"));
        bool is_local = str_starts(k->base_url, STR("http://127.0.0.1:"));
        assert_true(is_remote || is_local || (k->base_url.n == 0 && k->address_variable));
        assert_false(str_ends(k->base_url, STR("/")));
        assert_true(k->key_variable || k->address_variable || is_local);
        assert_true(k->path_prefix.n == 0 || str_starts(k->path_prefix, STR("/")));
        assert_true(k->query_name.n == 0 || k->api_version.n > 0);
        assert_true(k->headers.n == 0 || str_ends(k->headers, STR("\r\n")));
    }
}

static void what_is_renamed_is_taken_and_nothing_else_has_the_new_name(void **state)
{
    (void)state;
    const struct kind *k;
    for (unsigned i = 0; (k = kind_at(i)); i++) {
        uint64_t renamed = 0;
        for (size_t j = 0; j < KIND_RENAMES_MAX && k->renames[j].from; j++) {
            const struct kind_rename *x = &k->renames[j];
            assert_int_equal(x->from & (x->from - 1), 0); /* one parameter */
            assert_int_equal(x->from & ~k->takes, 0);
            assert_int_equal(x->from & renamed, 0);
            assert_int_equal(parameter_bit(x->to) & ~k->takes, 0);
            renamed |= x->from;
        }
        assert_int_equal(renamed & parameter_bit(k->max_tokens_field), 0);
    }
}

static void bounds_are_always_taken_and_parts_come_with_their_whole(void **state)
{
    (void)state;
    const struct kind *k;
    uint64_t bounds = PARAMETER_BIT(MAX_TOKENS) | PARAMETER_BIT(MAX_COMPLETION_TOKENS);
    uint64_t choices = PARAMETER_BIT(TOOL_CHOICE_REQUIRED) | PARAMETER_BIT(TOOL_CHOICE_FUNCTION);
    for (unsigned i = 0; (k = kind_at(i)); i++) {
        assert_int_equal(k->takes & bounds, bounds);
        assert_true(k->max_tokens_field.n > 0);
        assert_true(!(k->takes & choices) || (k->takes & PARAMETER_BIT(TOOL_CHOICE)));
        assert_true(!(k->takes & PARAMETER_BIT(STRUCTURED_OUTPUTS)) ||
                    (k->takes & PARAMETER_BIT(RESPONSE_FORMAT)));
        assert_true(!(k->takes & PARAMETER_BIT(TOP_LOGPROBS)) ||
                    (k->takes & PARAMETER_BIT(LOGPROBS)));
    }
}

static void a_prompt_that_is_too_long_is_known_by_a_providers_own_words(void **state)
{
    (void)state;
    const struct kind *k = kind_at(kind_find(STR("llama.cpp")));
    assert_true(kind_says_context(k, STR("the request exceeds the available context size.")));
    assert_false(kind_says_context(k, STR("the request exceeds all bounds")));
    assert_false(kind_says_context(kind_at(0), STR("exceeds the available context size")));
    assert_false(kind_says_context(k, STR_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_found_by_their_names),
        cmocka_unit_test(addresses_are_whole_and_do_not_end_in_a_slash),
        cmocka_unit_test(what_is_renamed_is_taken_and_nothing_else_has_the_new_name),
        cmocka_unit_test(bounds_are_always_taken_and_parts_come_with_their_whole),
        cmocka_unit_test(a_prompt_that_is_too_long_is_known_by_a_providers_own_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
