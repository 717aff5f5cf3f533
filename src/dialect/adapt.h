/* adapt.h: what of a request one provider can be told. What its format, or it itself, does not take is
 * left out here, once for all formats; what only another format can say is said in plain words where
 * there are any. A writer is given what comes of it (dialect_write_request()), so it need not ask what
 * is taken. */
#ifndef DIALECT_ADAPT_H
#define DIALECT_ADAPT_H

#include "dialect/dialect.h"

/* `refused`: the parameters (PARAM_BIT) that the provider does not take of those that its format has.
 * *out shares all that stays as it is with `r`, which is not changed: another provider may be told more
 * of it. ERR_UNPROCESSABLE and a sentence: there is content that this format cannot say and that
 * matters. ERR_NOMEM. */
enum err canon_adapt(const struct canon_request *r, const struct dialect *to, uint64_t refused,
                     struct canon_room *room, struct canon_request *out, struct fault *f) MUST_USE;

#endif
