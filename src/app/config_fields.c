#include "app/config_fields.h"

#include <stdio.h>
#include <stdlib.h>

/* --- names --- */

enum { NAMES_MAX = 64, LIST_MAX = 64 * 1024 };

/* The names that may stand in the table, or in its group `prefix` ("limits."). */
static size_t names_in(const struct field_table *t, struct str prefix, const char *names[NAMES_MAX],
                       char room[NAMES_MAX][32])
{
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        struct str name = str_c(t->fields[i].name);
        if (!str_starts(name, prefix))
            continue;
        name = str_skip(name, prefix.n);
        struct str first = str_cut(&name, '.');
        if (n && str_eq(first, str_c(names[n - 1]))) /* the fields of a group stand together */
            continue;
        BUG_ON(n == NAMES_MAX || first.n >= 32);
        memcpy(room[n], first.p, first.n);
        room[n][first.n] = '\0';
        names[n] = room[n];
        n++;
    }
    for (size_t i = 0; prefix.n == 0 && t->others && t->others[i]; i++) {
        BUG_ON(n == NAMES_MAX);
        names[n++] = t->others[i];
    }
    return n;
}

static bool is_among(struct str name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(name, str_c(names[i])))
            return true;
    }
    return false;
}

/* "limits", "deadlines of provider 'openai'", "provider 'openai'", "the top level" */
static const char *place(const struct field_table *t, struct str name, char *out, size_t n)
{
    bool both = name.n && t->where;
    const char *where = t->where ? t->where : name.n ? "" : "the top level";
    snprintf(out, n, "%.*s%s%s", STR_ARG(name), both ? " of " : "", where);
    return out;
}

static enum err check_names(const struct field_table *t, struct config_node table, struct str group,
                            struct fault *f)
{
    char room[NAMES_MAX][32], prefix[32] = "";
    const char *names[NAMES_MAX];
    BUG_ON(group.n + 1 >= sizeof prefix);
    if (group.n) {
        memcpy(prefix, group.p, group.n);
        prefix[group.n] = '.';
    }
    size_t n = names_in(t, str_c(prefix), names, room);
    for (size_t i = 0; i < config_count(table); i++) {
        struct config_node at = config_name(table, i);
        struct str name = config_text(at);
        if (is_among(name, names, n))
            continue;
        char where[120];
        return config_fault_set(f, at, "unknown setting '%.*s' in %s; did you mean '%s'?",
                                STR_ARG(str_head(name, 60)), place(t, group, where, sizeof where),
                                config_nearest(name, names, n));
    }
    return ERR_OK;
}

/* The group of a dotted name: "limits" of "limits.body"; empty for others. */
static struct str group_of(const struct field *fd)
{
    struct str rest = str_c(fd->name), first = str_cut(&rest, '.');
    return rest.p ? first : STR_NONE;
}

/* --- values --- */

/* Where a value comes from: the strongest of flag, environment, file and default. */
struct source {
    const char *name; /* "--listen", "TURNPIKE_LISTEN", "default"; NULL: the file */
    struct str text;  /* where it is not the file's */
    struct config_node node;
    bool is_default;
};

static struct source source_of(const struct field_table *t, const struct field *fd)
{
    struct source s = {.node = config_get(t->node, str_c(fd->name))};
    if (t->flags && fd->flag && fd->flag_value(t->flags).n) {
        s.name = fd->flag;
        s.text = fd->flag_value(t->flags);
    } else if (t->flags && fd->variable && str_c(getenv(fd->variable)).n) {
        s.name = fd->variable;
        s.text = str_c(getenv(fd->variable));
    } else if (!s.node.id) {
        s.name = "default";
        s.is_default = true;
        s.text = str_c(fd->otherwise);
    }
    return s;
}

static bool is_number(struct str s)
{
    size_t digits = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] >= '0' && s.p[i] <= '9')
            digits++;
        else if (s.p[i] != '.' && !(i == 0 && (s.p[i] == '-' || s.p[i] == '+')))
            return false;
    }
    return digits > 0;
}

static bool wants_number(const struct field *fd)
{
    return fd->kind == FIELD_COUNT || fd->kind == FIELD_SECONDS || fd->kind == FIELD_SIZE ||
           fd->kind == FIELD_PRICE || fd->kind == FIELD_USD;
}

static bool wants_text(const struct field *fd)
{
    return fd->is_right || fd->choices || fd->kind == FIELD_SECRET || fd->kind == FIELD_LISTEN ||
           fd->kind == FIELD_SIZE || fd->kind == FIELD_DURATION;
}

/* The kind of what is there: never the thing itself, which may be a secret in the wrong place. */
static const char *what_text_is(struct str s, const struct field *fd)
{
    if (s.n == 0)
        return "nothing";
    if (is_number(s))
        return fd && wants_number(fd) ? "this number" : "a number";
    return fd && wants_text(fd) ? "this text" : "text";
}

static const char *what_is(struct config_node n, const struct field *fd)
{
    switch (config_kind(n)) {
    case CONFIG_LIST:
        return "a list";
    case CONFIG_TABLE:
        return "a table";
    case CONFIG_SCALAR:
        return what_text_is(config_text(n), fd);
    case CONFIG_NOTHING:
        break;
    }
    return "nothing";
}

static enum err check_groups(const struct field_table *t, struct fault *f)
{
    struct str last = STR_NONE;
    for (size_t i = 0; i < t->n; i++) {
        struct str group = group_of(&t->fields[i]);
        if (group.n == 0 || str_eq(group, last))
            continue;
        last = group;
        struct config_node table = config_get(t->node, group);
        char where[120];
        if (table.id && config_kind(table) != CONFIG_TABLE)
            return config_fault_set(f, table, "%s must be a table of settings, not %s",
                                    place(t, group, where, sizeof where), what_is(table, NULL));
        enum err e = check_names(t, table, group, f);
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

static enum err value_fault(const struct field_table *t, const struct field *fd,
                            const struct source *s, const char *what, struct fault *f)
{
    char room[200];
    struct buf expected = {.p = room, .cap = sizeof room - 1, .max = sizeof room - 1};
    field_expected(fd, &expected);
    room[expected.n] = '\0';
    if (s->name)
        return fault_set(f, ERR_INVALID, "%s: %s must be %s, not %s", s->name, fd->name, room,
                         what);
    char where[120];
    return config_fault_set(f, s->node, "%s must be %s, not %s",
                            place(t, str_c(fd->name), where, sizeof where), room, what);
}

/* The texts of a list, a comma between two. */
static enum err join_list(const struct field_table *t, const struct field *fd,
                          const struct source *s, struct str *out, struct fault *f)
{
    struct buf all;
    enum err e = ERR_OK;
    buf_init(&all, LIST_MAX);
    for (size_t i = 0; e == ERR_OK && i < config_count(s->node); i++) {
        struct str text;
        struct config_node item = config_item(s->node, i);
        if (config_kind(item) != CONFIG_SCALAR) {
            e = value_fault(t, fd, s, "a list of other things", f);
        } else if ((e = config_expand(item, t->arena, &text, f)) == ERR_OK) {
            buf_add(&all, i ? STR(",") : STR(""));
            buf_add(&all, text);
        }
    }
    *out = arena_str(t->arena, buf_view(&all));
    if (e == ERR_OK && (all.failed != ERR_OK || !out->p))
        e = fault_set(f, ERR_NOMEM, "no memory for the configuration");
    buf_release(&all);
    return e;
}

static enum err read_field(const struct field_table *t, const struct field *fd, struct fault *f)
{
    struct source s = source_of(t, fd);
    struct str text;
    if (!s.name) {
        bool is_list = fd->kind == FIELD_LIST && config_kind(s.node) == CONFIG_LIST;
        if (config_kind(s.node) != CONFIG_SCALAR && !is_list)
            return value_fault(t, fd, &s, what_is(s.node, fd), f);
        enum err e =
            is_list ? join_list(t, fd, &s, &text, f) : config_expand(s.node, t->arena, &text, f);
        if (e != ERR_OK || (is_list && text.n == 0)) /* an empty list is as good as none */
            return e;
    } else if (s.text.p) {
        text = arena_str(t->arena, s.text);
        if (!text.p)
            return fault_set(f, ERR_NOMEM, "no memory for the configuration");
    } else if (fd->is_required) {
        return config_fault_set(f, t->node, "%s lacks %s", t->where, fd->name);
    } else {
        return ERR_OK;
    }
    if (text.n == 0 || !field_parse(fd, text, t->base))
        return value_fault(t, fd, &s, what_text_is(text, fd), f);
    return ERR_OK;
}

enum err field_table_read(const struct field_table *t, struct fault *f)
{
    char where[120];
    if (config_kind(t->node) != CONFIG_TABLE && t->node.id)
        return config_fault_set(f, t->node, "%s must be a table of settings, not %s",
                                place(t, STR_NONE, where, sizeof where), what_is(t->node, NULL));
    enum err e = check_names(t, t->node, STR_NONE, f);
    if (e == ERR_OK)
        e = check_groups(t, f);
    for (size_t i = 0; i < t->n && e == ERR_OK; i++)
        e = read_field(t, &t->fields[i], f);
    return e;
}

/* --- showing --- */

static void add_indent(struct buf *out, unsigned indent)
{
    while (indent--)
        buf_add(out, STR(" "));
}

static void add_origin(const struct field_table *t, const struct field *fd, const char *unset,
                       struct buf *out)
{
    struct source s = source_of(t, fd);
    buf_add(out, STR("  # "));
    if (!s.name)
        buf_printf(out, "%s:%u", config_file_path(s.node.file), config_line(s.node));
    else
        buf_add_c(out, s.is_default ? unset : s.name);
    buf_add(out, STR("\n"));
}

void field_table_show(const struct field_table *t, unsigned indent, const char *bullet,
                      const char *unset, struct buf *out)
{
    struct str last = STR_NONE;
    for (size_t i = 0; i < t->n; i++) {
        const struct field *fd = &t->fields[i];
        struct str group = group_of(fd);
        size_t line = out->n;
        bool opens_group = group.n && !str_eq(group, last);
        add_indent(out, indent - (unsigned)strlen(bullet));
        buf_add_c(out, bullet);
        if (opens_group) {
            buf_printf(out, "%.*s:\n", STR_ARG(group));
            add_indent(out, indent);
        }
        add_indent(out, group.n ? 4 : 0);
        buf_printf(out, "%s: ", fd->name + (group.n ? group.n + 1 : 0));
        size_t value = out->n;
        field_format(fd, t->base, out);
        if (out->n == value) { /* not set: no line */
            out->n = line;
            continue;
        }
        add_origin(t, fd, unset, out);
        bullet = "";
        last = group;
    }
}
