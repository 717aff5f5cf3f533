#include "json/splice.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "random_json.h"

static struct json_tape tape;
static struct splice splice;
static struct buf out;

static struct json start(struct str text)
{
    struct json v;
    struct fault f;
    if (json_parse(&tape, text, &v, &f) != ERR_OK)
        fail_msg("%.*s: %s", STR_ARG(text), f.message);
    splice_init(&splice, text);
    return v;
}

/* The result, which all three ways of asking for it must agree on. */
static struct str result(void)
{
    struct str views[SPLICE_VIEWS_MAX];
    size_t n = splice_views(&splice, views, COUNT_OF(views)), at = 0;
    buf_reset(&out);
    assert_int_equal(splice_write(&splice, &out), ERR_OK);
    assert_int_equal(splice_size(&splice), out.n);
    assert_true(n <= 4 * splice.n + 1);
    for (size_t i = 0; i < n; i++) {
        assert_true(views[i].n > 0 && views[i].n <= out.n - at);
        assert_memory_equal(out.p + at, views[i].p, views[i].n);
        at += views[i].n;
    }
    assert_int_equal(at, out.n);
    return buf_view(&out);
}

static void assert_result(const char *expected)
{
    struct str got = result();
    if (!str_eq(got, str_c(expected)))
        fail_msg("%.*s where %s should be", STR_ARG(got), expected);
}

/* `edits`, a letter and its value each: "-a" drops a, "a1" sets it to 1. */
static void assert_edits(const char *text, const char *edits, const char *expected)
{
    struct json v = start(str_c(text));
    for (const char *p = edits; *p; p += 2) {
        if (p[0] == '-')
            splice_drop(&splice, v, str_of(p + 1, 1));
        else
            splice_set(&splice, v, str_of(p, 1), str_of(p + 1, 1));
    }
    assert_result(expected);
}

static void without_edits_the_text_stays(void **state)
{
    (void)state;
    assert_edits(" {\"a\" : 1}\n", "", " {\"a\" : 1}\n");
    assert_edits(" {\"a\" : 1}\n", "-x", " {\"a\" : 1}\n");
}

static void values_are_replaced_in_place(void **state)
{
    (void)state;
    assert_edits(" {\"a\" : 1 , \"b\":[2] }", "b7", " {\"a\" : 1 , \"b\":7 }");
    assert_edits("{\"a\":1,\"b\":2}", "b8a9", "{\"a\":9,\"b\":8}");
    assert_edits("{\"a\":1}", "a2a3", "{\"a\":3}");
    assert_edits("{\"\\u0061\":1}", "a2", "{\"\\u0061\":2}");
    struct json v = start(STR("{\"choices\":[{\"id\":1},{\"id\":\"x\"}],\"id\":0}"));
    struct json first = json_first(json_get(v, STR("choices")));
    splice_replace(&splice, json_get(v, STR("id")), STR("\"top\""));
    splice_replace(&splice, json_get(first, STR("id")), STR("\"deep\""));
    assert_result("{\"choices\":[{\"id\":\"deep\"},{\"id\":\"x\"}],\"id\":\"top\"}");
    v = start(STR(" 12 "));
    splice_replace(&splice, v, STR("{}"));
    assert_result(" {} ");
}

/* Callers take room for 4 * n + 1 before they ask. */
static void one_add_alone_keeps_to_its_views(void **state)
{
    (void)state;
    struct str views[9];
    struct json v = start(STR("{\"a\":{}} "));
    splice_set(&splice, v, STR("b"), STR("1"));
    assert_true(splice_views(&splice, views, 4 * splice.n + 1) == 6);
    v = start(STR("{\"a\":{}} "));
    splice_set(&splice, json_get(v, STR("a")), STR("b"), STR("1"));
    assert_true(splice_views(&splice, views, 4 * splice.n + 1) == 6);
    assert_result("{\"a\":{\"b\":1}} ");
}

static void members_are_added_at_the_end(void **state)
{
    (void)state;
    assert_edits("{}", "a1", "{\"a\":1}");
    assert_edits("{ }", "a1", "{ \"a\":1}");
    assert_edits("{}", "a1b2", "{\"a\":1,\"b\":2}");
    assert_edits("{\"x\":0}", "a1b2", "{\"x\":0,\"a\":1,\"b\":2}");
    assert_edits("{\"x\":0 } ", "a1", "{\"x\":0 ,\"a\":1} ");
    assert_edits("{}", "a1a2", "{\"a\":2}");
    assert_edits("{}", "a1b2-a", "{\"b\":2}");
    assert_edits("{}", "a1-a", "{}");
}

static void drops_take_the_right_comma(void **state)
{
    (void)state;
    const char *abc = "{ \"a\":1, \"b\":2 ,\"c\":3 }";
    assert_edits(abc, "-a", "{ \"b\":2 ,\"c\":3 }");
    assert_edits(abc, "-b", "{ \"a\":1 ,\"c\":3 }");
    assert_edits(abc, "-c", "{ \"a\":1, \"b\":2 }");
    assert_edits(abc, "-a-b", "{ \"c\":3 }");
    assert_edits(abc, "-b-a", "{ \"c\":3 }");
    assert_edits(abc, "-a-c", "{ \"b\":2 }");
    assert_edits(abc, "-c-b", "{ \"a\":1 }");
    assert_edits(abc, "-b-c-a", "{  }");
    assert_edits(abc, "-c-b-a", "{  }");
    assert_edits(abc, "-a-a", "{ \"b\":2 ,\"c\":3 }");
    assert_edits("{\"a\":1}", "-a", "{}");
}

static void drops_and_sets_go_together(void **state)
{
    (void)state;
    assert_edits("{\"a\":1}", "-ab2", "{\"b\":2}");
    assert_edits("{\"a\":1}", "b2-a", "{\"b\":2}");
    assert_edits("{\"a\":1,\"b\":2}", "-bc3", "{\"a\":1,\"c\":3}");
    assert_edits("{\"a\":1,\"b\":2}", "c3-a-bd4", "{\"c\":3,\"d\":4}");
    assert_edits("{\"a\":1,\"b\":2}", "c3-a-b-c", "{}");
    assert_edits("{\"a\":1,\"b\":2}", "-aa7", "{\"a\":7,\"b\":2}");
    assert_edits("{\"a\":1,\"b\":2}", "-a-bb7", "{\"b\":7}");
    assert_edits("{\"a\":1,\"b\":2}", "-a-ba7", "{\"a\":7}");
    assert_edits("{\"a\":1,\"b\":2}", "a7-a", "{\"b\":2}");
}

static void nested_objects_keep_their_own_commas(void **state)
{
    (void)state;
    struct json v = start(STR("{\"o\":{\"a\":1,\"p\":{\"q\":1}},\"b\":2}"));
    struct json o = json_get(v, STR("o")), p = json_get(o, STR("p"));
    splice_set(&splice, v, STR("z"), STR("1"));
    splice_set(&splice, o, STR("z"), STR("2"));
    splice_set(&splice, p, STR("z"), STR("3"));
    splice_drop(&splice, p, STR("q"));
    splice_drop(&splice, o, STR("a"));
    splice_drop(&splice, v, STR("b"));
    assert_result("{\"o\":{\"p\":{\"z\":3},\"z\":2},\"z\":1}");
}

static void edits_inside_what_goes_do_not_matter(void **state)
{
    (void)state;
    static const char text[] = "{\"o\":{\"a\":1},\"b\":2}";
    for (int order = 0; order < 2; order++) {
        for (int drop = 0; drop < 2; drop++) {
            struct json v = start(str_c(text)), o = json_get(v, STR("o"));
            for (int turn = 0; turn < 2; turn++) {
                if (turn != order) {
                    splice_set(&splice, o, STR("z"), STR("5"));
                    splice_drop(&splice, o, STR("a"));
                } else if (drop) {
                    splice_drop(&splice, v, STR("o"));
                } else {
                    splice_set(&splice, v, STR("o"), STR("[]"));
                }
            }
            assert_int_equal(splice.n, 1);
            assert_result(drop ? "{\"b\":2}" : "{\"o\":[],\"b\":2}");
        }
    }
}

static void what_is_not_there_cannot_be_edited(void **state)
{
    (void)state;
    struct json v = start(STR("{\"a\":[]}"));
    splice_drop(&splice, json_get(v, STR("a")), STR("x"));
    splice_drop(&splice, json_get(v, STR("b")), STR("x"));
    assert_result("{\"a\":[]}");
    splice_set(&splice, json_get(v, STR("a")), STR("x"), STR("1"));
    assert_int_equal(splice.failed, ERR_INVALID);
    v = start(STR("{}"));
    splice_replace(&splice, json_get(v, STR("a")), STR("1"));
    assert_int_equal(splice.failed, ERR_INVALID);
}

/* From no edit before and from one, so that the last add finds room for none or for half of it. */
static void fill(unsigned before)
{
    static const char names[] = "bcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    struct json v = start(STR("{\"a\":1}"));
    if (before)
        splice_replace(&splice, json_get(v, STR("a")), STR("2"));
    for (unsigned i = 0; i <= (SPLICE_EDITS_MAX - before) / 2; i++) {
        assert_int_equal(splice.failed, ERR_OK);
        splice_set(&splice, v, str_of(names + i, 1), STR("1"));
    }
    assert_int_equal(splice.failed, ERR_TOO_BIG);
    for (unsigned i = 0; i <= (SPLICE_EDITS_MAX - before) / 2; i++) {
        splice_set(&splice, v, str_of(names + i, 1), STR("3"));
        splice_drop(&splice, v, str_of(names + i, 1));
        splice_replace(&splice, v, STR("4"));
    }
}

static void too_many_edits_leave_no_result(void **state)
{
    (void)state;
    fill(0);
    fill(1);
    struct str view;
    assert_int_equal(splice.failed, ERR_TOO_BIG);
    assert_int_equal(splice_size(&splice), 0);
    assert_int_equal(splice_views(&splice, &view, 1), 0);
    buf_reset(&out);
    assert_int_equal(splice_write(&splice, &out), ERR_TOO_BIG);
    assert_int_equal(out.failed, ERR_TOO_BIG);
    assert_int_equal(out.n, 0);
}

static void a_full_buffer_gets_nothing(void **state)
{
    (void)state;
    struct buf small;
    buf_init(&small, 10);
    struct json v = start(STR("{\"a\":1}"));
    splice_set(&splice, v, STR("b"), STR("22"));
    assert_int_equal(splice_write(&splice, &small), ERR_TOO_BIG);
    assert_int_equal(small.n, 0);
    buf_release(&small);
}

/* --- random edits of random objects against a plain list of members ------------------------------
 */

enum { NAMES = 7, STEPS = 8 };

struct member {
    char name;
    struct str raw;
    bool is_own, is_gone; /* own: of the text; a gone one comes back in its place */
};

struct model {
    struct member members[NAMES];
    unsigned n;
};

static void model_set(struct model *m, char name, struct str raw, bool drop)
{
    unsigned i = 0;
    while (i < m->n && m->members[i].name != name)
        i++;
    if (i == m->n) {
        if (!drop)
            m->members[m->n++] = (struct member){.name = name, .raw = raw};
        return;
    }
    m->members[i].raw = raw;
    m->members[i].is_gone = drop;
    if (drop && !m->members[i].is_own)
        memmove(&m->members[i], &m->members[i + 1], (--m->n - i) * sizeof m->members[0]);
}

/* Writes {"a":...} with a random choice of names and fills the model with views of it. */
static void random_object(struct buf *text, struct model *m)
{
    buf_reset(text);
    m->n = 0;
    random_space(text);
    buf_add(text, STR("{"));
    random_space(text);
    for (char c = 'a'; c < 'a' + NAMES; c++) {
        if (random_below(2))
            continue;
        buf_add(text, m->n ? STR(",") : STR(""));
        random_space(text);
        buf_printf(text, random_below(8) ? "\"%c\"" : "\"\\u%04x\"", c);
        random_space(text);
        buf_add(text, STR(":"));
        random_space(text);
        struct member member = {.name = c, .is_own = true, .raw = {NULL, text->n}};
        random_value(text, 2);
        member.raw.p = text->p + member.raw.n;
        member.raw.n = text->n - member.raw.n;
        m->members[m->n++] = member;
        random_space(text);
    }
    buf_add(text, STR("}"));
    random_space(text);
}

static void assert_like_model(struct str got, const struct model *m)
{
    struct json_tape t;
    struct json v;
    struct fault f;
    json_tape_init(&t, 10000);
    if (json_parse(&t, got, &v, &f) != ERR_OK)
        fail_msg("%.*s: %s", STR_ARG(got), f.message);
    struct json at = json_first(v);
    for (unsigned i = 0; i < m->n; i++) {
        if (m->members[i].is_gone)
            continue;
        assert_int_not_equal(at.type, JSON_NONE);
        assert_true(json_str_eq(json_key(at), str_of(&m->members[i].name, 1)));
        assert_true(str_eq(json_raw(at), m->members[i].raw));
        at = json_after(v, at);
    }
    assert_int_equal(at.type, JSON_NONE);
    json_tape_release(&t);
}

static void random_edits_give_what_a_list_of_members_says(void **state)
{
    (void)state;
    static const struct str raws[] = {STR_INIT("1"), STR_INIT("\"new\""), STR_INIT("{\"x\":[]}")};
    static const char names[] = "abcdefg";
    struct buf text;
    buf_init(&text, 1 << 20);
    text.failed = buf_grow(&text, 1 << 16); /* the model's views must not move */
    for (int round = 0; round < 20000; round++) {
        struct model m;
        random_object(&text, &m);
        struct json v = start(buf_view(&text));
        for (unsigned i = random_below(STEPS); i-- > 0;) {
            unsigned name = random_below(NAMES);
            bool drop = random_below(2);
            struct str raw = raws[random_below(COUNT_OF(raws))];
            if (drop)
                splice_drop(&splice, v, str_of(&names[name], 1));
            else
                splice_set(&splice, v, str_of(&names[name], 1), raw);
            model_set(&m, names[name], raw, drop);
        }
        assert_like_model(result(), &m);
    }
    assert_int_equal(text.failed, ERR_OK);
    buf_release(&text);
}

static int set_up(void **state)
{
    (void)state;
    json_tape_init(&tape, 10000);
    buf_init(&out, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    json_tape_release(&tape);
    buf_release(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_edits_the_text_stays),
        cmocka_unit_test(values_are_replaced_in_place),
        cmocka_unit_test(one_add_alone_keeps_to_its_views),
        cmocka_unit_test(members_are_added_at_the_end),
        cmocka_unit_test(drops_take_the_right_comma),
        cmocka_unit_test(drops_and_sets_go_together),
        cmocka_unit_test(nested_objects_keep_their_own_commas),
        cmocka_unit_test(edits_inside_what_goes_do_not_matter),
        cmocka_unit_test(what_is_not_there_cannot_be_edited),
        cmocka_unit_test(too_many_edits_leave_no_result),
        cmocka_unit_test(a_full_buffer_gets_nothing),
        cmocka_unit_test(random_edits_give_what_a_list_of_members_says),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
