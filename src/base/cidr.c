#include "base/cidr.h"

#include <arpa/inet.h>
#include <stdio.h>

enum { V4_BITS = 96 }; /* of the prefix under which IPv4 lies */

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_v4(const struct address *a)
{
    return memcmp(a->bytes, v4_prefix, sizeof v4_prefix) == 0;
}

bool address_parse(struct str s, struct address *out)
{
    char text[INET6_ADDRSTRLEN];
    if (s.n == 0 || s.n >= sizeof text || memchr(s.p, '\0', s.n))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    if (memchr(s.p, ':', s.n))
        return inet_pton(AF_INET6, text, out->bytes) == 1;
    memcpy(out->bytes, v4_prefix, sizeof v4_prefix);
    return inet_pton(AF_INET, text, out->bytes + sizeof v4_prefix) == 1;
}

struct str address_text(const struct address *a, char out[CIDR_TEXT_MAX])
{
    if (is_v4(a))
        inet_ntop(AF_INET, a->bytes + sizeof v4_prefix, out, CIDR_TEXT_MAX);
    else
        inet_ntop(AF_INET6, a->bytes, out, CIDR_TEXT_MAX);
    return str_c(out);
}

/* --- ranges --- */

/* Equal in the first `bits`. */
static bool is_equal(const struct address *a, const struct address *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a->bytes, b->bytes, whole) != 0)
        return false;
    return rest == 0 || ((a->bytes[whole] ^ b->bytes[whole]) & (0xff << (8 - rest)) & 0xff) == 0;
}

static bool is_zero_behind(const struct address *a, unsigned bits)
{
    for (unsigned i = bits; i < 128; i++) {
        if (a->bytes[i / 8] & (0x80 >> (i % 8)))
            return false;
    }
    return true;
}

bool cidr_parse(struct str s, struct cidr *out)
{
    struct str bits = s, address = str_cut(&bits, '/');
    struct cidr c;
    uint64_t n;
    if (!address_parse(address, &c.first))
        return false;
    unsigned before = memchr(address.p, ':', address.n) ? 0 : V4_BITS;
    n = 128 - before;
    if (bits.p && (bits.n > 3 || !str_u64(bits, 128 - before, &n)))
        return false;
    c.bits = (uint8_t)(before + n);
    if (!is_zero_behind(&c.first, c.bits))
        return false;
    *out = c;
    return true;
}

struct str cidr_text(const struct cidr *c, char out[CIDR_TEXT_MAX])
{
    struct str a = address_text(&c->first, out);
    bool short_form = is_v4(&c->first) && c->bits >= V4_BITS;
    unsigned bits = short_form ? c->bits - (unsigned)V4_BITS : c->bits;
    if (c->bits == 128)
        return a;
    if (is_v4(&c->first) && !short_form) { /* a range that holds more than IPv4 */
        inet_ntop(AF_INET6, c->first.bytes, out, CIDR_TEXT_MAX);
        a = str_c(out);
    }
    int n = snprintf(out + a.n, CIDR_TEXT_MAX - a.n, "/%u", bits);
    return str_of(out, a.n + (size_t)n);
}

bool cidr_has(const struct cidr *c, const struct address *a)
{
    return is_equal(&c->first, a, c->bits);
}

/* --- proxies --- */

static bool is_trusted(const struct address *a, const struct cidr *trusted, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (cidr_has(&trusted[i], a))
            return true;
    }
    return false;
}

/* An element as proxies write it: an address, also with a port: "192.0.2.1:80", "[::1]:80". */
static bool parse_element(struct str s, struct address *out)
{
    struct str rest;
    s = str_trim(s);
    if (address_parse(s, out))
        return true;
    if (str_starts(s, STR("["))) {
        rest = str_skip(s, 1);
        return address_parse(str_cut(&rest, ']'), out);
    }
    rest = s;
    return address_parse(str_cut(&rest, ':'), out);
}

/* What stands behind the last comma; *s keeps what is before it, p NULL where there is none. */
static struct str cut_last(struct str *s)
{
    size_t at = s->n;
    while (at && s->p[at - 1] != ',')
        at--;
    struct str last = str_skip(*s, at);
    *s = at ? str_head(*s, at - 1) : STR_NONE;
    return last;
}

struct address address_behind(struct address peer, struct str forwarded, const struct cidr *trusted,
                              size_t trusted_n)
{
    struct address said;
    while (forwarded.n && is_trusted(&peer, trusted, trusted_n)) {
        if (!parse_element(cut_last(&forwarded), &said))
            break;
        peer = said;
    }
    return peer;
}

struct address address_network(struct address a)
{
    static const uint8_t v4[12] = {[10] = 0xff, [11] = 0xff};
    if (memcmp(a.bytes, v4, sizeof v4) != 0)
        memset(a.bytes + 8, 0, 8);
    return a;
}
