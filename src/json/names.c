#include "json/read.h"

#include "base/map.h"
#include "json/text.h"

enum { FEW_MEMBERS = 16, NAME_SHOWN_MAX = 64 };

static bool is_escaped(struct json key)
{
    return key.tape[key.at].escaped;
}

/* The name as it stands, cut between two characters to a length that suits a sentence. */
static enum err refuse_name(struct json key, struct fault *f)
{
    struct str raw = json_raw_str(key), shown = str_head(raw, NAME_SHOWN_MAX);
    while (shown.n < raw.n && shown.n && ((uint8_t)raw.p[shown.n] & 0xc0) == 0x80)
        shown.n--;
    return fault_set(f, ERR_INVALID, "the name \"%.*s\" stands twice in one object",
                     STR_ARG(shown));
}

static bool is_same_name(struct json a, struct json b)
{
    if (is_escaped(a) || is_escaped(b))
        return text__eq(json_raw_str(a), json_raw_str(b));
    return str_eq(json_raw_str(a), json_raw_str(b));
}

/* One of 64 bits that equal names share; a name with escapes may equal any. */
static uint64_t sign_of(struct json key)
{
    struct str raw = json_raw_str(key);
    if (is_escaped(key))
        return UINT64_MAX;
    unsigned first = raw.n ? (uint8_t)raw.p[0] : 0, last = raw.n ? (uint8_t)raw.p[raw.n - 1] : 0;
    return UINT64_C(1) << ((raw.n * 7 + first * 3 + last) & 63);
}

static bool is_among_those_before(struct json object, struct json value)
{
    for (struct json v = json_first(object); v.at != value.at; v = json_after(object, v)) {
        if (is_same_name(json_key(v), json_key(value)))
            return true;
    }
    return false;
}

/* Each with those before it, where their signs meet: for few names that is faster than a table. */
static enum err compare_all(struct json object, struct fault *f)
{
    uint64_t seen = 0;
    for (struct json v = json_first(object); v.type; v = json_after(object, v)) {
        uint64_t sign = sign_of(json_key(v));
        if ((seen & sign) && is_among_those_before(object, v))
            return refuse_name(json_key(v), f);
        seen |= sign;
    }
    return ERR_OK;
}

/* `decoded` has room for all names with escapes. */
static enum err put_all(struct json object, struct map *seen, struct buf *decoded, struct fault *f)
{
    for (struct json v = json_first(object); v.type; v = json_after(object, v)) {
        struct json key = json_key(v);
        struct str name = json_str(key, decoded);
        if (map_get(seen, name))
            return refuse_name(key, f);
        if (map_put(seen, name, seen /* any pointer */) != ERR_OK)
            return fault_set(f, ERR_NOMEM, "no memory to compare an object's names");
    }
    return ERR_OK;
}

static enum err compare_in_table(struct json object, size_t escaped_bytes, struct fault *f)
{
    struct map seen;
    struct buf decoded;
    map_init(&seen);
    buf_init(&decoded, escaped_bytes);
    enum err e = buf_grow(&decoded, escaped_bytes); /* once: the names in the table must not move */
    if (e == ERR_OK)
        e = put_all(object, &seen, &decoded, f);
    else
        fault_write(f, e, "no memory to compare an object's names");
    buf_release(&decoded);
    map_release(&seen);
    return e;
}

enum err json_refuse_duplicates(struct json object, struct fault *f)
{
    size_t n = 0, escaped_bytes = 0;
    if (object.type != JSON_OBJECT)
        return ERR_OK;
    for (struct json v = json_first(object); v.type; v = json_after(object, v), n++) {
        struct json key = json_key(v);
        escaped_bytes += is_escaped(key) ? json_raw_str(key).n : 0;
    }
    return n <= FEW_MEMBERS ? compare_all(object, f) : compare_in_table(object, escaped_bytes, f);
}
