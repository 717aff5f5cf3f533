#include "auth/find.h"

#define DEFAULT_PREFIX STR("sk-tp-v1-")
#define MANAGEMENT     STR("mgmt-")

enum { VERSION_CHARS = 3 }; /* "v1-" */

void finder_init(struct finder *f, struct str prefix)
{
    BUG_ON(!key_prefix_is_valid(prefix));
    f->prefixes[0] = prefix;
    f->prefixes[1] = DEFAULT_PREFIX;
    f->n = str_eq(prefix, DEFAULT_PREFIX) ? 1 : 2;
}

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool may_be_of_prefix(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/* The text before ends in \n, \t, \r, \b, \f, \uXXXX, \xXX or %XX. */
static bool ends_in_escape(struct str before)
{
    size_t n = before.n;
    const char *p = before.p;
    if (n >= 2 && p[n - 2] == '\\' && memchr("ntrbfv0", p[n - 1], 7))
        return true;
    if (n >= 3 && p[n - 3] == '%' && is_hex(p[n - 2]) && is_hex(p[n - 1]))
        return true;
    if (n >= 4 && p[n - 4] == '\\' && p[n - 3] == 'x' && is_hex(p[n - 2]) && is_hex(p[n - 1]))
        return true;
    return n >= 6 && p[n - 6] == '\\' && p[n - 5] == 'u' && is_hex(p[n - 4]) && is_hex(p[n - 3]) &&
           is_hex(p[n - 2]) && is_hex(p[n - 1]);
}

static bool is_bounded_left(struct str before)
{
    return before.n == 0 || !may_be_of_prefix(before.p[before.n - 1]) || ends_in_escape(before);
}

/* How long a key would be whose prefix's first part begins here. */
static size_t length_at(struct str prefix, struct str rest, bool *is_management)
{
    *is_management = str_starts(str_skip(rest, prefix.n - VERSION_CHARS), MANAGEMENT);
    return prefix.n + (*is_management ? MANAGEMENT.n : 0) + KEY_DIGITS;
}

enum verdict { NO_KEY, A_KEY, TOO_SHORT };

/* `at` is where the prefix's first part was found. */
static enum verdict judge(struct str prefix, struct str bytes, size_t at, bool is_end,
                          struct found_key *out)
{
    struct str rest = str_skip(bytes, at);
    bool is_management;
    size_t n = length_at(prefix, rest, &is_management);
    if (rest.n < n + (is_end ? 0 : 1) && !is_end)
        return TOO_SHORT;
    if (rest.n < n || (rest.n > n && is_letter_or_digit(rest.p[n])))
        return NO_KEY;
    if (key_shape(str_head(rest, n), prefix) == KEY_SHAPE_BAD ||
        !is_bounded_left(str_head(bytes, at)))
        return NO_KEY;
    *out = (struct found_key){at, str_head(rest, n), is_management};
    return A_KEY;
}

/* The stem in the bytes from `from`; bytes.n: none. Its first bytes may stand at the very end. */
static size_t find_stem(struct str bytes, size_t from, struct str stem)
{
    const char *p = from < bytes.n ? memmem(bytes.p + from, bytes.n - from, stem.p, stem.n) : NULL;
    return p ? (size_t)(p - bytes.p) : bytes.n;
}

/* As finder_next(), for one prefix. */
static bool next_of(struct str prefix, struct str bytes, size_t *from, bool is_end,
                    struct found_key *out)
{
    struct str stem = str_head(prefix, prefix.n - VERSION_CHARS);
    for (size_t at = *from;; at++) {
        at = find_stem(bytes, at, stem);
        if (at == bytes.n)
            break;
        enum verdict v = judge(prefix, bytes, at, is_end, out);
        if (v == NO_KEY)
            continue;
        *from = at;
        return v == A_KEY;
    }
    size_t left = is_end ? 0 : stem.n - 1;
    size_t end = bytes.n > left ? bytes.n - left : 0;
    if (end > *from)
        *from = end;
    return false;
}

bool finder_next(const struct finder *f, struct str bytes, size_t *from, bool is_end,
                 struct found_key *out)
{
    size_t go_on = bytes.n;
    bool found = false;
    for (unsigned i = 0; i < f->n; i++) {
        struct found_key k;
        size_t at = *from;
        bool has = next_of(f->prefixes[i], bytes, &at, is_end, &k);
        if (at < go_on || (at == go_on && has && !found)) {
            go_on = at;
            found = has;
            if (has)
                *out = k;
        }
    }
    *from = found ? out->at + out->text.n : go_on;
    return found;
}

static bool holds(struct str prefix, struct str bytes)
{
    struct str stem = str_head(prefix, prefix.n - VERSION_CHARS);
    for (size_t at = find_stem(bytes, 0, stem); at < bytes.n; at = find_stem(bytes, at + 1, stem)) {
        bool is_management;
        struct str rest = str_skip(bytes, at);
        size_t n = length_at(prefix, rest, &is_management);
        if (n <= rest.n && key_shape(str_head(rest, n), prefix) != KEY_SHAPE_BAD)
            return true;
    }
    return false;
}

bool finder_holds(const struct finder *f, struct str bytes)
{
    for (unsigned i = 0; i < f->n; i++) {
        if (holds(f->prefixes[i], bytes))
            return true;
    }
    return false;
}
