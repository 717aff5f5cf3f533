/* Which endpoints a request may go to, and in which order: tables of wishes and what follows. */
#include "unit/unit.h"

#include <stdio.h>

#include "catalog/choose.h"

/* A model "a/one" at five providers, "a/two" at two. Names of targets are provider[/tag]. */
static struct {
    struct catalog *catalog;
    struct json_tape tape;
    struct wishes wishes;
    struct choice_question q;
    struct speed speeds[16];
    struct fault fault;
    char got[300];
} here;

struct maker {
    const char *name, *title, *kind;
    bool may_train;
    int32_t retention_days;
};

static const struct maker makers[] = {
    {"alpha", "Alpha Inc", "openai", false, 30}, {"beta", "Beta", "groq", false, 0},
    {"gamma", "Gamma", "deepseek", true, -1},    {"delta", "Delta", "deepinfra", false, -1},
    {"omega", "Omega", "vllm", false, 0},
};

static void serve(const char *model, const char *maker, const char *tag, enum quantization q,
                  int64_t prompt, int64_t completion, uint32_t max_output)
{
    struct model *m = here.catalog->models[str_eq(str_c(model), STR("a/two"))];
    struct endpoint e = {.provider = catalog_find_provider(here.catalog, str_c(maker)),
                         .model = STR("x"),
                         .tag = str_c(tag),
                         .quantization = q,
                         .price = {.prompt = prompt, .completion = completion},
                         .max_output = max_output};
    assert_non_null(catalog_add_endpoint(here.catalog, m, &e));
}

static int set_up(void **state)
{
    (void)state;
    struct fault f;
    memset(&here, 0, sizeof here);
    json_tape_init(&here.tape, 10000);
    here.catalog = catalog_new();
    for (size_t i = 0; i < COUNT_OF(makers); i++) {
        const struct maker *m = &makers[i];
        struct provider p = {.name = str_c(m->name),
                             .title = str_c(m->title),
                             .kind = kind_at(kind_find(str_c(m->kind))),
                             .may_train = m->may_train,
                             .retention_days = m->retention_days};
        if (!catalog_add_provider(here.catalog, &p))
            return -1;
    }
    if (!catalog_add_model(here.catalog, &(struct model){.id = STR("a/one")}) ||
        !catalog_add_model(here.catalog, &(struct model){.id = STR("a/two")}))
        return -1;
    serve("a/one", "alpha", "", QUANTIZATION_UNKNOWN, 500, 1500, 4096);
    serve("a/one", "beta", "", QUANTIZATION_FP8, 100, 300, 8192);
    serve("a/one", "gamma", "", QUANTIZATION_FP8, 50, 100, 2048);
    serve("a/one", "delta", "turbo", QUANTIZATION_FP4, 100, 200, 0);
    serve("a/one", "omega", "flex", QUANTIZATION_BF16, 0, 0, 4096);
    serve("a/two", "beta", "", QUANTIZATION_UNKNOWN, 10, 20, 0);
    serve("a/two", "alpha", "", QUANTIZATION_UNKNOWN, 1000, 2000, 0);
    return catalog_seal(here.catalog, &f);
}

static int tear_down(void **state)
{
    (void)state;
    catalog_unref(here.catalog);
    json_tape_release(&here.tape);
    return 0;
}

/* Names of what is chosen, in order; or the sentence. */
static const char *chosen(const char *models, const char *wishes)
{
    struct target out[16];
    struct json root;
    struct str rest = str_c(models);
    here.q.models_n = 0;
    here.q.wishes = &here.wishes;
    here.q.speeds = here.speeds;
    while (rest.n) {
        uint32_t n = here.q.models_n++;
        here.q.models[n] = choose_model(here.catalog, str_cut(&rest, ' '), &here.q.sorts[n]);
        assert_non_null(here.q.models[n]);
    }
    assert_int_equal(json_parse(&here.tape, str_c(wishes), &root, NULL), ERR_OK);
    assert_int_equal(wishes_read(root, &here.wishes, &here.fault), ERR_OK);
    assert_in_range(choose_room(&here.q), 1, COUNT_OF(out));
    uint32_t n = choose_targets(&here.q, out, &here.fault);
    if (n == 0) {
        assert_int_equal(here.fault.err, ERR_NOT_FOUND);
        return here.fault.message;
    }
    struct buf b = {.p = here.got, .cap = sizeof here.got, .max = sizeof here.got};
    for (uint32_t i = 0; i < n; i++)
        buf_printf(&b, "%s%.*s%s", i ? " " : "", STR_ARG(out[i].endpoint->provider->name),
                   str_eq(out[i].model->id, STR("a/two")) ? "2" : "");
    here.got[b.n] = '\0';
    return here.got;
}

#define assert_chosen(models, wishes, expected)                                                    \
    do {                                                                                           \
        const char *got_ = chosen(models, wishes);                                                 \
        if (strcmp(got_, expected) != 0)                                                           \
            fail_msg("%s\ngot      %s\nexpected %s", wishes, got_, expected);                      \
    } while (0)

struct row {
    const char *wishes, *expected;
};

static void assert_rows(const char *models, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_chosen(models, rows[i].wishes, rows[i].expected);
}

#define NOBODY "No allowed providers are available for the selected model."

static void names_choose_exclude_and_order(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{}", "alpha beta gamma delta omega"},
        {"{\"only\":[\"gamma\",\"Alpha Inc\"]}", "alpha gamma"},
        {"{\"ignore\":[\"BETA\",\"nobody\"]}", "alpha gamma delta omega"},
        {"{\"only\":[\"alpha\",\"beta\"],\"ignore\":[\"beta\"]}", "alpha"},
        {"{\"only\":[\"nobody\"]}", NOBODY},
        {"{\"only\":[\"beta\"],\"ignore\":[\"beta\"]}", NOBODY},
        {"{\"order\":[\"delta\",\"beta\"]}", "delta beta alpha gamma omega"},
        {"{\"order\":[\"nobody\",\"delta\"]}", "delta alpha beta gamma omega"},
        {"{\"order\":[\"delta\",\"beta\"],\"ignore\":[\"delta\"]}", "beta alpha gamma omega"},
        {"{\"order\":[\"delta\",\"beta\"],\"allow_fallbacks\":false}", "delta beta"},
        {"{\"order\":[\"nobody\"],\"allow_fallbacks\":false}", NOBODY},
        {"{\"allow_fallbacks\":false}", "alpha"},
        {"{\"allow_fallbacks\":false,\"ignore\":[\"alpha\"]}", "beta"},
        {"{\"allow_fallbacks\":false,\"sort\":\"price\",\"ignore\":[\"omega/flex\"]}", "gamma"},
    };
    assert_rows("a/one", rows, COUNT_OF(rows));
    assert_chosen("a/one a/two", "{\"allow_fallbacks\":false}", "alpha beta2");
    assert_chosen("a/two a/one", "{\"only\":[\"alpha\"]}", "alpha2 alpha");
    assert_chosen("a/two a/one", "{\"only\":[\"gamma\"]}", "gamma");
}

static bool is_not(const void *arg, const struct endpoint *e)
{
    return !str_eq(e->provider->name, *(const struct str *)arg);
}

static bool is_nobody(const void *arg, const struct endpoint *e)
{
    (void)arg, (void)e;
    return false;
}

static void who_may_not_be_used_is_not_chosen(void **state)
{
    (void)state;
    struct str alpha = STR("alpha");
    here.q.may_use = is_not;
    here.q.arg = &alpha;
    assert_chosen("a/one", "{\"sort\":\"price\"}", "omega gamma delta beta");
    assert_chosen("a/one", "{\"allow_fallbacks\":false}", "beta");
    assert_chosen("a/one", "{\"only\":[\"alpha\"]}", NOBODY);
    here.q.may_use = is_nobody;
    assert_chosen("a/one", "{}",
                  "No allowed providers are available for the selected model: this API key's "
                  "allowed_providers leaves out all that have it");
}

static void a_name_may_bear_a_tag_or_a_quantization(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"only\":[\"delta\"]}", "delta"},
        {"{\"only\":[\"delta/turbo\"]}", "delta"},
        {"{\"only\":[\"Delta/FP4\"]}", "delta"},
        {"{\"only\":[\"delta/fp8\"]}", NOBODY},
        {"{\"only\":[\"delta/\"]}", NOBODY},
        {"{\"only\":[\"alpha/\"]}", NOBODY},
        {"{\"only\":[\"/turbo\"]}", NOBODY},
        {"{\"only\":[\"\"]}", NOBODY},
        /* a service tier is meant by its whole name alone */
        {"{\"only\":[\"omega\"]}", NOBODY},
        {"{\"only\":[\"omega/flex\"]}", "omega"},
    };
    assert_rows("a/one", rows, COUNT_OF(rows));
}

static void policies_quantizations_and_prices_are_hard(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"data_collection\":\"deny\"}", "alpha beta delta omega"},
        {"{\"zdr\":true}", "beta omega"},
        {"{\"zdr\":true,\"ignore\":[\"beta\",\"omega/flex\"]}",
         "No endpoints found matching your data policy (provider.data_collection, provider.zdr)."},
        {"{\"quantizations\":[\"fp8\"]}", "beta gamma"},
        {"{\"quantizations\":[\"fp4\",\"unknown\"]}", "alpha delta"},
        {"{\"quantizations\":[\"int8\"]}",
         "No endpoints found with the quantizations in provider.quantizations."},
        {"{\"max_price\":{\"prompt\":0.0001}}", "beta gamma delta omega"},
        {"{\"max_price\":{\"prompt\":0.000099}}", "gamma omega"},
        {"{\"max_price\":{\"prompt\":\"0.0001\",\"completion\":\"0.0002\"}}", "gamma delta omega"},
        {"{\"max_price\":{\"prompt\":0},\"only\":[\"alpha\",\"beta\"]}",
         "No endpoints found at the prices in provider.max_price."},
    };
    assert_rows("a/one", rows, COUNT_OF(rows));
}

static void parameters_are_hard_only_where_it_is_said(void **state)
{
    (void)state;
    here.q.asks = PARAMETER_BIT(LOGPROBS) | PARAMETER_BIT(TEMPERATURE);
    assert_chosen("a/one", "{}", "alpha beta gamma delta omega");
    assert_chosen("a/one", "{\"require_parameters\":true}", "alpha gamma omega");
    here.q.asks = PARAMETER_BIT(TOP_K) | PARAMETER_BIT(LOGPROBS);
    assert_chosen("a/one", "{\"require_parameters\":true}", "omega");
    here.q.asks = PARAMETER_BIT(TOP_A);
    assert_chosen("a/one", "{\"require_parameters\":true}",
                  "No endpoints found that support all parameters sent "
                  "(provider.require_parameters).");
    here.q.asks = PARAMETER_BIT(TOP_A) | PARAMETER_BIT(TOOLS);
    assert_chosen("a/one", "{\"require_parameters\":true}",
                  "No endpoints found that support tool use and all other parameters sent "
                  "(provider.require_parameters).");
    /* what came furthest is what is told */
    assert_chosen("a/one", "{\"require_parameters\":true,\"only\":[\"alpha\"],\"zdr\":true}",
                  "No endpoints found matching your data policy (provider.data_collection, "
                  "provider.zdr).");
}

static void who_serves_tools_and_formats_goes_before_who_drops_them(void **state)
{
    (void)state;
    here.q.asks = PARAMETER_BIT(TOOLS) | PARAMETER_BIT(TOOL_CHOICE_REQUIRED);
    assert_chosen("a/one", "{}", "alpha beta gamma omega"); /* delta's is auto or none */
    here.q.asks = PARAMETER_BIT(RESPONSE_FORMAT) | PARAMETER_BIT(STRUCTURED_OUTPUTS);
    assert_chosen("a/one", "{}", "alpha beta delta omega"); /* gamma has JSON without schemas */
    here.q.asks = PARAMETER_BIT(RESPONSE_FORMAT);
    assert_chosen("a/one", "{}", "alpha beta gamma delta omega");
    here.q.asks = PARAMETER_BIT(VERBOSITY);
    assert_chosen("a/one", "{}", "alpha");
    /* a model never goes whole */
    assert_chosen("a/one", "{\"ignore\":[\"alpha\"]}", "beta gamma delta omega");
    here.q.asks = 0;
    here.q.max_tokens = 5000; /* gamma, alpha and omega cannot */
    assert_chosen("a/one", "{}", "beta delta");
    assert_chosen("a/one", "{\"only\":[\"gamma\"]}", "gamma");
}

static void sorting_is_strict_and_stable(void **state)
{
    (void)state;
    assert_chosen("a/one", "{\"sort\":\"price\"}", "omega gamma delta beta alpha");
    assert_chosen("a/one:floor", "{}", "omega gamma delta beta alpha");
    assert_chosen("a/one", "{\"sort\":\"exacto\"}", "alpha beta gamma delta omega");
    assert_chosen("a/one:nitro:floor", "{}", "omega gamma delta beta alpha");
    assert_chosen("a/one:floor:exacto", "{}", "alpha beta gamma delta omega");
    assert_chosen("a/one", "{\"sort\":\"price\",\"order\":[\"alpha\"]}",
                  "alpha omega gamma delta beta");
    /* nobody has been measured */
    assert_chosen("a/one", "{\"sort\":\"latency\"}", "alpha beta gamma delta omega");
    assert_chosen("a/one:nitro", "{}", "alpha beta gamma delta omega");
}

static void sorting_by_speed_goes_by_what_was_measured(void **state)
{
    (void)state;
    uint64_t ms = 1000000;
    speed_note(&here.speeds[0], 300 * ms, 1000 * ms, 100); /* alpha: 100 a second */
    speed_note(&here.speeds[1], 100 * ms, 1000 * ms, 50);
    speed_note(&here.speeds[2], 200 * ms, 1000 * ms, 400);
    speed_note_failure(&here.speeds[3]);
    assert_chosen("a/one", "{\"sort\":\"latency\"}", "omega beta gamma alpha delta");
    assert_chosen("a/one", "{\"sort\":\"throughput\"}", "omega gamma alpha beta delta");
    assert_chosen("a/one:nitro", "{}", "omega gamma alpha beta delta");
    /* the wishes' own word goes before the variant's */
    assert_chosen("a/one:nitro", "{\"sort\":\"latency\"}", "omega beta gamma alpha delta");
    speed_note(&here.speeds[3], 50 * ms, 1000 * ms, 10); /* it answers again */
    assert_chosen("a/one", "{\"sort\":\"latency\"}", "omega delta beta gamma alpha");
    here.q.speeds = NULL;
}

static void a_speed_follows_slowly(void **state)
{
    (void)state;
    struct speed s = {0};
    speed_note(&s, 8000, 1000000000, 10);
    assert_int_equal(s.first_us, 8);
    assert_int_equal(s.milli_tokens, 10000);
    speed_note(&s, 16000, 1000000000, 90);
    assert_int_equal(s.first_us, 9);
    assert_int_equal(s.milli_tokens, 20000);
    s = (struct speed){0};
    speed_note(&s, 0, 0, 0); /* measured, however fast */
    assert_int_equal(s.first_us, 1);
    speed_note(&s, UINT64_MAX, UINT64_MAX, UINT32_MAX);
    assert_true(s.first_us > 1);
}

static void models_are_pooled_where_it_is_wished(void **state)
{
    (void)state;
    assert_chosen("a/one a/two", "{\"sort\":\"price\",\"only\":[\"alpha\",\"beta\"]}",
                  "beta alpha beta2 alpha2");
    assert_chosen(
        "a/one a/two",
        "{\"sort\":{\"by\":\"price\",\"partition\":\"none\"},\"only\":[\"alpha\",\"beta\"]}",
        "beta2 beta alpha alpha2");
}

static void variants_say_how_to_choose_and_name_models(void **state)
{
    (void)state;
    enum wish_sort sort;
    struct catalog *c = here.catalog;
    struct fault f;
    assert_non_null(
        catalog_add_endpoint(c, catalog_add_model(c, &(struct model){.id = STR("a/one:free")}),
                             &(struct endpoint){.provider = c->providers[0], .model = STR("x")}));
    map_release(&c->by_id);
    assert_int_equal(catalog_seal(c, &f), ERR_OK);
    static const struct {
        const char *id, *model;
        enum wish_sort sort;
    } rows[] = {
        {"a/one", "a/one", SORT_NONE},
        {"a/one:free", "a/one:free", SORT_NONE},
        {"a/one:free:nitro", "a/one:free", SORT_THROUGHPUT},
        {"a/one:nitro:free", "a/one:free", SORT_THROUGHPUT},
        {"a/one:floor", "a/one", SORT_PRICE},
        {"a/one:exacto", "a/one", SORT_EXACTO},
        {"a/one:online", NULL, 0},
        {"a/one:", NULL, 0},
        {"a/none:nitro", NULL, 0},
        {":nitro", NULL, 0},
        {"", NULL, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct model *m = choose_model(c, str_c(rows[i].id), &sort);
        if (!rows[i].model) {
            assert_null(m);
            continue;
        }
        assert_non_null(m);
        assert_str(m->id, rows[i].model);
        assert_int_equal(sort, rows[i].sort);
    }
}

#define CHOOSE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHOOSE_TEST(names_choose_exclude_and_order),
        CHOOSE_TEST(who_may_not_be_used_is_not_chosen),
        CHOOSE_TEST(a_name_may_bear_a_tag_or_a_quantization),
        CHOOSE_TEST(policies_quantizations_and_prices_are_hard),
        CHOOSE_TEST(parameters_are_hard_only_where_it_is_said),
        CHOOSE_TEST(who_serves_tools_and_formats_goes_before_who_drops_them),
        CHOOSE_TEST(sorting_is_strict_and_stable),
        CHOOSE_TEST(sorting_by_speed_goes_by_what_was_measured),
        CHOOSE_TEST(a_speed_follows_slowly),
        CHOOSE_TEST(models_are_pooled_where_it_is_wished),
        CHOOSE_TEST(variants_say_how_to_choose_and_name_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
