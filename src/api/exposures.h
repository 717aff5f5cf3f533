/* exposures.h: a report's way through the store. */
#ifndef API_EXPOSURES_H
#define API_EXPOSURES_H

#include "api/internal.h"
#include "auth/exposure.h"

/* Reads the body, notes what is in it, follows the policies, tells every worker, then answer(q):
 * exposures_report() then tells what each of the report is. `reporter` is kept by the request.
 * GitHub's is an array of tokens of any account. */
void exposures_take(struct api_request *q, struct str reporter, bool is_github, handler_fn *answer);
const struct exposure_report *exposures_report(const struct api_request *q);

#endif
