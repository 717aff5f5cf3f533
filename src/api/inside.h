/* inside.h: a request's life, for the files that make it up: api.c lets it in, credential.c says who asks, wait.c
 * waits for others, answer.c ends it. */
#ifndef API_INSIDE_H
#define API_INSIDE_H

#include "api/internal.h"

enum { ANSWER_MAX = 16 * 1024 * 1024, FIELDS_MAX = 16 * 1024 };

/* Answered, or its client is gone, and nothing will call back. */
void request_free(struct api_request *q);
/* Runs the handler once it is known who asks and the body is there. */
void request_go_on(struct api_request *q);
/* Finds out who asks, then request_go_on(); or answers. */
void request_authenticate(struct api_request *q, const struct http_head *head);

/* A request's death: counted by its status, and told in one line. q or route may be NULL where it did not come so
 * far. */
void request_note(struct api *a, const struct reply_context *c, const struct route *route,
                  const struct api_request *q, int status);

#endif
