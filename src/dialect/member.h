/* member.h: the members of a chat request, by OpenAI's and OpenRouter's names: what each must be. What
 * another format says under such a name, or means by another name, is held against the same rule.
 * Sources: OpenAI's API reference, "Create chat completion"; OpenRouter's API reference, "Chat
 * completion", and its guide on reasoning. */
#ifndef DIALECT_MEMBER_H
#define DIALECT_MEMBER_H

#include "dialect/shape.h"

enum member_kind {
    MEMBER_STRING, /* of at most `high` characters; high 0: of any length */
    MEMBER_BOOLEAN,
    MEMBER_COUNT,   /* a whole number, low..high, both from 0 on */
    MEMBER_INTEGER, /* a whole number, low..high */
    MEMBER_NUMBER,  /* low..high */
    MEMBER_WORD,    /* one of `words` */
    MEMBER_OBJECT,
    MEMBER_ARRAY,
    MEMBER_STRINGS, /* an array of strings: of `words` if there are any, at most `high`; 0: any number */
    MEMBER_STRING_OR_STRINGS, /* likewise, or one string */
    MEMBER_WORD_OR_OBJECT,
};

struct member_rule {
    enum member_kind kind;
    double low, high;
    const char *words; /* "low medium high" */
    /* Of what is within: the members of the object, or of the objects in the array; and what the
     * array's elements must be (enum shape_kind). NULL, 0: anything. */
    const struct shape *inside;
    uint8_t items;
    /* What else is asked of it, once its kind is right; `where` names it in sentences. Or NULL. */
    enum err (*check)(struct json v, const char *where, struct fault *f);
};

/* The members that decisions rest on: found on one walk over a body. */
enum member_known {
    MEMBER_UNKNOWN, /* only checked */
    MEMBER_MODEL,
    MEMBER_MODELS,
    MEMBER_MESSAGES,
    MEMBER_TOOLS,
    MEMBER_FUNCTIONS,
    MEMBER_FUNCTION_CALL,
    MEMBER_STREAM,
    MEMBER_STREAM_OPTIONS,
    MEMBER_MAX_TOKENS,
    MEMBER_MAX_COMPLETION_TOKENS,
    MEMBER_CHOICES,
    MEMBER_PROVIDER,
    MEMBER_DEBUG,
    MEMBER_USER,
    MEMBER_LOGPROBS,
    MEMBER_TOP_LOGPROBS,
    MEMBER_TOOL_CHOICE,
    MEMBER_RESPONSE_FORMAT,
    MEMBER_REASONING,
    MEMBER_REASONING_EFFORT,
    MEMBER_INCLUDE_REASONING,
    MEMBER__KNOWN_COUNT,
};

struct member {
    struct str name;
    struct member_rule rule;
    bool is_ours; /* for the gateway, not for the provider */
    enum member_known known;
};

enum { MEMBER_CHOICES_MAX = 20 };

/* By number, which is the number of its bit; NULL past the last. */
const struct member *member_at(unsigned i);
/* NULL: nobody here knows it. */
const struct member *member_find(struct str name);
uint64_t member_bit(const struct member *m);

/* Whether a value is as the rule says; null and nothing are. ERR_INVALID and a sentence that begins
 * with `where`, or with what of it is wrong. */
enum err member_check(struct json v, const struct member_rule *rule, const char *where,
                      struct fault *f) MUST_USE;
/* ERR_INVALID: "A and B contradict each other: send one of them". */
enum err member_contradict(const char *a, const char *b, struct fault *f);
/* A budget of reasoning and the output bound that it is part of; 0: not said. */
enum err member_check_budget(uint64_t budget, const char *budget_name, uint64_t bound,
                             const char *bound_name, struct fault *f) MUST_USE;

#endif
