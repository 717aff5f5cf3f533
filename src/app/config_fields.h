/* config_fields.h: settings as rows of tables: name, kind, default, bounds, and where the value
 * goes. Reading, defaults, environment, flags, sentences about mistakes and `config show` all come
 * from the same rows. */
#ifndef APP_CONFIG_FIELDS_H
#define APP_CONFIG_FIELDS_H

#include "app/config.h"
#include "app/config_yaml.h"

enum field_kind {
    FIELD_TEXT,     /* struct str */
    FIELD_LIST,     /* struct str: the list's texts, a comma between two */
    FIELD_SECRET,   /* struct secret: never shown */
    FIELD_LISTEN,   /* struct str host; its port goes to `also` */
    FIELD_COUNT,    /* 32 bits */
    FIELD_SECONDS,  /* int64_t: since 1970 */
    FIELD_SIZE,     /* uint64_t: "32MiB" */
    FIELD_DURATION, /* uint32_t milliseconds: "75s", "500ms" */
    FIELD_CHOICE,   /* an enum: the choice's index */
    FIELD_WORD,     /* struct str: one of the choices */
    FIELD_BOOL,
    FIELD_PRICE, /* picos: dollars per million tokens */
    FIELD_USD,   /* nanos: dollars */
};

struct field {
    const char *name; /* dotted where it lies in a group: "limits.body" */
    enum field_kind kind;
    bool is_required;
    size_t at, also;                   /* offsets in the struct that is filled */
    uint64_t least, most;              /* of a number, in its unit */
    const char *const *choices;        /* NULL behind the last */
    bool (*is_right)(struct str text); /* of text; NULL: any */
    const char *expected;              /* completes "must be ..." where is_right says no */
    const char *otherwise; /* default, as it would be written; NULL: what the struct holds */
    const char *variable;  /* of the environment */
    const char *flag;      /* "--listen"; its value is flag_value() of the flags */
    struct str (*flag_value)(const struct config_flags *flags);
};

/* One table of the file and the struct that it fills. */
struct field_table {
    const struct field *fields;
    size_t n;
    const char *const
        *others;             /* names that are read elsewhere; NULL behind the last; may be NULL */
    struct config_node node; /* may be nothing */
    const char *where;       /* "provider 'openai'"; NULL: the top level */
    const struct config_flags *flags; /* NULL: neither flags nor environment count */
    void *base;
    struct arena *arena;
};

/* Refuses names that the table does not know, then fills the struct. */
enum err field_table_read(const struct field_table *t, struct fault *f) MUST_USE;
/* The same as YAML, `indent` deep; `unset` tells where values come from that the file does not
 * give. The first line bears `bullet` ("- ") in its indent where that is not empty. */
void field_table_show(const struct field_table *t, unsigned indent, const char *bullet,
                      const char *unset, struct buf *out);

/* The text of one value into its place. False: it is not what the field wants. */
bool field_parse(const struct field *fd, struct str text, void *base);
/* The value as it would be written; nothing for one that is not set. Secrets are hidden. */
void field_format(const struct field *fd, const void *base, struct buf *out);
/* "a whole number from 1 to 64" */
void field_expected(const struct field *fd, struct buf *out);

#define FIELD(name_, kind_, type_, member_, ...)                                                   \
    {                                                                                              \
        .name = (name_), .kind = FIELD_##kind_, .at = offsetof(type_, member_), __VA_ARGS__        \
    }

#endif
