#include "unit/unit.h"

#include <stdio.h>

#include "catalog/catalog.h"

static const struct provider some_provider = {
    .name = STR_INIT("openai"),
    .title = STR_INIT("OpenAI"),
    .dialect = STR_INIT("openai"),
    .base_url = STR_INIT("https://api.openai.com/v1"),
    .api_key = {STR_INIT("sk-1")},
    .max_tokens_field = STR_INIT("max_completion_tokens"),
    .connections_max = 7,
};

static struct catalog *begin(struct provider **p)
{
    struct catalog *c = catalog_new();
    assert_non_null(c);
    *p = catalog_add_provider(c, &some_provider);
    assert_non_null(*p);
    return c;
}

static struct model *add(struct catalog *c, const char *id)
{
    struct model *m = catalog_add_model(c, &(struct model){.id = str_c(id), .name = STR("A name")});
    assert_non_null(m);
    return m;
}

static struct endpoint *serve(struct catalog *c, struct model *m, struct provider *p,
                              const char *native)
{
    struct endpoint *e =
        catalog_add_endpoint(c, m, &(struct endpoint){.provider = p, .model = str_c(native)});
    assert_non_null(e);
    return e;
}

static void what_is_added_is_copied(void **state)
{
    (void)state;
    char name[] = "mine", url[] = "http://a/v1", id[] = "a/b", native[] = "b-1";
    struct provider given = some_provider, *p;
    struct fault f;
    struct catalog *c = begin(&p);
    given.name = str_c(name);
    given.base_url = str_c(url);
    p = catalog_add_provider(c, &given);
    assert_non_null(p);
    struct model *m = add(c, id);
    struct endpoint *e = serve(c, m, p, native);
    memset(name, 'x', 4);
    memset(url, 'x', 4);
    memset(id, 'x', 3);
    memset(native, 'x', 3);
    assert_str(p->name, "mine");
    assert_str(p->base_url, "http://a/v1");
    assert_str(p->title, "OpenAI");
    assert_str(secret_reveal(p->api_key), "sk-1");
    assert_str(p->max_tokens_field, "max_completion_tokens");
    assert_int_equal(p->connections_max, 7);
    assert_str(m->id, "a/b");
    assert_str(e->model, "b-1");
    assert_int_equal(catalog_seal(c, &f), ERR_OK);
    assert_ptr_equal(catalog_model(c, STR("a/b")), m);
    catalog_unref(c);
}

static void providers_are_numbered_and_found_by_their_whole_name(void **state)
{
    (void)state;
    struct provider *first, given = some_provider;
    struct catalog *c = begin(&first);
    given.name = STR("openai-2");
    struct provider *second = catalog_add_provider(c, &given);
    assert_int_equal(first->index, 0);
    assert_int_equal(second->index, 1);
    assert_ptr_equal(catalog_find_provider(c, STR("openai")), first);
    assert_ptr_equal(catalog_find_provider(c, STR("openai-2")), second);
    assert_null(catalog_find_provider(c, STR("open")));
    assert_null(catalog_find_provider(c, STR("OpenAI")));
    assert_null(catalog_find_provider(c, STR_NONE));
    catalog_unref(c);
}

static void order_is_kept_however_many_there_are(void **state)
{
    (void)state;
    enum { N = 300 };
    char name[32];
    struct provider *p;
    struct fault f;
    struct catalog *c = begin(&p);
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "author/model-%d", i);
        struct model *m = add(c, name);
        for (int k = 0; k <= i % 20; k++) {
            snprintf(name, sizeof name, "native-%d", k);
            serve(c, m, p, name);
        }
    }
    assert_int_equal(catalog_seal(c, &f), ERR_OK);
    assert_int_equal(c->models_n, N);
    uint32_t at = 0;
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "author/model-%d", i);
        const struct model *m = catalog_model(c, str_c(name));
        assert_ptr_equal(m, c->models[i]);
        assert_int_equal(m->endpoints_n, i % 20 + 1);
        for (uint32_t k = 0; k < m->endpoints_n; k++) {
            snprintf(name, sizeof name, "native-%u", k);
            assert_str(m->endpoints[k]->model, name);
            assert_int_equal(m->endpoints[k]->index, at++);
        }
    }
    assert_int_equal(c->endpoints_n, at);
    catalog_unref(c);
}

static void a_model_is_found_by_its_whole_id_only(void **state)
{
    (void)state;
    struct provider *p;
    struct fault f;
    struct catalog *c = begin(&p);
    serve(c, add(c, "a/b"), p, "b");
    serve(c, add(c, "a/b:free"), p, "b");
    assert_int_equal(catalog_seal(c, &f), ERR_OK);
    assert_str(catalog_model(c, STR("a/b"))->id, "a/b");
    assert_str(catalog_model(c, STR("a/b:free"))->id, "a/b:free");
    assert_null(catalog_model(c, STR("a/")));
    assert_null(catalog_model(c, STR("a/B")));
    assert_null(catalog_model(c, STR("a/b:nitro")));
    assert_null(catalog_model(c, STR_NONE));
    catalog_unref(c);
}

static void sealing_refuses_a_model_without_endpoints(void **state)
{
    (void)state;
    struct provider *p;
    struct fault f;
    struct catalog *c = begin(&p);
    serve(c, add(c, "a/b"), p, "b");
    add(c, "a/empty");
    assert_int_equal(catalog_seal(c, &f), ERR_INVALID);
    assert_string_equal(f.message, "model 'a/empty' has no endpoints");
    catalog_unref(c);
}

static void sealing_refuses_a_model_that_is_there_twice(void **state)
{
    (void)state;
    struct provider *p;
    struct fault f;
    struct catalog *c = begin(&p);
    serve(c, add(c, "a/b"), p, "b");
    serve(c, add(c, "a/b"), p, "c");
    assert_int_equal(catalog_seal(c, &f), ERR_CONFLICT);
    assert_string_equal(f.message, "model 'a/b' is there twice");
    catalog_unref(c);
}

static void
what_is_taken_comes_from_the_kind_unless_provider_or_endpoint_say_otherwise(void **state)
{
    (void)state;
    struct provider *guessed, given = some_provider;
    struct catalog *c = begin(&guessed);
    given.kind = kind_at(kind_find(STR("groq")));
    struct provider *groq = catalog_add_provider(c, &given);
    given.takes = PARAMETER_BIT(SEED) | PARAMETER_BIT(USER);
    struct provider *told = catalog_add_provider(c, &given);
    struct model *m = add(c, "a/b");
    struct endpoint *e = serve(c, m, groq, "x");
    assert_true(catalog_endpoint_takes(e, STR("seed")));
    assert_false(catalog_endpoint_takes(e, STR("logprobs")));
    assert_false(catalog_endpoint_takes(e, STR("n")));
    assert_true(catalog_endpoint_takes(e, STR("tool_choice:required")));
    assert_false(catalog_endpoint_takes(e, STR("no_such_thing")));
    assert_int_equal(e->drops, PARAMETERS_ALL & ~e->takes);
    e = serve(c, m, told, "x");
    assert_true(catalog_endpoint_takes(e, STR("seed")));
    assert_false(catalog_endpoint_takes(e, STR("tools")));
    e = catalog_add_endpoint(
        c, m,
        &(struct endpoint){.provider = told, .model = STR("x"), .takes = PARAMETER_BIT(TOOLS)});
    assert_true(catalog_endpoint_takes(e, STR("tools")));
    assert_false(catalog_endpoint_takes(e, STR("seed")));
    /* of a provider that nobody knows everything is tried */
    e = serve(c, m, guessed, "x");
    assert_int_equal(e->drops, 0);
    assert_true(catalog_endpoint_takes(e, STR("no_such_thing")));
    assert_false(catalog_endpoint_takes(e, STR("top_a")));
    e = catalog_add_endpoint(
        c, m,
        &(struct endpoint){.provider = guessed, .model = STR("x"), .takes = PARAMETER_BIT(TOOLS)});
    assert_int_equal(e->drops, PARAMETERS_TOLD & ~PARAMETER_BIT(TOOLS));
    catalog_unref(c);
}

static void sealing_refuses_a_name_that_cannot_stand_in_an_address(void **state)
{
    (void)state;
    static const char *const names[] = {"", "a b", "a/b", "a?b", "a\r\nb", "a%20b"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct provider *p, given = some_provider;
        struct fault f;
        struct catalog *c = begin(&p);
        given.kind = kind_at(kind_find(STR("azure")));
        p = catalog_add_provider(c, &given);
        serve(c, add(c, "a/b"), p, "deployment-1.x_y");
        serve(c, add(c, "a/c"), p, names[i]);
        assert_int_equal(catalog_seal(c, &f), ERR_INVALID);
        assert_true(
            str_starts(str_c(f.message), STR("model 'a/c': its name at provider 'openai'")));
        catalog_unref(c);
    }
}

static void a_catalog_lives_until_its_last_reference(void **state)
{
    (void)state;
    struct provider *p;
    struct fault f;
    struct catalog *c = begin(&p);
    serve(c, add(c, "a/b"), p, "b");
    assert_int_equal(catalog_seal(c, &f), ERR_OK);
    assert_ptr_equal(catalog_ref(c), c);
    catalog_unref(c);
    assert_str(catalog_model(c, STR("a/b"))->id, "a/b"); /* a sanitizer would say otherwise */
    catalog_unref(c);
    catalog_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_added_is_copied),
        cmocka_unit_test(providers_are_numbered_and_found_by_their_whole_name),
        cmocka_unit_test(order_is_kept_however_many_there_are),
        cmocka_unit_test(a_model_is_found_by_its_whole_id_only),
        cmocka_unit_test(sealing_refuses_a_model_without_endpoints),
        cmocka_unit_test(sealing_refuses_a_model_that_is_there_twice),
        cmocka_unit_test(
            what_is_taken_comes_from_the_kind_unless_provider_or_endpoint_say_otherwise),
        cmocka_unit_test(sealing_refuses_a_name_that_cannot_stand_in_an_address),
        cmocka_unit_test(a_catalog_lives_until_its_last_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
