/* bedrock.h: Amazon Bedrock's Converse and ConverseStream, as providers speak it. The base URL is like
 * https://bedrock-runtime.us-east-1.amazonaws.com.
 * Sources: the Amazon Bedrock API reference, "Converse", "ConverseStream" and the types of "Amazon
 * Bedrock Runtime" (ContentBlock, ReasoningContentBlock, ToolConfiguration, CachePointBlock, AudioBlock,
 * OutputConfig, TokenUsage, ConverseStreamOutput); its user guide on the Converse API, tool use, prompt
 * caching, extended thinking, structured outputs and API keys. */
#ifndef DIALECT_BEDROCK_H
#define DIALECT_BEDROCK_H

#include "dialect/dialect.h"

extern const struct dialect dialect_bedrock;

/* Whose encrypted reasoning this is, in `reasoning_details`. Signed reasoning is Anthropic's own: its
 * signatures hold wherever its models are asked. */
#define BEDROCK_REASONING STR("amazon-bedrock-converse-v1")

struct bedrock_reading {
    struct canon_ordinals blocks; /* by the provider's index */
    bool has_begun;
};

/* bedrock_read_answer.c */
extern const struct shape bedrock_answer_shape[];
enum err bedrock_read_event(struct canon_reader *rd, struct str name, struct json root,
                            struct fault *f);
enum err bedrock_read_whole(struct canon_reader *rd, struct json root, struct fault *f);
void bedrock_read_error(struct json root, struct canon_room *room, struct canon_failure *out);

#endif
