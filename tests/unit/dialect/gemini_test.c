#include "unit/dialect/rig.h"

#include "dialect/anthropic.h"
#include "dialect/gemini.h"
#include "dialect/openai_form.h"

/* --- requests --------------------------------------------------------------------------------- */

static const struct change {
    bool is_anthropic; /* the request; else OpenAI's */
    uint64_t max_tokens;
    const char *model, *in, *out;
} changed[] = {
    /* neighbours are one, empty texts none, what a system says later is the user's */
    {false, 0, "gemini-2.5-flash",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"us"
     "er\",\"content\":\"\"},{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"assistant"
     "\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"\"},{\"role\":\"user\","
     "\"content\":\"hi\"}]}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"},{\"text\":\"s\"}]},{"
     "\"role\":\"model\",\"parts\":[{\"text\":\"a\"}]},{\"role\":\"user\",\"parts\":[{\"te"
     "xt\":\"hi\"}]}]}"},
    /* texts stay as they are */
    {false, 0, "gemini-2.5-flash",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"h\\u0069 \\/ \\ud83d"
     "\\ude00\"}]}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"h\\u0069 \\/ \\ud83d\\ude00"
     "\"}]}]}"},
    /* what the gateway named is not given back */
    {false, 0, "gemini-2.5-flash",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"as"
     "sistant\",\"tool_calls\":[{\"id\":\"gemini-r-0\",\"type\":\"function\",\"function\":"
     "{\"name\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"gemin"
     "i-r-0\",\"content\":\"1\"}]}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]},{\"role\":\"model\""
     ",\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":{}}}]},{\"role\":\"user\",\"p"
     "arts\":[{\"functionResponse\":{\"name\":\"f\",\"response\":{\"result\":\"1\"}}}]}]}"},
    /* calls of another model, for one that wants signatures */
    {false, 0, "gemini-3-pro",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"as"
     "sistant\",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"t\",\"signa"
     "ture\":\"x\",\"format\":\"anthropic-claude-v1\"}],\"tool_calls\":[{\"id\":\"c1\",\"t"
     "ype\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":\"c2"
     "\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}]}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]},{\"role\":\"model\""
     ",\"parts\":[{\"functionCall\":{\"id\":\"c1\",\"name\":\"f\",\"args\":{}},\"thoughtSi"
     "gnature\":\"skip_thought_signature_validator\"},{\"functionCall\":{\"id\":\"c2\",\"n"
     "ame\":\"f\",\"args\":{}}}]}]}"},
    /* and for one that does not */
    {false, 0, "gemini-2.5-flash",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"as"
     "sistant\",\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name"
     "\":\"f\",\"arguments\":\"no JSON\"}}]}]}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]},{\"role\":\"model\""
     ",\"parts\":[{\"functionCall\":{\"id\":\"c1\",\"name\":\"f\",\"args\":{\"arguments\":"
     "\"no JSON\"}}}]}]}"},
    /* a text's signature without the text; a second one */
    {false, 0, "gemini-3-pro",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"as"
     "sistant\",\"reasoning_details\":[{\"type\":\"reasoning.encrypted\",\"data\":\"a\",\""
     "format\":\"google-gemini-v1\"},{\"type\":\"reasoning.encrypted\",\"data\":\"b\"}],\""
     "content\":\"x\",\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{"
     "\"name\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":\"assistant\",\"reasoning_details"
     "\":[{\"type\":\"reasoning.encrypted\",\"data\":\"c\"}]}]}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]},{\"role\":\"model\""
     ",\"parts\":[{\"text\":\"x\",\"thoughtSignature\":\"a\"},{\"text\":\"\",\"thoughtSign"
     "ature\":\"b\"},{\"functionCall\":{\"id\":\"c1\",\"name\":\"f\",\"args\":{}}},{\"text"
     "\":\"\",\"thoughtSignature\":\"c\"}]}]}"},
    /* images in results are beside the response for older models */
    {false, 0, "gemini-2.5-flash",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"as"
     "sistant\",\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name"
     "\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"conte"
     "nt\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"},{\"type"
     "\":\"image_url\",\"image_url\":{\"url\":\"https://h/i.png?x=1\"}}]}]}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]},{\"role\":\"model\""
     ",\"parts\":[{\"functionCall\":{\"id\":\"c1\",\"name\":\"f\",\"args\":{}}}]},{\"role"
     "\":\"user\",\"parts\":[{\"functionResponse\":{\"id\":\"c1\",\"name\":\"f\",\"respons"
     "e\":{\"result\":\"ab\"}}},{\"fileData\":{\"mimeType\":\"image/png\",\"fileUri\":\"ht"
     "tps://h/i.png?x=1\"}}]}]}"},
    /* a result that is an error */
    {true, 0, "gemini-2.5-flash",
     "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"hi"
     "\"},{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"c1\",\"name"
     "\":\"f\",\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
     "\"tool_use_id\":\"c1\",\"is_error\":true,\"content\":\"broke\"}]}]}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]},{\"role\":\"model\""
     ",\"parts\":[{\"functionCall\":{\"id\":\"c1\",\"name\":\"f\",\"args\":{}}}]},{\"role"
     "\":\"user\",\"parts\":[{\"functionResponse\":{\"id\":\"c1\",\"name\":\"f\",\"respons"
     "e\":{\"error\":\"broke\"}}}]}]}"},
    /* media */
    {false, 0, "gemini-2.5-flash",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_aud"
     "io\",\"input_audio\":{\"data\":\"AAA=\",\"format\":\"mp3\"}},{\"type\":\"file\",\"fi"
     "le\":{\"file_id\":\"files/a\"}},{\"type\":\"file\",\"file\":{\"file_data\":\"data:ap"
     "plication/pdf;base64,AA==\"}},{\"type\":\"video_url\",\"video_url\":{\"url\":\"data:"
     "video/mp4;base64,AA==\"}}]}]}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"inlineData\":{\"mimeType\":\"audio/m"
     "p3\",\"data\":\"AAA=\"}},{\"fileData\":{\"fileUri\":\"files/a\"}},{\"inlineData\":{"
     "\"mimeType\":\"application/pdf\",\"data\":\"AA==\"}},{\"inlineData\":{\"mimeType\":"
     "\"video/mp4\",\"data\":\"AA==\"}}]}]}"},
    {false, 0, "gemini-2.5-flash",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{"
     "\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"tool_choice\":\"auto\"}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"tools\":[{\"func"
     "tionDeclarations\":[{\"name\":\"f\"}]}],\"toolConfig\":{\"functionCallingConfig\":{"
     "\"mode\":\"AUTO\"}}}"},
    {false, 0, "gemini-2.5-flash",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{"
     "\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"tool_choice\":\"none\"}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"tools\":[{\"func"
     "tionDeclarations\":[{\"name\":\"f\"}]}],\"toolConfig\":{\"functionCallingConfig\":{"
     "\"mode\":\"NONE\"}}}"},
    {false, 0, "gemini-2.5-flash",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{"
     "\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"tool_choice\":\"required\"}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"tools\":[{\"func"
     "tionDeclarations\":[{\"name\":\"f\"}]}],\"toolConfig\":{\"functionCallingConfig\":{"
     "\"mode\":\"ANY\"}}}"},
    {false, 0, "gemini-2.5-flash",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{"
     "\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"tools\":[{\"func"
     "tionDeclarations\":[{\"name\":\"f\"}]}]}"},
    {false, 10000, "gemini-2.5-flash",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning\""
     ":{\"effort\":\"high\"}}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig"
     "\":{\"maxOutputTokens\":10000,\"thinkingConfig\":{\"thinkingBudget\":8000,\"includeT"
     "houghts\":true}}}"},
    {false, 0, "gemini-2.5-flash",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning\""
     ":{\"effort\":\"high\",\"exclude\":true}}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig"
     "\":{\"thinkingConfig\":{\"thinkingBudget\":24576,\"includeThoughts\":false}}}"},
    {false, 0, "gemini-2.5-flash",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning\""
     ":{\"enabled\":true}}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig"
     "\":{\"thinkingConfig\":{\"thinkingBudget\":-1,\"includeThoughts\":true}}}"},
    {false, 0, "gemini-2.5-flash",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning\""
     ":{\"effort\":\"none\"}}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig"
     "\":{\"thinkingConfig\":{\"thinkingBudget\":0}}}"},
    {false, 0, "gemini-2.5-pro",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning\""
     ":{\"enabled\":false}}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig"
     "\":{\"thinkingConfig\":{\"thinkingBudget\":128}}}"},
    /* from the third generation on by level, where no budget is said */
    {false, 0, "gemini-3-pro-preview",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning\":{"
     "\"enabled\":false}}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
     "\"thinkingConfig\":{\"thinkingLevel\":\"low\"}}}"},
    {false, 0, "gemini-3-flash",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning\":{"
     "\"effort\":\"none\"}}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
     "\"thinkingConfig\":{\"thinkingLevel\":\"minimal\"}}}"},
    {false, 0, "gemini-3-pro-preview",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning\":{"
     "\"effort\":\"minimal\"}}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
     "\"thinkingConfig\":{\"thinkingLevel\":\"low\",\"includeThoughts\":true}}}"},
    {false, 0, "gemini-3-pro-preview",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning\":{"
     "\"effort\":\"medium\"}}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
     "\"thinkingConfig\":{\"thinkingLevel\":\"high\",\"includeThoughts\":true}}}"},
    {false, 0, "gemini-3.1-pro",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning\":{"
     "\"effort\":\"medium\"}}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
     "\"thinkingConfig\":{\"thinkingLevel\":\"medium\",\"includeThoughts\":true}}}"},
    {false, 0, "gemini-3-flash",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning\":{"
     "\"effort\":\"minimal\"}}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
     "\"thinkingConfig\":{\"thinkingLevel\":\"minimal\",\"includeThoughts\":true}}}"},
    {false, 0, "gemini-3.8-flash",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning\":{"
     "\"effort\":\"minimal\"}}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
     "\"thinkingConfig\":{\"thinkingLevel\":\"low\",\"includeThoughts\":true}}}"},
    {false, 0, "gemini-3-flash",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning\":{"
     "\"effort\":\"max\",\"exclude\":true}}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
     "\"thinkingConfig\":{\"thinkingLevel\":\"high\",\"includeThoughts\":false}}}"},
    {false, 0, "gemini-3-flash",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning\":{"
     "\"enabled\":true}}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
     "\"thinkingConfig\":{\"thinkingLevel\":\"medium\",\"includeThoughts\":true}}}"},
    {false, 0, "gemini-3-pro",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning\":{\"max_"
     "tokens\":2000}}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
     "\"thinkingConfig\":{\"thinkingBudget\":2000,\"includeThoughts\":true}}}"},
    {false, 0, "gemini-2.5-flash",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"response_fo"
     "rmat\":{\"type\":\"json_object\"}}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig"
     "\":{\"responseMimeType\":\"application/json\"}}"},
    {false, 0, "gemini-2.5-flash",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"modalities"
     "\":[\"text\",\"image\"],\"image_config\":{\"aspect_ratio\":\"16:9\"}}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig"
     "\":{\"responseModalities\":[\"TEXT\",\"IMAGE\"],\"imageConfig\":{\"aspectRatio\":\"1"
     "6:9\"}}}"},
    {false, 0, "gemini-2.5-flash",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"modalities"
     "\":[\"audio\"],\"audio\":{\"voice\":\"Kore\",\"format\":\"pcm16\"}}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig"
     "\":{\"responseModalities\":[\"AUDIO\"],\"speechConfig\":{\"voiceConfig\":{\"prebuilt"
     "VoiceConfig\":{\"voiceName\":\"Kore\"}}}}}"},
};

static struct dialect_target target_of(const struct change *c)
{
    return (struct dialect_target){
        .model = str_c(c->model), .max_tokens = c->max_tokens, .quirks = &dialect_no_quirks};
}

static void requests_are_said_in_its_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(changed); i++) {
        const struct change *c = &changed[i];
        struct dialect_target target = target_of(c);
        rig_again();
        if (rig_read_request(c->is_anthropic ? &dialect_anthropic : &dialect_openai, c->in) !=
            ERR_OK)
            fail_msg("%s\n%s", c->in, rig.fault.message);
        assert_same_text(rig_write_request(&dialect_gemini, &target), c->out, c->in);
    }
}

static const struct {
    const char *text, *sentence;
} refused[] = {
    {"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"as"
     "sistant\",\"audio\":{\"id\":\"a1\"},\"content\":null}]}",
     "messages: this provider takes no audio by an id"},
    {"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"file\",\""
     "file\":{\"file_id\":\"file-1\"}}]}]}",
     "messages: this provider takes no files by an id that is not its own"},
    {"{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":[{\"type\":\"image_u"
     "rl\",\"image_url\":{\"url\":\"https://h/i.png\"}}]},{\"role\":\"user\",\"content\":"
     "\"hi\"}]}",
     "messages: this provider takes no media in the system prompt"},
    {"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{"
     "\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"web_search_options\":{}}",
     "web_search_options: this provider does not search where it has tools"},
};

static void what_it_cannot_say_is_for_others(void **state)
{
    (void)state;
    struct dialect_target target = {.model = STR("m"), .quirks = &dialect_no_quirks};
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        rig_again();
        assert_int_equal(rig_read_request(&dialect_openai, refused[i].text), ERR_OK);
        assert_int_equal(dialect_write_request(&dialect_gemini, &rig.request, &target, &rig.room,
                                               &rig.out, &rig.fault),
                         ERR_UNPROCESSABLE);
        assert_string_equal(rig.fault.message, refused[i].sentence);
    }
}

static void models_are_one_segment_of_the_path(void **state)
{
    (void)state;
    struct dialect_target target = {.model = STR("a/b c?:1.0_~\xc3\xa4"),
                                    .quirks = &dialect_no_quirks};
    assert_int_equal(dialect_gemini.write_path(&target, &rig.out), ERR_OK);
    assert_same_text(buf_view(&rig.out), "/models/a%2Fb%20c%3F%3A1.0_~%C3%A4:generateContent",
                     "a model");
}

/* --- answers ---------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    enum canon_finish reason;
} finishes[] = {
    {"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"STOP"
     "\"}]}",
     FINISH_STOP},
    {"{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\"}}]},\"fi"
     "nishReason\":\"STOP\"}]}",
     FINISH_TOOL_CALLS},
    {"{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\"}}]},\"fi"
     "nishReason\":\"MAX_TOKENS\"}]}",
     FINISH_LENGTH},
    {"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"SAFE"
     "TY\"}]}",
     FINISH_CONTENT_FILTER},
    {"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"RECI"
     "TATION\"}]}",
     FINISH_CONTENT_FILTER},
    {"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"BLOC"
     "KLIST\"}]}",
     FINISH_CONTENT_FILTER},
    {"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"PROH"
     "IBITED_CONTENT\"}]}",
     FINISH_CONTENT_FILTER},
    {"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"SPII"
     "\"}]}",
     FINISH_CONTENT_FILTER},
    {"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"IMAG"
     "E_SAFETY\"}]}",
     FINISH_CONTENT_FILTER},
    {"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"MALF"
     "ORMED_FUNCTION_CALL\"}]}",
     FINISH_ERROR},
    {"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"UNEX"
     "PECTED_TOOL_CALL\"}]}",
     FINISH_ERROR},
    {"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"OTHE"
     "R\"}]}",
     FINISH_ERROR},
    {"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"A_NE"
     "W_ONE\"}]}",
     FINISH_STOP},
};

static void reasons_are_told_in_ours(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(finishes); i++) {
        rig_again();
        rig_begin_answer(&dialect_gemini, NULL);
        assert_int_equal(rig_read_whole(finishes[i].text), ERR_OK);
        const struct canon_kept *end = canon_next(rig.kept.first, EVENT_FINISH, 0);
        if (!end || end->event.finish.reason != finishes[i].reason)
            fail_msg("%s", finishes[i].text);
        assert_int_equal(rig.ends, 1);
    }
}

/* A call in one event and the reason in the next; a reason with every event. */
static void a_stream_finishes_once(void **state)
{
    (void)state;
    rig_begin_answer(&dialect_gemini, NULL);
    assert_int_equal(rig_feed("", "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":"
                                  "{\"name\":\"f\"}}]}}]}"),
                     ERR_OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(rig_feed("", "{\"candidates\":[{\"finishReason\":\"STOP\"}]}"), ERR_OK);
    const struct canon_kept *end = canon_next(rig.kept.first, EVENT_FINISH, 0);
    assert_non_null(end);
    assert_int_equal(end->event.finish.reason, FINISH_TOOL_CALLS);
    assert_null(canon_next(end->next, EVENT_FINISH, 0));
    const struct canon_kept *tool = canon_next(rig.kept.first, EVENT_TOOL, 0);
    assert_str(tool->event.tool.id, "gemini--0");
    assert_int_equal(rig.ends, 0); /* the connection's end says it */
}

static void what_is_spoken_is_one_block(void **state)
{
    (void)state;
    rig_begin_answer(&dialect_gemini, NULL);
    for (int i = 0; i < 2; i++)
        assert_int_equal(rig_feed("", "{\"candidates\":[{\"content\":{\"parts\":[{\"inlineData\":"
                                      "{\"mimeType\":\"audio/L16;codec=pcm;rate=24000\",\"data\":"
                                      "\"AAAA\"}}]}}]}"),
                         ERR_OK);
    const struct canon_kept *first = canon_next(rig.kept.first, EVENT_SOUND, 0);
    const struct canon_kept *second = canon_next(first->next, EVENT_SOUND, 0);
    assert_str(first->event.sound.format, "pcm16");
    assert_int_equal(first->event.block, second->event.block);
}

/* Of a text that is not all ASCII: bytes would be taken for characters. */
static void places_are_kept_where_bytes_are_characters(void **state)
{
    (void)state;
    rig_begin_answer(&dialect_gemini, NULL);
    assert_int_equal(
        rig_feed("",
                 "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\\u00e4 b\"}]},"
                 "\"groundingMetadata\":{\"groundingChunks\":[{\"web\":{\"uri\":\"https://h\"}}]"
                 ",\"groundingSupports\":[{\"segment\":{\"startIndex\":3,\"endIndex\":4,\"text\":"
                 "\"b\"},\"groundingChunkIndices\":[0]}]}}]}"),
        ERR_OK);
    const struct canon_kept *found = canon_next(rig.kept.first, EVENT_CITATION, 0);
    assert_str(found->event.citation.quote, "b");
    assert_null(found->event.citation.start.p);
    assert_int_equal(
        rig_feed("", "{\"candidates\":[{\"groundingMetadata\":{\"groundingChunks\":[{\"web\":"
                     "{\"uri\":\"https://i\"}},{\"other\":{}}]}}]}"),
        ERR_OK);
    found = canon_next(found->next, EVENT_CITATION, 0);
    assert_str(found->event.citation.url, "https://i");
    assert_null(canon_next(found->next, EVENT_CITATION, 0));
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    rig_begin_answer(&dialect_gemini, NULL);
    assert_int_equal(rig_feed("", "{\"candidates\":[{\"index\":20}]}"), ERR_UPSTREAM);
    assert_int_equal(rig_feed("", "{\"candidates\":7,\"usageMetadata\":[]}"),
                     ERR_UPSTREAM);
    assert_int_equal(rig_read_whole("{\"candidates\":[]}"), ERR_UPSTREAM);
    assert_int_equal(rig_read_whole("7"), ERR_UPSTREAM);
    assert_int_equal(rig_read_whole("[{\"error\":{\"code\":500}}]"), ERR_OK);
    assert_int_equal(rig.errors, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_up, rig_down)
    const struct CMUnitTest tests[] = {
        TEST(requests_are_said_in_its_words),
        TEST(what_it_cannot_say_is_for_others),
        TEST(models_are_one_segment_of_the_path),
        TEST(reasons_are_told_in_ours),
        TEST(a_stream_finishes_once),
        TEST(what_is_spoken_is_one_block),
        TEST(places_are_kept_where_bytes_are_characters),
        TEST(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
