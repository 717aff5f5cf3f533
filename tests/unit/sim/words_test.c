#include "unit/unit.h"

#include "sim/internal.h"

static void n_words_are_n_tokens(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 300; n++) {
        struct buf b;
        buf_init(&b, 4096);
        assert_int_equal(sim__add_words(&b, n), ERR_OK);
        assert_int_equal(sim__tokens(b.n), n);
        unsigned spaces = 0;
        for (size_t i = 0; i < b.n; i++)
            spaces += b.p[i] == ' ';
        assert_int_equal(spaces, n ? n - 1 : 0);
        buf_release(&b);
    }
}

static void words_past_the_ceiling_are_refused(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    assert_int_equal(sim__add_words(&b, 3), ERR_TOO_BIG);
    assert_int_equal(b.n, 0);
    buf_release(&b);
}

static void text_is_never_cut_within_a_character(void **state)
{
    (void)state;
    struct str s = STR("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z");
    static const unsigned ends[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
    for (unsigned n = 0; n < COUNT_OF(ends); n++)
        assert_int_equal(sim__cut(s, n).n, ends[n]);
}

/* Whatever the text: all of it comes, in pieces that are neither empty nor too long. */
static void pieces_make_the_whole(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "a",
        "one two three four five six seven eight nine ten",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80",
        "a\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac",
        "                                        "};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct str rest = str_c(texts[i]);
        while (rest.n) {
            struct str piece = sim__next_words(rest);
            assert_true(piece.n > 0 && piece.n <= SIM_PIECE_MAX);
            assert_ptr_equal(piece.p, rest.p);
            rest = str_skip(rest, piece.n);
            assert_true(rest.n == 0 || ((unsigned char)rest.p[0] & 0xc0) != 0x80);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(n_words_are_n_tokens),
        cmocka_unit_test(words_past_the_ceiling_are_refused),
        cmocka_unit_test(text_is_never_cut_within_a_character),
        cmocka_unit_test(pieces_make_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
