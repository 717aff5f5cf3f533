/* cidr.h: addresses of peers and ranges of them, both families in one form: IPv4 lies in ::ffff:0:0/96,
 * so that an address counts as the same however it was written (RFC 4291, 2.5.5.2). */
#ifndef BASE_CIDR_H
#define BASE_CIDR_H

#include "base/str.h"

struct address {
    uint8_t bytes[16];
};

struct cidr {
    struct address first; /* the bits behind the prefix are zero */
    uint8_t bits;         /* 0..128 */
};

enum { CIDR_TEXT_MAX = 50 }; /* "ffff:...:ffff/128" and a NUL */

/* "192.0.2.1", "2001:db8::1"; no port, brackets or zone. */
bool address_parse(struct str s, struct address *out);
/* The shortest form, IPv4 with dots. */
struct str address_text(const struct address *a, char out[CIDR_TEXT_MAX]);

/* What one subscriber has: an IPv4 address, or with an IPv6 address the 2^64 beside it. */
struct address address_network(struct address a);

/* An address, or a range such as "10.0.0.0/8" or "2001:db8::/32". Bits behind the prefix are
 * refused: who writes "10.1.2.3/8" means something else. */
bool cidr_parse(struct str s, struct cidr *out);
struct str cidr_text(const struct cidr *c, char out[CIDR_TEXT_MAX]);
bool cidr_has(const struct cidr *c, const struct address *a);

/* Whose request it is, when `peer` sent it with these X-Forwarded-For fields (all of them, joined
 * by commas; "" for none): from right to left, what a trusted proxy says is believed. Stops at what
 * is no address. */
struct address address_behind(struct address peer, struct str forwarded, const struct cidr *trusted,
                              size_t trusted_n);

#endif
