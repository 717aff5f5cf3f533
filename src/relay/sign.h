/* sign.h: what a provider must see of each request anew: the signature of its path and body, where
 * its credential is a key of AWS. */
#ifndef RELAY_SIGN_H
#define RELAY_SIGN_H

#include "base/buf.h"
#include "catalog/catalog.h"

/* Appends the header lines; nothing where the provider has no such key. `path`: behind the base URL's,
 * as it is sent. The time is the clock's. */
enum err relay_sign(const struct provider *p, struct str path, struct str body,
                    struct buf *out) MUST_USE;

#endif
