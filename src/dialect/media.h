/* media.h: URLs, data URLs (RFC 2397) and base64 (RFC 4648, section 4) as clients give them: looked at,
 * not decoded. */
#ifndef DIALECT_MEDIA_H
#define DIALECT_MEDIA_H

#include "base/str.h"

struct media_url {
    bool is_data;
    struct str mime; /* of a data URL; empty: not stated */
    struct str data; /* its base64 */
};

/* Some, padded or not. As fast as memory gives it. */
bool media_is_base64(struct str s);
/* Of plain bytes. NULL, or what is wrong: "expected a URL or a data URL, got neither". */
const char *media_read_url(struct str plain, struct media_url *out);

#endif
