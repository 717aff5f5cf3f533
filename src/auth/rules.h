/* rules.h: what a key may ask for: lists of models or providers, a newline behind each item. An item
 * names one ("openai/gpt-4o-mini"), or all of one author ("openai/" and a star). */
#ifndef AUTH_RULES_H
#define AUTH_RULES_H

#include "auth/gate.h"

/* p NULL: everything is allowed. */
bool rules_allow(struct str list, struct str item);
/* Does `list` allow nothing that `bound` does not? The first item that does is told. */
bool rules_within(struct str list, struct str bound, struct str *item);

/* By the key and by all that it comes from. */
bool rules_allow_model(const struct principal *p, struct str id);
bool rules_allow_provider(const struct principal *p, struct str name);

#endif
