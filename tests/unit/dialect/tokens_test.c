/* Tokens that no provider counted: what is counted of a text, and what it comes to in each family. */
#include "unit/unit.h"

#include "base/bug.h"
#include "dialect/tokens.h"

static struct tokens_text counted(struct str raw)
{
    struct tokens_text t = {0, 0};
    tokens_add(&t, raw);
    return t;
}

static const struct {
    const char *raw;
    uint64_t bytes, wide;
} texts[] = {
    {"", 0, 0},
    {"plain", 5, 0},
    {"na\xc3\xafve", 6, 0},             /* Latin */
    {"\xd0\xbf\xd1\x80\xd0\xb8", 6, 0}, /* Cyrillic */
    {"\xe2\x82\xac", 3, 0},             /* the euro */
    {"\xe4\xbd\xa0\xe5\xa5\xbd", 6, 2}, /* Chinese */
    {"\xe3\x81\x82\xef\xbc\x81", 6, 2}, /* Japanese, and a wide exclamation mark */
    {"\xed\x95\x9c", 3, 1},             /* Korean */
    {"\xf0\x9f\x98\x80", 4, 0},         /* a face */
    {"a\xe4\xbd\xa0z", 5, 1},           /* among others */
    {"\\u4f60\\u597d", 6, 2},           /* as clients write it that keep to ASCII */
    {"\\u4F60\\uff01", 6, 2},           /* in either case */
    {"\\u00e9\\u20ac", 12, 0},          /* escaped and narrow */
    {"\\\\u4f60", 7, 0},                /* a backslash and a word */
    {"\\n\\\"", 4, 0},                  /* other escapes are bytes */
    {"\\u", 2, 0},                      /* cut short: no text, but nothing breaks */
    {"\\", 1, 0},
};

static void wide_characters_are_told_from_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct tokens_text t = counted(str_c(texts[i].raw));
        if (t.bytes != texts[i].bytes || t.wide != texts[i].wide)
            fail_msg("%s: %llu bytes, %llu wide", texts[i].raw, (unsigned long long)t.bytes,
                     (unsigned long long)t.wide);
    }
}

static void counts_add_up(void **state)
{
    (void)state;
    struct tokens_text t = counted(STR("abc"));
    tokens_add(&t, STR("\xe4\xbd\xa0"));
    assert_int_equal(t.bytes, 6);
    assert_int_equal(t.wide, 1);
}

/* A text of any length that is all of one kind is counted as exactly that; half and half within a tenth. */
static void long_texts_are_looked_at_in_places(void **state)
{
    (void)state;
    enum { MOST = 30000 };
    static char text[3 * MOST];
    for (size_t i = 0; i < MOST; i++)
        memcpy(text + 3 * i, "\xe4\xbd\xa0", 3);
    for (size_t n = 1; n <= MOST; n = n * 3 / 2 + 1) {
        struct tokens_text t = counted(str_of(text, 3 * n));
        assert_int_equal(t.bytes, 3 * n);
        if (t.wide < n - n / 50 || t.wide > n + n / 50 + 1)
            fail_msg("%zu characters are counted as %llu", n, (unsigned long long)t.wide);
    }
    memset(text + 3 * (MOST / 2), 'a', 3 * (MOST / 2));
    struct tokens_text half = counted(str_of(text, 3 * MOST));
    assert_true(half.wide > MOST * 45 / 100 && half.wide < MOST * 55 / 100);
}

/* --- families --------------------------------------------------------------------------------- */

static const struct {
    const char *model, *native;
    uint64_t english, chinese; /* of a thousand characters */
} families[] = {
    {"anthropic/claude-sonnet-4.5", "", 286, 1000},
    {"house/best", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", 286, 1000},
    {"deepseek/deepseek-chat", "", 300, 600},
    {"qwen/qwen3-32b", "", 286, 600},
    {"moonshotai/kimi-k2", "", 286, 570},
    {"google/gemini-2.5-flash", "", 250, 750},
    {"google/gemma-3-27b", "", 250, 750},
    {"openai/gpt-4o-mini", "", 250, 710},
    {"openai/gpt-4.1", "", 250, 710},
    {"openai/gpt-5", "", 250, 710},
    {"openai/o3-mini", "", 250, 710},
    {"openai/gpt-4-turbo", "", 250, 1070},
    {"openai/gpt-3.5-turbo", "", 250, 1070},
    {"meta-llama/llama-3.3-70b", "", 250, 750},
    {"", "", 250, 750},
    /* who is asked for decides, not what serves it */
    {"deepseek/deepseek-r1-distill-llama", "gpt-4o", 300, 600},
};

static void each_family_counts_as_its_maker_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(families); i++) {
        struct tokens_text english = {1000, 0}, chinese = {3000, 1000};
        struct str model = str_c(families[i].model), native = str_c(families[i].native);
        if (tokens_estimate(&english, model, native) != families[i].english ||
            tokens_estimate(&chinese, model, native) != families[i].chinese)
            fail_msg("%s %s: %llu and %llu", families[i].model, families[i].native,
                     (unsigned long long)tokens_estimate(&english, model, native),
                     (unsigned long long)tokens_estimate(&chinese, model, native));
    }
}

static void an_estimate_rounds_up(void **state)
{
    (void)state;
    static const struct {
        struct tokens_text text;
        uint64_t tokens;
    } rows[] = {{{0, 0}, 0}, {{1, 0}, 1}, {{4, 0}, 1}, {{5, 0}, 2}, {{3, 1}, 1}, {{7, 1}, 2}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(tokens_estimate(&rows[i].text, STR("m"), STR_NONE), rows[i].tokens);
    struct tokens_text odd = {2, 1}; /* of counts that were guessed */
    assert_int_equal(tokens_estimate(&odd, STR("m"), STR_NONE), 1);
}

/* Nobody counts for less than half or more than twice what all others do. */
static void families_are_in_reason(void **state)
{
    (void)state;
    unsigned i = 0;
    for (; tokens_family_at(i).name; i++) {
        struct tokens_family f = tokens_family_at(i);
        assert_true(f.per_byte >= 200 && f.per_byte <= 400);
        assert_true(f.per_wide >= 500 && f.per_wide <= 1500);
    }
    assert_string_equal(tokens_family_at(i - 1).name, "others");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wide_characters_are_told_from_bytes),
        cmocka_unit_test(counts_add_up),
        cmocka_unit_test(long_texts_are_looked_at_in_places),
        cmocka_unit_test(each_family_counts_as_its_maker_says),
        cmocka_unit_test(an_estimate_rounds_up),
        cmocka_unit_test(families_are_in_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
