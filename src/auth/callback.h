/* callback.h: addresses to which a browser is sent on: an app's callback with its code, and paths of
 * our own to which a sign-in returns. */
#ifndef AUTH_CALLBACK_H
#define AUTH_CALLBACK_H

#include "base/buf.h"
#include "store/people.h"

enum { CALLBACK_MAX = 2048 };

/* https, or http to localhost or 127.0.0.1, with any port; no user, no fragment, nothing that a
 * browser reads otherwise than we do. `origin`: "https://app.example:8443", in lower case, without
 * the scheme's own port. */
enum err callback_check(struct str url, char origin[ORIGIN_MAX + 1], struct fault *f) MUST_USE;
/* The URL with name=value added to its query; both are ours and need no encoding. */
enum err callback_add(struct buf *out, struct str url, struct str name, struct str value);
/* "app.example" or "localhost:3000": how an app is called. */
struct str callback_title(struct str origin);

/* A path of this site: begins with one '/', holds nothing that leads elsewhere. */
bool return_path_is_right(struct str path);

#endif
