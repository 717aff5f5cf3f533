#include "unit/unit.h"

#include <stdio.h>

#include "api/internal.h"

static struct str params[PARAMS_MAX];

static const struct route *find(enum http_method m, const char *path, bool *exists)
{
    return route_find(m, str_c(path), params, exists);
}

static void every_route_is_found_under_its_roots_and_nowhere_else(void **state)
{
    (void)state;
    char path[128];
    bool exists;
    unsigned n = 0;
    for (const struct route *r; (r = route_at(n)); n++) {
        bool is_root = r->path.p[0] == '!';
        static const char *const roots[] = {"/api/v1", "/v1", "", "/api", "/api/v2", "/api/v1/"};
        for (size_t i = 0; i < COUNT_OF(roots); i++) {
            bool is_here = is_root ? i == 2 : i < 2;
            snprintf(path, sizeof path, "%s%.*s", roots[i], STR_ARG(str_skip(r->path, is_root)));
            assert_ptr_equal(find(r->method, path, &exists), is_here ? r : NULL);
            assert_int_equal(exists, is_here);
            strncat(path, "/", sizeof path - strlen(path) - 1);
            assert_null(find(r->method, path, &exists));
        }
    }
    assert_true(n >= 9);
    assert_null(route_at(n));
}

static void no_route_is_there_twice_and_each_is_described(void **state)
{
    (void)state;
    for (unsigned i = 0; route_at(i); i++) {
        const struct route *r = route_at(i);
        assert_true(r->summary && r->summary[0]);
        assert_true((r->run == NULL) == (r->access == ACCESS_RELAY));
        for (unsigned k = 0; k < i; k++)
            assert_false(route_at(k)->method == r->method && str_eq(route_at(k)->path, r->path));
    }
}

static void a_path_with_another_method_exists_all_the_same(void **state)
{
    (void)state;
    char room[64];
    bool exists;
    assert_null(find(HTTP_DELETE, "/api/v1/models", &exists));
    assert_true(exists);
    assert_null(find(HTTP_GET, "/v1/chat/completions", &exists));
    assert_true(exists);
    assert_non_null(find(HTTP_HEAD, "/api/v1/models", &exists));
    assert_null(find(HTTP_HEAD, "/api/v1/chat/completions", &exists));
    assert_str(route_methods(STR("/api/v1/models"), room), "GET, HEAD, OPTIONS");
    assert_str(route_methods(STR("/v1/chat/completions"), room), "POST, OPTIONS");
    assert_str(route_methods(STR("/health"), room), "GET, HEAD, OPTIONS");
}

static void what_is_no_path_of_ours_does_not_exist(void **state)
{
    (void)state;
    static const char *const paths[] = {"",
                                        "//",
                                        "/api/v1",
                                        "/api/v1/",
                                        "/v1/",
                                        "/api/v1/model",
                                        "/api/v1/models/count/x",
                                        "/API/V1/models",
                                        "/api/v1//models",
                                        "/api/v1/!/health",
                                        "!/health",
                                        "/v1/health"};
    bool exists;
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        assert_null(find(HTTP_GET, paths[i], &exists));
        assert_false(exists);
    }
}

static void only_what_tells_nothing_of_anyone_is_open(void **state)
{
    (void)state;
    static const char *const open[] = {"/models",
                                       "/models/count",
                                       "/embeddings/models",
                                       "/model/{author}/{slug}",
                                       "/models/{author}/{slug}/endpoints",
                                       "/endpoints/zdr",
                                       "/providers",
                                       "!/health",
                                       "!/metrics",
                                       "!/site.css",
                                       "!/icon.svg",
                                       "/auth/keys",
                                       "/oauth/token", /* its body holds a credential */
                                       "/oauth/jwks",
                                       "/exposures/github" /* signed by GitHub */};
    for (unsigned i = 0; route_at(i); i++) {
        bool may_be = false;
        for (size_t k = 0; k < COUNT_OF(open); k++)
            may_be |= str_eq(route_at(i)->path, str_c(open[k]));
        assert_true(may_be ||
                    (route_at(i)->access != ACCESS_OPEN && route_at(i)->access != ACCESS_TOKEN));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_found_under_its_roots_and_nowhere_else),
        cmocka_unit_test(no_route_is_there_twice_and_each_is_described),
        cmocka_unit_test(a_path_with_another_method_exists_all_the_same),
        cmocka_unit_test(what_is_no_path_of_ours_does_not_exist),
        cmocka_unit_test(only_what_tells_nothing_of_anyone_is_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
