#include "store/journal_record.h"
#include "unit/store/support.h"

static struct str payload(const struct buf *b)
{
    return str_skip(buf_view(b), JOURNAL_HEAD);
}

static void a_record_comes_back_as_it_was(void **state)
{
    struct generation g = make_generation(INT64_MAX, 2, 3, 4), back;
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 20);
    g.tag = UINT64_MAX;
    g.uncollected = INT64_MIN;
    g.tokens_prompt = UINT64_MAX;
    g.is_cancelled = true;
    g.is_streamed = false;
    g.status = -7;
    g.external_user = STR("a\0b\xff");
    assert_int_equal(journal_encode(&g, &b), ERR_OK);
    assert_true(journal_decode(payload(&b), &back));
    assert_same_generation(&g, &back);
    buf_release(&b);
}

/* As a journal of version 1 has it. */
static void a_payload_of_version_1_is_still_read(void **state)
{
    (void)state;
    const struct generation g = make_generation(77, 2, 3, 4);
    struct generation back;
    const int64_t numbers[] = {g.id,
                               (int64_t)g.tag,
                               g.account_id,
                               g.key_id,
                               g.created_ms,
                               g.settled_ms,
                               g.cost,
                               g.uncollected,
                               (int64_t)g.tokens_prompt,
                               (int64_t)g.tokens_completion,
                               (int64_t)g.tokens_cached,
                               (int64_t)g.tokens_cache_write,
                               (int64_t)g.tokens_reasoning,
                               g.first_ms,
                               g.total_ms};
    const struct str texts[] = {
        g.model,      g.provider,      g.native_model,         g.upstream_id,
        g.request_id, g.finish_reason, g.native_finish_reason, g.referer,
        g.title,      g.user_agent,    g.external_user};
    const int32_t status = g.status, attempts = g.attempts;
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_add(&b, STR("\x01\x05"));
    buf_add(&b, str_of((const char *)&status, 4));
    buf_add(&b, str_of((const char *)&attempts, 4));
    buf_add(&b, str_of((const char *)numbers, sizeof numbers));
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        uint16_t n = (uint16_t)texts[i].n;
        buf_add(&b, str_of((const char *)&n, 2));
        buf_add(&b, texts[i]);
    }
    assert_true(journal_decode(buf_view(&b), &back));
    assert_same_generation(&g, &back);
    for (size_t n = 0; n < b.n; n++)
        assert_false(journal_decode(str_head(buf_view(&b), n), &back));
    buf_release(&b);
}

static void numbers_of_any_size_come_back(void **state)
{
    (void)state;
    struct buf b;
    uint64_t seed = 4;
    buf_init(&b, 1 << 20);
    for (unsigned round = 0; round < 20000; round++) {
        struct generation back, g = make_generation((int64_t)(next_random(&seed) >> 1), 2, 3, 4);
        g.tag = next_random(&seed);
        g.created_ms = (int64_t)(next_random(&seed) >> next_random(&seed) % 64);
        g.settled_ms = -(int64_t)(next_random(&seed) >> next_random(&seed) % 64);
        g.tokens_cached = next_random(&seed) >> next_random(&seed) % 64;
        g.uncollected = (int64_t)(next_random(&seed) >> next_random(&seed) % 64);
        g.attempts = (int32_t)next_random(&seed);
        buf_reset(&b);
        assert_int_equal(journal_encode(&g, &b), ERR_OK);
        assert_true(journal_decode(payload(&b), &back));
        assert_same_generation(&g, &back);
    }
    buf_release(&b);
}

static void only_the_shortest_form_of_a_number_is_one(void **state)
{
    (void)state;
    struct generation g = {.id = 1}, back;
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_int_equal(journal_encode(&g, &b), ERR_OK);
    assert_int_equal(buf_add(&b, STR("\0")), ERR_OK);
    b.p[JOURNAL_HEAD + 18] = (char)0x80; /* a status of two bytes, the second of them 0 */
    assert_false(journal_decode(payload(&b), &back));
    b.p[JOURNAL_HEAD + 19] = 1;
    assert_true(journal_decode(payload(&b), &back));
    assert_int_equal(back.status, 64);
    buf_release(&b);
}

static void a_record_without_texts_comes_back(void **state)
{
    struct generation g = {.id = 1}, back;
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 20);
    assert_int_equal(journal_encode(&g, &b), ERR_OK);
    assert_int_equal(b.n, JOURNAL_HEAD + JOURNAL_PAYLOAD_MIN);
    assert_true(journal_decode(payload(&b), &back));
    assert_same_generation(&g, &back);
    buf_release(&b);
}

static void long_texts_are_cut_between_characters(void **state)
{
    struct generation g = {.id = 1}, back;
    struct buf b;
    static char text[5000];
    (void)state;
    buf_init(&b, 1 << 20);
    text[0] = 'x';
    for (size_t i = 1; i + 1 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa4", 2);
    g.referer = g.title = g.user_agent = g.external_user = g.model = str_of(text, sizeof text);
    assert_int_equal(journal_encode(&g, &b), ERR_OK);
    assert_true(journal_decode(payload(&b), &back));
    assert_int_equal(back.referer.n, JOURNAL_TEXT_MAX - 1);
    assert_memory_equal(back.title.p, text, back.title.n);
    buf_release(&b);
}

static void what_does_not_fit_leaves_the_buffer_as_it_was(void **state)
{
    struct generation g = make_generation(1, 2, 3, 4);
    struct buf b;
    (void)state;
    buf_init(&b, JOURNAL_RECORD_MAX + 10);
    assert_int_equal(journal_encode(&g, &b), ERR_OK);
    size_t n = b.n;
    assert_int_equal(journal_encode(&g, &b), ERR_TOO_BIG);
    assert_int_equal(b.n, n);
    buf_release(&b);
}

static void a_payload_of_any_other_length_is_refused(void **state)
{
    struct generation g = make_generation(1, 2, 3, 4), back;
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 20);
    assert_int_equal(journal_encode(&g, &b), ERR_OK);
    for (size_t n = 0; n < payload(&b).n; n++) {
        char *exact = malloc(n ? n : 1);
        memcpy(exact, payload(&b).p, n);
        assert_false(journal_decode(str_of(exact, n), &back));
        free(exact);
    }
    assert_int_equal(buf_add(&b, STR("x")), ERR_OK);
    assert_false(journal_decode(payload(&b), &back));
    buf_release(&b);
}

static void no_flipped_bit_goes_unnoticed(void **state)
{
    struct generation g = make_generation(1, 2, 3, 4), rows[2];
    struct buf b;
    size_t n;
    (void)state;
    buf_init(&b, 1 << 20);
    assert_int_equal(journal_encode(&g, &b), ERR_OK);
    assert_int_equal(journal_scan(buf_view(&b), rows, 2, &n), b.n);
    assert_int_equal(n, 1);
    for (size_t bit = 0; bit < b.n * 8; bit++) {
        b.p[bit / 8] = (char)(b.p[bit / 8] ^ 1 << bit % 8);
        assert_int_equal(journal_scan(buf_view(&b), rows, 2, &n), 0);
        assert_int_equal(n, 0);
        b.p[bit / 8] = (char)(b.p[bit / 8] ^ 1 << bit % 8);
    }
    buf_release(&b);
}

static void a_scan_stops_before_what_is_no_record(void **state)
{
    struct generation rows[8], g;
    struct buf b;
    size_t n, two = 0;
    (void)state;
    buf_init(&b, 1 << 20);
    for (int i = 1; i <= 5; i++) {
        g = make_generation(i, 2, 3, 4);
        assert_int_equal(journal_encode(&g, &b), ERR_OK);
        two = i == 2 ? b.n : two;
    }
    assert_int_equal(journal_scan(buf_view(&b), rows, 2, &n), two);
    assert_int_equal(n, 2);
    assert_int_equal(journal_scan(buf_view(&b), rows, 8, &n), b.n);
    assert_int_equal(n, 5);
    assert_int_equal(journal_scan(str_head(buf_view(&b), b.n - 1), rows, 8, &n), b.n - b.n / 5);
    b.p[two + JOURNAL_HEAD]++;
    assert_int_equal(journal_scan(buf_view(&b), rows, 8, &n), two);
    assert_true(journal_has_record_within(str_skip(buf_view(&b), two)));
    assert_false(journal_has_record_within(str_skip(buf_view(&b), b.n - b.n / 5)));
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_comes_back_as_it_was),
        cmocka_unit_test(a_payload_of_version_1_is_still_read),
        cmocka_unit_test(numbers_of_any_size_come_back),
        cmocka_unit_test(only_the_shortest_form_of_a_number_is_one),
        cmocka_unit_test(a_record_without_texts_comes_back),
        cmocka_unit_test(long_texts_are_cut_between_characters),
        cmocka_unit_test(what_does_not_fit_leaves_the_buffer_as_it_was),
        cmocka_unit_test(a_payload_of_any_other_length_is_refused),
        cmocka_unit_test(no_flipped_bit_goes_unnoticed),
        cmocka_unit_test(a_scan_stops_before_what_is_no_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
