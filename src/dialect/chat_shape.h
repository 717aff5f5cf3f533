/* chat_shape.h: tables of shape.h for what OpenAI's chat format has below the top of a request, and for
 * what is the gateway's own and the same in every format. */
#ifndef DIALECT_CHAT_SHAPE_H
#define DIALECT_CHAT_SHAPE_H

#include "dialect/shape.h"

extern const struct shape chat_shape_messages;
extern const struct shape chat_shape_cache[], chat_shape_tool[], chat_shape_choice[],
    chat_shape_format[], chat_shape_reasoning[], chat_shape_stream[], chat_shape_usage[],
    chat_shape_debug[], chat_shape_audio[], chat_shape_prediction[], chat_shape_plugin[];
/* At the top of a request. */
extern const struct shape chat_shape_ours[];

#endif
