/* From what the catalog says of an endpoint to what the dialect does with a request for it. */
#include "unit/unit.h"

#include "relay/fit.h"

static struct {
    struct catalog *catalog;
    struct fit fit;
} here;

static const struct openai_rules *rules_of(const char *kind, uint64_t takes)
{
    struct fault f;
    fit_release(&here.fit);
    catalog_unref(here.catalog);
    here.catalog = catalog_new();
    struct provider *p = catalog_add_provider(
        here.catalog, &(struct provider){.kind = kind_at(kind_find(str_c(kind)))});
    struct model *m = catalog_add_model(here.catalog, &(struct model){.id = STR("a/b")});
    struct endpoint *e = catalog_add_endpoint(
        here.catalog, m, &(struct endpoint){.provider = p, .model = STR("x"), .takes = takes});
    assert_true(e && catalog_seal(here.catalog, &f) == ERR_OK);
    assert_int_equal(fit_init(&here.fit, here.catalog), ERR_OK);
    return &here.fit.of[e->index];
}

static int tear_down(void **state)
{
    (void)state;
    fit_release(&here.fit);
    catalog_unref(here.catalog);
    return 0;
}

static bool drops(const struct openai_rules *r, const char *member)
{
    assert_true(chat_member_bit(str_c(member)) != 0);
    return (r->drops & chat_member_bit(str_c(member))) != 0;
}

static bool renames(const struct openai_rules *r, const char *from, const char *to)
{
    for (uint32_t i = 0; i < r->renames_n; i++) {
        if (str_eq(r->renames[i].from, str_c(from)) && str_eq(r->renames[i].to, str_c(to)))
            return r->renames[i].bit == chat_member_bit(str_c(from));
    }
    return false;
}

static void a_provider_that_nobody_knows_is_sent_everything(void **state)
{
    (void)state;
    const struct openai_rules *r = rules_of("generic", 0);
    assert_int_equal(r->drops, 0);
    assert_int_equal(r->renames_n, 0);
    assert_false(r->drops_unknown || r->drops_required || r->drops_function || r->drops_schema ||
                 r->has_no_stream_options);
}

static void a_kind_drops_and_renames(void **state)
{
    (void)state;
    const struct openai_rules *r = rules_of("mistral", 0);
    assert_true(r->drops_unknown && r->has_no_stream_options);
    assert_false(r->drops_required || r->drops_function || r->drops_schema);
    assert_true(drops(r, "logit_bias") && drops(r, "user") && drops(r, "stream_options"));
    assert_false(drops(r, "seed") || drops(r, "model") || drops(r, "messages"));
    assert_false(drops(r, "stream") || drops(r, "max_tokens"));
    assert_true(renames(r, "seed", "random_seed"));
    assert_true(renames(r, "max_completion_tokens", "max_tokens"));
    r = rules_of("deepseek", 0);
    assert_true(r->drops_schema && drops(r, "reasoning"));
    assert_false(r->drops_unknown || r->has_no_stream_options);
}

static void what_the_configuration_takes_away_is_not_renamed_either(void **state)
{
    (void)state;
    const struct openai_rules *r = rules_of("mistral", PARAMETER_BIT(TOOLS));
    assert_true(drops(r, "seed"));
    assert_false(renames(r, "seed", "random_seed"));
    assert_true(r->drops_required);
}

/* Whatever is configured: without its bound an answer could cost more than was set aside. */
static void a_bound_always_goes_along(void **state)
{
    (void)state;
    const struct openai_rules *r = rules_of("generic", PARAMETER_BIT(MAX_COMPLETION_TOKENS));
    assert_true(renames(r, "max_tokens", "max_completion_tokens"));
    assert_false(drops(r, "max_tokens") || drops(r, "max_completion_tokens"));
    r = rules_of("generic", PARAMETER_BIT(MAX_TOKENS));
    assert_true(renames(r, "max_completion_tokens", "max_tokens"));
    r = rules_of("generic", PARAMETER_BIT(SEED));
    assert_int_equal(r->renames_n, 0);
    assert_false(drops(r, "max_tokens") || drops(r, "max_completion_tokens"));
    r = rules_of("mistral", PARAMETER_BIT(SEED));
    assert_true(renames(r, "max_completion_tokens", "max_tokens"));
}

static void what_a_request_asks_for_is_known_in_the_catalogs_words(void **state)
{
    (void)state;
    rules_of("generic", 0);
    struct chat_request req = {.asks = chat_member_bit(STR("seed")) |
                                       chat_member_bit(STR("model")) |
                                       chat_member_bit(STR("tool_choice"))};
    assert_int_equal(fit_asks(&here.fit, &req), PARAMETER_BIT(SEED) | PARAMETER_BIT(TOOL_CHOICE));
    req = (struct chat_request){.wants_tool = true, .wants_function = true, .wants_schema = true};
    assert_int_equal(fit_asks(&here.fit, &req), PARAMETER_BIT(TOOL_CHOICE_REQUIRED) |
                                                    PARAMETER_BIT(TOOL_CHOICE_FUNCTION) |
                                                    PARAMETER_BIT(STRUCTURED_OUTPUTS));
}

/* Every parameter is a member that the dialect knows, but for the two that are values. */
static void both_sides_have_the_same_words(void **state)
{
    (void)state;
    for (unsigned p = 0; p < PARAMETER__COUNT; p++) {
        struct str name = parameter_name(p);
        bool is_value = str_find(name, STR(":")) < name.n;
        assert_true(is_value || chat_member_bit(name) != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_provider_that_nobody_knows_is_sent_everything),
        cmocka_unit_test(a_kind_drops_and_renames),
        cmocka_unit_test(what_the_configuration_takes_away_is_not_renamed_either),
        cmocka_unit_test(a_bound_always_goes_along),
        cmocka_unit_test(what_a_request_asks_for_is_known_in_the_catalogs_words),
        cmocka_unit_test(both_sides_have_the_same_words),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
