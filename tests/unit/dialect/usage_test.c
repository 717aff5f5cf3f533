/* What providers count, in each format; and what clients are told of it. */
#include "unit/dialect/rig.h"

#include "canon_dump.h"
#include "dialect/openai_form.h"

#define CHAT                                                                                       \
    "{\"id\":\"x\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"     \
    "\"hi\"},"                                                                                     \
    "\"finish_reason\":\"stop\"}],\"usage\":"
#define RESPONSE "{\"id\":\"x\",\"status\":\"completed\",\"output\":[],\"error\":null,\"usage\":"
#define MESSAGE                                                                                    \
    "{\"id\":\"x\",\"type\":\"message\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}],"        \
    "\"stop_reason\":\"end_turn\",\"usage\":"
#define CONTENT                                                                                    \
    "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hi\"}]},\"finishReason\":\"STOP\"}],"   \
    "\"usageMetadata\":"
#define CONVERSE                                                                                   \
    "{\"output\":{\"message\":{\"content\":[{\"text\":\"hi\"}]}},\"stopReason\":\"end_turn\","     \
    "\"usage\":"

/* Sources: the references of OpenAI (CompletionUsage; ResponseUsage), Anthropic (Usage), Google
 * (UsageMetadata, ModalityTokenCount), Amazon (TokenUsage). */
static const struct {
    const char *format, *whole, *usage;
} read[] = {
    {"openai",
     CHAT "{\"prompt_tokens\":100,\"completion_tokens\":50,\"prompt_tokens_details\":{"
          "\"cached_tokens\":10,\"audio_tokens\":40,\"image_tokens\":20,\"video_tokens\":5},"
          "\"completion_tokens_details\":{\"reasoning_tokens\":5,\"audio_tokens\":30,"
          "\"image_tokens\":7}}}",
     " prompt=100 completion=50 cached=10 reasoning=5 audio=40 image=20 video=5 audio_output=30 "
     "image_output=7"},
    {"openai",
     CHAT "{\"prompt_tokens\":10,\"completion_tokens\":5,\"prompt_tokens_details\":{"
          "\"cached_tokens\":99,\"audio_tokens\":99,\"image_tokens\":99},"
          "\"completion_tokens_details\":{\"reasoning_tokens\":2,\"audio_tokens\":99}}}",
     " prompt=10 completion=5 cached=10 reasoning=2 audio=10 audio_output=3"},
    {"responses",
     RESPONSE "{\"input_tokens\":100,\"input_tokens_details\":{\"cached_tokens\":10,"
              "\"image_tokens\":60},\"output_tokens\":50,\"output_tokens_details\":{"
              "\"reasoning_tokens\":5,\"image_tokens\":40}}}",
     " prompt=100 completion=50 cached=10 reasoning=5 image=60 image_output=40"},
    {"responses",
     RESPONSE "{\"input_tokens\":10,\"input_tokens_details\":{\"cached_tokens\":99},"
              "\"output_tokens\":5}}",
     " prompt=10 completion=5 cached=10"},
    {"anthropic",
     MESSAGE "{\"input_tokens\":5,\"cache_read_input_tokens\":20,\"cache_creation_input_tokens\":"
             "30,\"cache_creation\":{\"ephemeral_5m_input_tokens\":10,"
             "\"ephemeral_1h_input_tokens\":20},\"output_tokens\":7}}",
     " prompt=55 completion=7 cached=20 cache_write=30 cache_write_1h=20"},
    {"gemini",
     CONTENT "{\"promptTokenCount\":100,\"cachedContentTokenCount\":30,\"candidatesTokenCount\":20,"
             "\"thoughtsTokenCount\":4,\"promptTokensDetails\":[{\"modality\":\"TEXT\","
             "\"tokenCount\":10},{\"modality\":\"AUDIO\",\"tokenCount\":50},{\"modality\":"
             "\"IMAGE\",\"tokenCount\":30},{\"modality\":\"VIDEO\",\"tokenCount\":10}],"
             "\"cacheTokensDetails\":[{\"modality\":\"AUDIO\",\"tokenCount\":25}],"
             "\"candidatesTokensDetails\":[{\"modality\":\"IMAGE\",\"tokenCount\":12},{"
             "\"modality\":\"AUDIO\",\"tokenCount\":6}]}}",
     " prompt=100 completion=24 cached=30 reasoning=4 audio=50 image=30 video=10 audio_cached=25 "
     "audio_output=6 image_output=12"},
    {"bedrock",
     CONVERSE "{\"inputTokens\":5,\"outputTokens\":7,\"cacheReadInputTokens\":20,"
              "\"cacheWriteInputTokens\":30,\"cacheDetails\":[{\"ttl\":\"5m\",\"inputTokens\":10},"
              "{\"ttl\":\"1h\",\"inputTokens\":20}]}}",
     " prompt=55 completion=7 cached=20 cache_write=30 cache_write_1h=20"},
};

static void every_format_counts_all_kinds_of_tokens(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(read); i++) {
        struct buf seen;
        rig_again();
        rig_begin_answer(dialect_find(str_c(read[i].format)), NULL);
        buf_init(&seen, 4096);
        if (rig_read_whole(read[i].whole) != ERR_OK)
            fail_msg("%s: %s", read[i].whole, rig.fault.message);
        dump_usage(&seen, &rig.bill.usage);
        assert_same_text(buf_view(&seen), read[i].usage, read[i].whole);
        buf_release(&seen);
    }
}

/* A figure that a later event leaves out stays; a list that is there says all. */
static void a_stream_adds_up(void **state)
{
    (void)state;
    struct buf seen;
    rig_again();
    rig_begin_answer(dialect_find(STR("gemini")), NULL);
    assert_int_equal(rig_feed("", CONTENT
                              "{\"promptTokenCount\":100,\"promptTokensDetails\":[{\"modality\":"
                              "\"AUDIO\",\"tokenCount\":50}],\"candidatesTokenCount\":2,"
                              "\"candidatesTokensDetails\":[{\"modality\":\"AUDIO\","
                              "\"tokenCount\":2}]}}"),
                     ERR_OK);
    assert_int_equal(rig_feed("", CONTENT
                              "{\"candidatesTokenCount\":8,\"candidatesTokensDetails\":[{"
                              "\"modality\":\"TEXT\",\"tokenCount\":3},{\"modality\":\"AUDIO\","
                              "\"tokenCount\":5}]}}"),
                     ERR_OK);
    buf_init(&seen, 4096);
    dump_usage(&seen, &rig.bill.usage);
    assert_str(buf_view(&seen), " prompt=100 completion=8 audio=50 audio_output=5");
    buf_release(&seen);
}

/* What a client of each format is told. */
static void clients_are_told(void **state)
{
    (void)state;
    static const struct chat_bill bill = {.usage = {.prompt = 100,
                                                    .completion = 50,
                                                    .cached = 10,
                                                    .cache_write = 30,
                                                    .cache_write_1h = 20,
                                                    .audio = 40,
                                                    .image = 5,
                                                    .video = 3,
                                                    .audio_output = 30,
                                                    .image_output = 7}};
    static const struct {
        const char *format, *words[4];
    } rows[] = {
        {"openai",
         {"\"prompt_tokens_details\":{\"cached_tokens\":10,\"cache_write_tokens\":30,"
          "\"audio_tokens\":40,\"image_tokens\":5,\"video_tokens\":3}",
          "\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":30,"
          "\"image_tokens\":7}"}},
        {"responses",
         {"\"input_tokens_details\":{\"cached_tokens\":10,\"cache_write_tokens\":30,"
          "\"audio_tokens\":40,\"image_tokens\":5,\"video_tokens\":3}",
          "\"output_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":30,"
          "\"image_tokens\":7}"}},
        {"anthropic",
         {"\"input_tokens\":60,\"cache_creation_input_tokens\":30",
          "\"cache_creation\":{\"ephemeral_5m_input_tokens\":10,\"ephemeral_1h_input_tokens\":"
          "20}"}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct canon_event usage = {.kind = EVENT_USAGE, .bill = bill};
        rig_again();
        rig_begin_answer(&dialect_openai, NULL);
        assert_int_equal(rig_read_whole(CHAT "null}"), ERR_OK);
        assert_int_equal(canon_keep(&rig.kept, &rig.room, &usage), ERR_OK);
        struct str text = rig_write_whole(dialect_find(str_c(rows[i].format)));
        for (const char *const *word = rows[i].words; *word; word++) {
            if (str_find(text, str_c(*word)) == text.n)
                fail_msg("no %s in %.*s", *word, STR_ARG(text));
        }
    }
}

static void what_is_none_is_not_told(void **state)
{
    (void)state;
    struct buf out;
    struct json_writer w;
    struct chat_bill bill = {.usage = {.prompt = 1, .completion = 1}};
    buf_init(&out, 4096);
    json_writer_init(&w, &out);
    chat_write_usage(&w, NULL, &bill);
    assert_int_equal(jw_finish(&w), ERR_OK);
    assert_int_equal(str_find(buf_view(&out), STR("audio")), out.n);
    assert_int_equal(str_find(buf_view(&out), STR("image")), out.n);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_counts_all_kinds_of_tokens),
        cmocka_unit_test(a_stream_adds_up),
        cmocka_unit_test(clients_are_told),
        cmocka_unit_test(what_is_none_is_not_told),
    };
    return cmocka_run_group_tests(tests, rig_up, rig_down);
}
