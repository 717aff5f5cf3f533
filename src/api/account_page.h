/* account_page.h: the handlers of /account, to each other. */
#ifndef API_ACCOUNT_PAGE_H
#define API_ACCOUNT_PAGE_H

#include "api/signin.h"

/* The page of who is signed in. new_key: shown this once; error: ours, or NULL. */
void account_show(struct api_request *q, int status, struct str new_key, const char *error);
/* False: on the way to sign in. */
bool page_is_signed_in(struct api_request *q);

/* Texts in the request's memory. */
struct str text_usd(struct api_request *q, nanos amount);
struct str text_i64(struct api_request *q, int64_t v);
struct str text_time(struct api_request *q, int64_t ms);

/* A form's limit, reset and expires into k. NULL, or a sentence. */
const char *bounds_read(struct api_request *q, struct key *k);

handler_fn account_page_show, account_sessions_end, account_password, account_keys_create,
    account_keys_change, people_show, people_change, people_invite, people_uninvite;

#endif
