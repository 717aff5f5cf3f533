/* oauth_token.h: tokens of others become access tokens of ours (RFC 8693). */
#ifndef API_OAUTH_TOKEN_H
#define API_OAUTH_TOKEN_H

#include "api/internal.h"

/* {"error","error_description"} (RFC 6749, 5.2) into q->out, with what goes with it in the head. */
void oauth_write_error(struct api_request *q, const struct fault *f);

handler_fn oauth_token, oauth_jwks;

#endif
