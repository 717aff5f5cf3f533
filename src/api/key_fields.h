/* key_fields.h: what a client may say of a key, in a body that makes or changes one. */
#ifndef API_KEY_FIELDS_H
#define API_KEY_FIELDS_H

#include "api/internal.h"

enum {
    KEY_FIELDS_CREATE = 1, /* POST /keys */
    KEY_FIELDS_UPDATE = 2, /* PATCH /keys/{hash} */
    KEY_FIELDS_CHILD = 4,  /* POST /key/children */
};

struct key_fields {
    struct key key;  /* unset ones as of a new key; key_release() */
    uint32_t fields; /* KEY_SET_... of what was there */
    bool has_expiry;
};

/* `out` is the caller's to release also where this fails. ERR_INVALID names the field and what it
 * would have to be; a field that nobody knows is refused too: a misspelt limit is none. */
enum err key_fields_read(struct json root, unsigned where, struct key_fields *out,
                         struct fault *f) MUST_USE;
void key_fields_release(void *fields); /* fits arena_defer() */

#endif
