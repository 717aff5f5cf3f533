/* config_values.c: one value of a setting: its text read, written, and what would be right. */
#include "app/config_fields.h"

#include <inttypes.h>
#include <string.h>

#include "base/money.h"
#include "base/secret.h"
#include "http/url.h"
#include "json/write.h"

/* A suffix and how many of the smallest unit it is; largest first. */
struct unit {
    struct str name;
    uint64_t is;
};

static const struct unit sizes[] = {{STR_INIT("GiB"), UINT64_C(1) << 30},
                                    {STR_INIT("MiB"), 1 << 20},
                                    {STR_INIT("KiB"), 1 << 10},
                                    {STR_INIT(""), 1}};
/* "ms" before "s", which it ends in. */
static const struct unit durations[] = {{STR_INIT("ms"), 1},
                                        {STR_INIT("d"), 86400000},
                                        {STR_INIT("h"), 3600000},
                                        {STR_INIT("m"), 60000},
                                        {STR_INIT("s"), 1000}};

#define PUT(base, at, value) memcpy((char *)(base) + (at), &(value), sizeof(value))
#define GET(value, base, at) memcpy(&(value), (const char *)(base) + (at), sizeof(value))

/* --- reading --- */

static bool parse_units(const struct field *fd, struct str text, const struct unit *units, size_t n,
                        uint64_t *out)
{
    for (size_t i = 0; i < n; i++) {
        if (!str_ends(text, units[i].name))
            continue;
        uint64_t v;
        if (!str_u64(str_head(text, text.n - units[i].name.n), fd->most / units[i].is, &v))
            return false;
        *out = v * units[i].is;
        return *out >= fd->least;
    }
    return false;
}

static bool parse_text(const struct field *fd, struct str text, void *base)
{
    if (fd->is_right && !fd->is_right(text))
        return false;
    PUT(base, fd->at, text);
    return true;
}

/* What goes into a header must not end it. */
static bool parse_secret(const struct field *fd, struct str text, void *base)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] <= ' ' || text.p[i] > '~')
            return false;
    }
    struct secret s = secret_of(text);
    PUT(base, fd->at, s);
    return true;
}

static bool parse_listen(const struct field *fd, struct str text, void *base)
{
    struct str host;
    uint16_t port;
    if (!url_parse_listen(text, &host, &port))
        return false;
    PUT(base, fd->at, host);
    PUT(base, fd->also, port);
    return true;
}

static bool parse_count(const struct field *fd, struct str text, void *base)
{
    uint64_t v;
    if (!str_u64(text, fd->most, &v) || v < fd->least)
        return false;
    if (fd->kind == FIELD_SECONDS) {
        PUT(base, fd->at, v);
    } else {
        uint32_t v32 = (uint32_t)v;
        PUT(base, fd->at, v32);
    }
    return true;
}

static bool parse_size(const struct field *fd, struct str text, void *base)
{
    uint64_t v;
    if (!parse_units(fd, text, sizes, COUNT_OF(sizes), &v))
        return false;
    PUT(base, fd->at, v);
    return true;
}

static bool parse_duration(const struct field *fd, struct str text, void *base)
{
    uint64_t v;
    if (!parse_units(fd, text, durations, COUNT_OF(durations), &v))
        return false;
    uint32_t ms = (uint32_t)v;
    PUT(base, fd->at, ms);
    return true;
}

static bool parse_choice(const struct field *fd, struct str text, void *base)
{
    for (uint32_t i = 0; fd->choices[i]; i++) {
        if (!str_eq(text, str_c(fd->choices[i])))
            continue;
        struct str word = str_c(fd->choices[i]);
        if (fd->kind == FIELD_WORD)
            PUT(base, fd->at, word);
        else
            PUT(base, fd->at, i);
        return true;
    }
    return false;
}

static bool parse_bool(const struct field *fd, struct str text, void *base)
{
    bool v = str_eq(text, STR("true"));
    if (!v && !str_eq(text, STR("false")))
        return false;
    PUT(base, fd->at, v);
    return true;
}

static bool parse_money(const struct field *fd, struct str text, void *base)
{
    int64_t v;
    bool is_price = fd->kind == FIELD_PRICE;
    if (is_price ? !money_parse_per_million(text, &v) : !money_parse_usd(text, &v))
        return false;
    PUT(base, fd->at, v);
    return true;
}

/* --- writing --- */

/* JSON's strings are YAML's too. */
static void format_text(const struct field *fd, const void *base, struct buf *out)
{
    struct str s;
    GET(s, base, fd->at);
    if (s.n)
        json_add_str(out, s);
}

static void format_list(const struct field *fd, const void *base, struct buf *out)
{
    struct str s;
    GET(s, base, fd->at);
    for (bool is_first = true; s.n; is_first = false) {
        buf_add_c(out, is_first ? "[" : ", ");
        json_add_str(out, str_trim(str_cut(&s, ',')));
        if (!s.n)
            buf_add_c(out, "]");
    }
}

static void format_secret(const struct field *fd, const void *base, struct buf *out)
{
    struct secret s;
    GET(s, base, fd->at);
    if (!secret_is_empty(s))
        buf_add(out, STR("sk-...(hidden)"));
}

static void format_listen(const struct field *fd, const void *base, struct buf *out)
{
    struct str host;
    uint16_t port;
    GET(host, base, fd->at);
    GET(port, base, fd->also);
    bool is_v6 = str_find(host, STR(":")) < host.n;
    buf_printf(out, is_v6 ? "\"[%.*s]:%u\"" : "\"%.*s:%u\"", STR_ARG(host), port);
}

static uint64_t number_of(const struct field *fd, const void *base)
{
    uint64_t wide;
    uint32_t narrow;
    if (fd->kind == FIELD_SIZE || fd->kind == FIELD_SECONDS) {
        GET(wide, base, fd->at);
        return wide;
    }
    GET(narrow, base, fd->at);
    return narrow;
}

static void format_count(const struct field *fd, const void *base, struct buf *out)
{
    uint64_t v = number_of(fd, base);
    if (v <= fd->most) /* -1 stands for what is not stated */
        buf_add_u64(out, v);
}

/* In the largest unit that divides it. */
static void add_units(struct buf *out, uint64_t v, const struct unit *units, size_t n)
{
    const struct unit *best = NULL;
    for (size_t i = 0; i < n; i++) {
        if (v % units[i].is == 0 && (!best || units[i].is > best->is) && (v || units[i].is == 1))
            best = &units[i];
    }
    buf_add_u64(out, v / best->is);
    buf_add(out, best->name);
}

static void format_size(const struct field *fd, const void *base, struct buf *out)
{
    add_units(out, number_of(fd, base), sizes, COUNT_OF(sizes));
}

static void format_duration(const struct field *fd, const void *base, struct buf *out)
{
    add_units(out, number_of(fd, base), durations, COUNT_OF(durations));
}

static void format_choice(const struct field *fd, const void *base, struct buf *out)
{
    if (fd->kind == FIELD_WORD)
        format_text(fd, base, out);
    else
        buf_add_c(out, fd->choices[number_of(fd, base)]);
}

static void format_bool(const struct field *fd, const void *base, struct buf *out)
{
    bool v;
    GET(v, base, fd->at);
    buf_add_c(out, v ? "true" : "false");
}

/* Pico-dollars per token are micro-dollars per million tokens. */
static void format_money(const struct field *fd, const void *base, struct buf *out)
{
    int64_t v;
    GET(v, base, fd->at);
    money_add_usd(out, fd->kind == FIELD_PRICE ? v * 1000 : v);
}

/* --- what would be right --- */

static void expect_text(const struct field *fd, struct buf *out)
{
    buf_add_c(out, fd->expected ? fd->expected : "text");
}

static void expect_secret(const struct field *fd, struct buf *out)
{
    (void)fd;
    buf_add_c(out, "printable characters without spaces");
}

static void expect_listen(const struct field *fd, struct buf *out)
{
    (void)fd;
    buf_add_c(out, "HOST:PORT such as 127.0.0.1:8080");
}

static void expect_count(const struct field *fd, struct buf *out)
{
    buf_printf(out, "a whole number from %" PRIu64 " to %" PRIu64, fd->least, fd->most);
}

static void expect_between(const struct field *fd, const struct unit *units, size_t n,
                           struct buf *out)
{
    buf_add_c(out, " from ");
    add_units(out, fd->least, units, n);
    buf_add_c(out, " to ");
    add_units(out, fd->most, units, n);
}

static void expect_size(const struct field *fd, struct buf *out)
{
    buf_add_c(out, "a size such as 32MiB,");
    expect_between(fd, sizes, COUNT_OF(sizes), out);
}

static void expect_duration(const struct field *fd, struct buf *out)
{
    buf_add_c(out, "a duration such as 75s or 500ms,");
    expect_between(fd, durations, COUNT_OF(durations), out);
}

static void expect_choice(const struct field *fd, struct buf *out)
{
    for (size_t i = 0; fd->choices[i]; i++) {
        if (i)
            buf_add_c(out, fd->choices[i + 1] ? ", " : " or ");
        buf_add_c(out, fd->choices[i]);
    }
}

static void expect_bool(const struct field *fd, struct buf *out)
{
    (void)fd;
    buf_add_c(out, "true or false");
}

static void expect_money(const struct field *fd, struct buf *out)
{
    buf_add_c(out,
              fd->kind == FIELD_PRICE
                  ? "dollars per million tokens such as 0.15, at most six digits after the point"
                  : "dollars such as 0.001, at most nine digits after the point");
}

static const struct {
    bool (*parse)(const struct field *fd, struct str text, void *base);
    void (*format)(const struct field *fd, const void *base, struct buf *out);
    void (*expect)(const struct field *fd, struct buf *out);
} kinds[] = {
    [FIELD_TEXT] = {parse_text, format_text, expect_text},
    [FIELD_LIST] = {parse_text, format_list, expect_text},
    [FIELD_SECRET] = {parse_secret, format_secret, expect_secret},
    [FIELD_LISTEN] = {parse_listen, format_listen, expect_listen},
    [FIELD_COUNT] = {parse_count, format_count, expect_count},
    [FIELD_SECONDS] = {parse_count, format_count, expect_count},
    [FIELD_SIZE] = {parse_size, format_size, expect_size},
    [FIELD_DURATION] = {parse_duration, format_duration, expect_duration},
    [FIELD_CHOICE] = {parse_choice, format_choice, expect_choice},
    [FIELD_WORD] = {parse_choice, format_choice, expect_choice},
    [FIELD_BOOL] = {parse_bool, format_bool, expect_bool},
    [FIELD_PRICE] = {parse_money, format_money, expect_money},
    [FIELD_USD] = {parse_money, format_money, expect_money},
};

bool field_parse(const struct field *fd, struct str text, void *base)
{
    return kinds[fd->kind].parse(fd, text, base);
}

void field_format(const struct field *fd, const void *base, struct buf *out)
{
    kinds[fd->kind].format(fd, base, out);
}

void field_expected(const struct field *fd, struct buf *out)
{
    kinds[fd->kind].expect(fd, out);
}
